//! What administrators do on the web: the calls of the command line, each with its line in the
//! audit log. Nobody changes their own role, state or last day, so the last administrator stays;
//! and a privileged account is not opened by one administrator alone.

use std::io::BufRead;

use mail_types::{AccountId, Domain, EmailAddress, Role};

use crate::account::{Account, AccountState, AccountUpdate, NewAccount};
use crate::admin::act_of;
use crate::audit_record::{Act, Requester};
use crate::create::check_text;
use crate::deed::{By, Deed, Who};
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::import_report::{ImportEvent, ImportMode, ImportReport};
use crate::person::Day;
use crate::policy::REASON_BYTES_MAX;
use crate::temporary_secret::Sheet;
use crate::unit::{Unit, UnitCode, UnitUpdate};

/// What one administrator may do, from one browser.
#[derive(Clone, Copy)]
pub struct Office<'a> {
    directory: &'a Directory,
    administrator: &'a Account,
    requester: &'a Requester,
}

impl Directory {
    /// The office of an administrator. Whether they still are one is looked up with every act.
    pub fn office<'a>(
        &'a self,
        administrator: &'a Account,
        requester: &'a Requester,
    ) -> Office<'a> {
        Office { directory: self, administrator, requester }
    }
}

impl<'a> Office<'a> {
    fn deed(&self, act: Act, reason: impl Into<String>) -> Deed {
        let (who, requester) = (Who::Administrator(self.administrator.id), self.requester.clone());
        Deed { who, requester, act, reason: reason.into() }
    }

    fn not_oneself(&self, id: AccountId) -> Result<(), DirectoryError> {
        match id == self.administrator.id {
            true => {
                Err(DirectoryError::NotAllowed("nobody changes their own role, state or last day"))
            }
            false => Ok(()),
        }
    }

    /// Creates an account with a temporary secret.
    ///
    /// # Errors
    /// As [`Directory::provision`]; [`DirectoryError::NotAllowed`] for an administrator, and by
    /// somebody who is none any more, as everywhere here.
    pub async fn add_account(&self, new: NewAccount) -> Result<Sheet, DirectoryError> {
        let deed = self.deed(Act::AccountCreated, "");
        may_get_role(&deed, Role::Agent, Some(new.role))?;
        self.directory.provision_by(new, &deed).await
    }

    /// Changes what an account says about its owner.
    ///
    /// # Errors
    /// [`DirectoryError::NotAllowed`] for one's own role, for making an administrator, and for
    /// taking a privileged role away.
    pub async fn update_account(
        &self,
        id: AccountId,
        update: AccountUpdate,
    ) -> Result<(), DirectoryError> {
        if update.role.is_some() {
            self.not_oneself(id)?;
        }
        let deed = self.deed(Act::AccountChanged, "");
        let account = self.directory.account(id).await?;
        // Before anything of the update is done; decided once more with the commit.
        may_get_role(&deed, account.map_or(Role::Agent, |account| account.role), update.role)?;
        self.directory.update_account_by(id, update, &deed).await
    }

    /// Suspends an account or takes it back into use.
    ///
    /// # Errors
    /// [`DirectoryError::NotAllowed`] for one's own.
    pub async fn set_state(
        &self,
        id: AccountId,
        state: AccountState,
    ) -> Result<(), DirectoryError> {
        self.not_oneself(id)?;
        self.directory.set_state_by(id, state, &self.deed(act_of(state), "")).await
    }

    /// Says on which day an account is deleted; `None` takes it back.
    ///
    /// # Errors
    /// [`DirectoryError::NotAllowed`] for one's own.
    pub async fn set_leaving(
        &self,
        id: AccountId,
        leaves_on: Option<Day>,
    ) -> Result<(), DirectoryError> {
        self.not_oneself(id)?;
        let reason = leaves_on.map_or_else(|| "stays".to_owned(), |day| day.to_string());
        let deed = self.deed(Act::LeavingSet, reason);
        self.directory.set_leaving_by(id, leaves_on, &deed).await
    }

    /// Gives an account a new temporary secret. Its owner is told, and for three days nothing
    /// changes that would give the account away for good.
    ///
    /// # Errors
    /// [`DirectoryError::NotAllowed`] for oneself, for administrators, and for IT officers who have
    /// or had a password: the help desk opens those, with two approvals.
    pub async fn issue_secret(&self, id: AccountId) -> Result<Sheet, DirectoryError> {
        self.not_oneself(id)?;
        let deed = self.deed(Act::SecretIssued, "");
        self.directory.issue_secret_by(id, &deed, &self.administrator.name).await
    }

    /// Gives the account one more address.
    ///
    /// # Errors
    /// As [`Directory::add_alias`].
    pub async fn add_alias(
        &self,
        id: AccountId,
        alias: &EmailAddress,
    ) -> Result<(), DirectoryError> {
        let deed = self.deed(Act::AliasAdded, alias.to_string());
        self.directory.add_alias_by(id, alias, &deed).await
    }

