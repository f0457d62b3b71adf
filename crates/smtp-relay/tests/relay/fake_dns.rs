//! DNS as a table.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;

use mail_types::Domain;
use smtp_relay::{Dns, DnsError, Looking, Mx};

#[derive(Default)]
pub(crate) struct FakeDns {
    mx: HashMap<String, Result<Vec<Mx>, DnsError>>,
    addresses: HashMap<String, Result<Vec<IpAddr>, DnsError>>,
    /// The names asked for, in order.
    pub(crate) asked: Mutex<Vec<String>>,
}

impl FakeDns {
    /// `10 mx.test`, or nothing for no records.
    pub(crate) fn mx(mut self, domain: &str, records: &[&str]) -> Self {
        let record = |text: &&str| {
            let (preference, exchange) = text.split_once(' ').unwrap();
            Mx { preference: preference.parse().unwrap(), exchange: exchange.into() }
        };
        let records: Vec<_> = records.iter().map(record).collect();
        let answer = if records.is_empty() { Err(DnsError::NoRecords) } else { Ok(records) };
        self.mx.insert(domain.into(), answer);
        self
    }

    pub(crate) fn mx_error(mut self, domain: &str, error: DnsError) -> Self {
        self.mx.insert(domain.into(), Err(error));
        self
    }

    pub(crate) fn host(mut self, name: &str, addresses: &[&str]) -> Self {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        self.addresses.insert(name.into(), Ok(addresses));
        self
    }

    pub(crate) fn host_error(mut self, name: &str, error: DnsError) -> Self {
        self.addresses.insert(name.into(), Err(error));
        self
    }
}

impl Dns for FakeDns {
    fn mx<'a>(&'a self, domain: &'a Domain) -> Looking<'a, Vec<Mx>> {
        self.asked.lock().unwrap().push(format!("MX {domain}"));
        let answer = self.mx.get(domain.as_str()).cloned();
        Box::pin(async move { answer.unwrap_or(Err(DnsError::NoSuchDomain)) })
    }

    fn addresses<'a>(&'a self, host: &'a str) -> Looking<'a, Vec<IpAddr>> {
        self.asked.lock().unwrap().push(host.to_owned());
        let answer = self.addresses.get(host).cloned();
        Box::pin(async move { answer.unwrap_or(Err(DnsError::NoSuchDomain)) })
    }
}
