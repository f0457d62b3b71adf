//! What addresses and domains mean to us.

use std::sync::Arc;

use mail_store::tables::directory::DomainKindRow;
use mail_types::{AccountId, Domain, EmailAddress};
use serde::{Deserialize, Serialize};

use crate::account::{Account, AccountState};
use crate::claim::Name;
use crate::directory::Directory;
use crate::error::DirectoryError;

/// What an address means to us.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolution {
    /// Mail for it goes to this account.
    Account(Arc<Account>),
    /// The domain is ours and has no such address.
    UnknownUser,
    /// The domain is not ours.
    NotHosted,
}

/// What a domain is to us. Relayed, split and alias domains come later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DomainKind {
    /// Its mailboxes are here.
    Hosted,
}

impl From<DomainKindRow> for DomainKind {
    fn from(row: DomainKindRow) -> Self {
        match row {
            DomainKindRow::Hosted => DomainKind::Hosted,
        }
    }
}

impl From<DomainKind> for DomainKindRow {
    fn from(kind: DomainKind) -> Self {
        match kind {
            DomainKind::Hosted => DomainKindRow::Hosted,
        }
    }
}

/// Local parts that every hosted domain has, whoever reads them: RFC 5321 §4.5.1 demands
/// `postmaster`, RFC 2142 §4 asks for `abuse`.
const ROLE_LOCAL_PARTS: [&str; 2] = ["postmaster", "abuse"];

impl Directory {
    /// What mail for this address would do; subaddresses are stripped when the whole is unknown.
    pub async fn resolve(&self, address: &EmailAddress) -> Result<Resolution, DirectoryError> {
        let domains = self.domains_now();
        let Some(domain) = domains.get(address.domain()) else { return Ok(Resolution::NotHosted) };
        if let Some(account) = self.account_of(address).await? {
            return Ok(Resolution::Account(account));
        }
        let base = address.base_local_part();
        if !ROLE_LOCAL_PARTS.iter().any(|role| base.eq_ignore_ascii_case(role)) {
            return Ok(Resolution::UnknownUser);
        }
        // RFC 5321 §4.5.1: "the postmaster local part … MUST be supported" in any case of letters.
        let settings = self.inner.settings.load_full();
        let reader = domain.postmaster.as_ref().or(settings.postmaster.as_ref());
        let account = match reader {
            Some(reader) => self.account_of(reader).await?,
            None => None,
        };
        Ok(account.map_or(Resolution::UnknownUser, Resolution::Account))
    }

    /// The account that answers to this address, as a whole or without its subaddress.
    async fn account_of(
        &self,
        address: &EmailAddress,
    ) -> Result<Option<Arc<Account>>, DirectoryError> {
        let inner = &self.inner;
        let mut found = inner.lookup.by_name(&inner.rows, &Name::of_address(address)).await?;
        if found.is_none() && address.subaddress().is_some() {
            found = inner.lookup.by_name(&inner.rows, &Name::of_address(&address.base())).await?;
        }
        Ok(found.map(|loaded| Arc::clone(&loaded.account)))
    }

    /// What the domain is to us.
    pub async fn domain(&self, domain: &Domain) -> Result<Option<DomainKind>, DirectoryError> {
        Ok(self.domains_now().get(domain).map(|row| row.kind.into()))
    }

    /// Whether the account may put this address into MAIL FROM or `From`: one of its own
    /// addresses, with or without a subaddress. Only an account in use may.
    pub async fn may_send_as(
        &self,
        account: AccountId,
        address: &EmailAddress,
    ) -> Result<bool, DirectoryError> {
        let Some(account) = self.account(account).await? else { return Ok(false) };
        if account.state != AccountState::Active {
            return Ok(false);
        }
        let (whole, base) = (address.lookup_key(), address.base().lookup_key());
        Ok(account.addresses().map(EmailAddress::lookup_key).any(|own| own == whole || own == base))
    }
}