    /// Takes an alias away.
    ///
    /// # Errors
    /// As [`Directory::remove_alias`].
    pub async fn remove_alias(
        &self,
        id: AccountId,
        alias: &EmailAddress,
    ) -> Result<(), DirectoryError> {
        let deed = self.deed(Act::AliasRemoved, alias.to_string());
        self.directory.remove_alias_by(id, alias, &deed).await
    }

    /// Deletes an account. Its mail is for the mail service to remove.
    ///
    /// # Errors
    /// [`DirectoryError::NotAllowed`] for one's own.
    pub async fn delete_account(&self, id: AccountId) -> Result<(), DirectoryError> {
        self.not_oneself(id)?;
        let deed = self.deed(Act::AccountDeleted, "");
        self.directory.delete_account_by(id, &deed).await
    }

    /// Writes down that an account was looked at, with its academic ID and its last logins.
    pub async fn note_lookup(&self, id: AccountId) -> Result<(), DirectoryError> {
        let deed = self.deed(Act::PersonShown, "");
        self.directory.edit(id, None, &deed, |_, _| Ok(())).await.map(drop)
    }

    /// Writes down that everything of an account is taken out, before the first of it is read.
    ///
    /// # Errors
    /// [`DirectoryError::Invalid`] without a reason.
    pub async fn note_export(&self, id: AccountId, reason: &str) -> Result<(), DirectoryError> {
        check_text("reason", reason.trim(), REASON_BYTES_MAX)?;
        let deed = self.deed(Act::AccountExported, reason.trim());
        self.directory.edit(id, None, &deed, |_, _| Ok(())).await.map(drop)
    }

    /// Makes a unit.
    ///
    /// # Errors
    /// As [`Directory::create_unit`].
    pub async fn create_unit(&self, unit: Unit) -> Result<(), DirectoryError> {
        let deed = self.deed(Act::UnitCreated, "");
        self.directory.create_unit_by(unit, &deed).await
    }

    /// Changes what a unit says.
    ///
    /// # Errors
    /// As [`Directory::update_unit`].
    pub async fn update_unit(
        &self,
        code: &UnitCode,
        update: UnitUpdate,
    ) -> Result<(), DirectoryError> {
        let deed = self.deed(Act::UnitChanged, "");
        self.directory.update_unit_by(code, update, &deed).await
    }

    /// Deletes a unit to which nobody belongs any more.
    ///
    /// # Errors
    /// As [`Directory::delete_unit`].
    pub async fn delete_unit(&self, code: &UnitCode) -> Result<(), DirectoryError> {
        let deed = self.deed(Act::UnitDeleted, "");
        self.directory.delete_unit_by(code, &deed).await
    }

    /// Reads accounts from a CSV file; `name` is what the log calls it.
    ///
    /// # Errors
    /// As [`Directory::import`]. A line that would change one's own role or last day is refused.
    pub async fn import(
        &self,
        name: &str,
        file: impl BufRead + Send,
        mode: ImportMode,
        domain: Option<&Domain>,
        tell: impl FnMut(ImportEvent) + Send,
    ) -> Result<ImportReport, DirectoryError> {
        let deed = self.deed(Act::AccountsImported, name);
        let report = self.directory.import_by(file, mode, domain, tell, &deed).await?;
        self.directory.note_import(&deed, mode, &report).await?;
        Ok(report)
    }

    /// Reads units from a CSV file; `name` is what the log calls it.
    ///
    /// # Errors
    /// As [`Directory::import_units`].
    pub async fn import_units(
        &self,
        name: &str,
        file: impl BufRead + Send,
        mode: ImportMode,
    ) -> Result<ImportReport, DirectoryError> {
        let deed = self.deed(Act::UnitsImported, name);
        let report = self.directory.import_units_by(file, mode, &deed).await?;
        self.directory.note_import(&deed, mode, &report).await?;
        Ok(report)
    }
}

/// What takes two administrators must not be open to one who makes the other, or makes somebody
/// less than they are and then gives them a code. Whoever has the server's command line does both.
pub(crate) fn may_get_role(
    by: By<'_>,
    has: Role,
    gets: Option<Role>,
) -> Result<(), DirectoryError> {
    let Some(gets) = gets.filter(|gets| *gets != has && by.administrator().is_some()) else {
        return Ok(());
    };
    if gets == Role::Administrator {
        return Err(DirectoryError::NotAllowed("administrators are made at the command line"));
    }
    match has {
        Role::ItOfficer | Role::Administrator => Err(DirectoryError::NotAllowed(
            "a privileged role is taken away at the command line; suspend the account instead",
        )),
        Role::Agent | Role::System => Ok(()),
    }
}
