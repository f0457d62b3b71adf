//! What a domain's owner puts into DNS, as lines of a zone file (RFC 1035 §5.1).

use std::net::IpAddr;

use mail_types::Domain;

use crate::dkim::sign::SigningKey;
use crate::error::SetupError;

/// RFC 1035 §3.3: a string of a TXT record.
const STRING_BYTES_MAX: usize = 255;

/// One line: absolute name, type, data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneLine {
    /// With its final dot.
    pub name: String,
    /// `TXT`, `MX`, `SRV`, `CNAME`.
    pub kind: &'static str,
    /// As it stands in a zone file.
    pub data: String,
}

impl std::fmt::Display for ZoneLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} IN {} {}", self.name, self.kind, self.data)
    }
}

/// The records of these signing keys.
///
/// # Errors
/// [`SetupError::Crypto`].
pub fn dkim_records(keys: &[SigningKey]) -> Result<Vec<ZoneLine>, SetupError> {
    keys.iter().map(|key| Ok(txt(&key.record_name(), &key.record()?))).collect()
}

/// Who may send with addresses of this domain: its exchangers, these addresses, nobody else.
pub fn spf_record(domain: &Domain, addresses: &[IpAddr]) -> ZoneLine {
    let mut policy = String::from("v=spf1 mx");
    for address in addresses {
        match address.to_canonical() {
            IpAddr::V4(address) => policy.push_str(&format!(" ip4:{address}")),
            IpAddr::V6(address) => policy.push_str(&format!(" ip6:{address}")),
        }
    }
    txt(domain.as_str(), &(policy + " -all"))
}

/// How others are to take messages that only pretend to be from this domain. Begin with `none`,
/// read the reports, then go on.
pub fn dmarc_record(
    domain: &Domain,
    policy: crate::verdict::DmarcPolicy,
    reports_to: Option<&mail_types::EmailAddress>,
) -> ZoneLine {
    let mut record = format!("v=DMARC1; p={policy}");
    if let Some(address) = reports_to {
        record.push_str(&format!("; rua=mailto:{}", mailto(&address.to_string())));
    }
    txt(&format!("_dmarc.{domain}"), &record)
}

/// Where mail for this domain goes.
pub fn mx_record(domain: &Domain, exchange: &Domain) -> ZoneLine {
    ZoneLine { name: format!("{domain}."), kind: "MX", data: format!("10 {exchange}.") }
}

/// RFC 6186 §3.4, RFC 8314 §5.1: where mail programs find a service such as `imaps` by the address
/// alone, with the lower priority tried first; none says that it does not exist.
pub fn srv_record(domain: &Domain, service: &str, place: Option<(u16, u16, &Domain)>) -> ZoneLine {
    let data = match place {
        Some((priority, port, host)) => format!("{priority} 1 {port} {host}."),
        None => "0 0 0 .".into(),
    };
    ZoneLine { name: format!("_{service}._tcp.{domain}."), kind: "SRV", data }
}

/// Another name of a host, such as `autoconfig` below this domain.
pub fn alias_record(label: &str, domain: &Domain, host: &Domain) -> ZoneLine {
    ZoneLine { name: format!("{label}.{domain}."), kind: "CNAME", data: format!("{host}.") }
}

fn txt(name: &str, text: &str) -> ZoneLine {
    let strings = text.as_bytes().chunks(STRING_BYTES_MAX).map(quoted);
    ZoneLine { name: format!("{name}."), kind: "TXT", data: strings.collect::<Vec<_>>().join(" ") }
}

fn quoted(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(byte)]),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\{byte:03}")),
        }
    }
    text + "\""
}

/// RFC 6068 §2: what would end the address in a list of URIs is encoded.
fn mailto(address: &str) -> String {
    let mut text = String::new();
    for byte in address.bytes() {
        if byte.is_ascii_alphanumeric() || b"@-._+~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}
