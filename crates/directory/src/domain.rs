//! The domains that are ours.

use mail_store::tables::directory::{self as tables, DomainRow, ROSTER};
use mail_types::{Domain, EmailAddress};

use crate::address::DomainKind;
use crate::directory::{DOMAINS_MAX, Directory};
use crate::error::DirectoryError;
use crate::rows::{Change, REBUILDS_MAX};

/// One of our domains.
#[derive(Clone, Debug, PartialEq)]
pub struct DomainEntry {
    /// Its name.
    pub domain: Domain,
    /// What it is to us.
    pub kind: DomainKind,
    /// Who reads mail to its `postmaster` and `abuse`; `None` takes the setting.
    pub postmaster: Option<EmailAddress>,
}

impl Directory {
    /// Makes a domain ours. Doing it again changes nothing.
    ///
    /// # Errors
    /// [`DirectoryError::Taken`] when it is ours already and of another kind.
    pub async fn create_domain(
        &self,
        domain: &Domain,
        kind: DomainKind,
    ) -> Result<(), DirectoryError> {
        let domains_now = self.domains_now();
        if let Some(row) = domains_now.get(domain) {
            return match DomainKind::from(row.kind) == kind {
                true => Ok(()),
                false => Err(DirectoryError::Taken { what: format!("domain {domain}") }),
            };
        }
        if domains_now.len() >= DOMAINS_MAX {
            return Err(DirectoryError::Invalid(format!(
                "there are {DOMAINS_MAX} domains already"
            )));
        }
        self.change_domain(domain, |row| match row {
            Some(row) => Ok(row),
            None => Ok(DomainRow { kind: kind.into(), postmaster: None }),
        })
        .await
    }

    /// Says who reads mail to a domain's `postmaster` and `abuse` when no account has these
    /// addresses; `None` goes back to the setting.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`] when the domain is not ours.
    pub async fn set_postmaster(
        &self,
        domain: &Domain,
        postmaster: Option<EmailAddress>,
    ) -> Result<(), DirectoryError> {
        self.change_domain(domain, |row| {
            let missing = || DirectoryError::NotFound { what: format!("domain: {domain}") };
            Ok(DomainRow { postmaster: postmaster.clone(), ..row.ok_or_else(missing)? })
        })
        .await
    }

    /// All our domains, by name.
    pub fn list_domains(&self) -> Vec<DomainEntry> {
        let entry = |(domain, row): (&Domain, &DomainRow)| DomainEntry {
            domain: domain.clone(),
            kind: row.kind.into(),
            postmaster: row.postmaster.clone(),
        };
        self.domains_now().iter().map(entry).collect()
    }

    async fn change_domain(
        &self,
        domain: &Domain,
        edit: impl Fn(Option<DomainRow>) -> Result<DomainRow, DirectoryError>,
    ) -> Result<(), DirectoryError> {
        let rows = &self.inner.rows;
        let key = domain.as_str().to_owned();
        let _changing = self.inner.changing.lock().await;
        for _ in 0..REBUILDS_MAX {
            let version = rows.version(ROSTER).await?;
            let row = edit(rows.get::<tables::Domain>(ROSTER, &key).await?)?;
            let mut change = Change::of(ROSTER).expect(version);
            change.put::<tables::Domain>(&key, &row);
            if rows.commit(change).await? {
                return self.reload_domains().await;
            }
        }
        Err(DirectoryError::Busy { what: "changing a domain" })
    }
}
