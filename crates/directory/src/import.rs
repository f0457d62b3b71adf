//! Accounts from a CSV file: new ones created, known ones brought up to date, every refused line
//! told with its reason.
//!
//! The academic ID says who a line is about, so the same file can be read again and again. An empty
//! field leaves what is stored as it is. An address is made of the names when none is given. A
//! password is taken for new accounts only: people change theirs, and an old file must not bring
//! the first one back. A new account without one gets a temporary secret, told once.

use std::io::BufRead;

use mail_store::tables::directory::ClaimState;
use mail_types::{AccountId, Domain, EmailAddress, Role};

use crate::account::{AccountState, AccountUpdate, Loaded, NewAccount, NewPassword};
use crate::audit_record::Act;
use crate::claim::Name;
use crate::create::Prepared;
use crate::csv_file::{check_lines, open};
use crate::deed::{By, Deed};
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::import_line::{COLUMNS, Line, check_header};
use crate::import_report::{ImportEvent, ImportMode, ImportReport, RefusedLine};
use crate::local_part::Given;
use crate::office;
use crate::password::check_hash;
use crate::person::{Day, Person};
use crate::temporary_secret::{self, SecretFor, Sheet};

/// Lines that are looked at together and share their commits.
const LINES_TOGETHER: usize = 1000;
/// What is to be done about a line.
enum Action {
    Create(Box<NewAccount>),
    Update(AccountId, Box<AccountUpdate>, Option<Day>),
    Nothing,
}

impl Action {
    /// What one may not do by hand, one may not do by a file either: change one's own role or last
    /// day, or make an administrator.
    fn allowed(self, by: By<'_>) -> Result<Self, DirectoryError> {
        if let Action::Create(new) = &self {
            office::may_get_role(by, Role::Agent, Some(new.role))?;
        }
        match &self {
            Action::Update(id, update, day)
                if by.administrator() == Some(*id) && (update.role.is_some() || day.is_some()) =>
            {
                Err(DirectoryError::NotAllowed("nobody changes their own role, state or last day"))
            }
            _ => Ok(self),
        }
    }
}

/// What a batch of lines comes to.
#[derive(Default)]
struct Batch {
    creations: Vec<(u64, NewAccount)>,
    updates: Vec<(u64, AccountId, AccountUpdate, Option<Day>)>,
}

impl Directory {
    /// Reads accounts from a CSV file. `domain` is that of addresses that are made here; it may be
    /// left out when only one is hosted. `tell` hears how far the import is, and the secrets.
    ///
    /// # Errors
    /// [`DirectoryError::Invalid`] when the file as a whole is not such a file; single lines that
    /// are wrong are in the report. [`DirectoryError::Store`] ends it: read the file again.
    pub async fn import(
        &self,
        file: impl BufRead + Send,
        mode: ImportMode,
        domain: Option<&Domain>,
        tell: impl FnMut(ImportEvent) + Send,
    ) -> Result<ImportReport, DirectoryError> {
        let deed = Deed::console(Act::AccountsImported);
        let report = self.import_by(file, mode, domain, tell, &deed).await?;
        self.note_import(&deed, mode, &report).await?;
        Ok(report)
    }

    pub(crate) async fn import_by(
        &self,
        file: impl BufRead + Send,
        mode: ImportMode,
        domain: Option<&Domain>,
        mut tell: impl FnMut(ImportEvent) + Send,
        by: By<'_>,
    ) -> Result<ImportReport, DirectoryError> {
        let (mut reader, header) = open(file, &COLUMNS)?;
        check_header(&header)?;
        let mut report = ImportReport::default();
        let mut given = Given::default();
        let mut records = reader.records();
        let mut done = 0;
        loop {
            let mut lines = Vec::with_capacity(LINES_TOGETHER);
            let taken = records.by_ref().take(LINES_TOGETHER).fold(0, |taken, record| {
                let line = header.line(done + taken, record, Line::parse);
                match line.and_then(|(number, line)| once(Line { number, ..line }, &mut given)) {
                    Ok(line) => lines.push(line),
                    Err(refused) => report.refused.push(refused),
                }
                taken + 1
            });
            if taken == 0 {
                break;
            }
            done += taken;
            check_lines(done)?;
            let batch = self.batch(lines, domain, &mut given, &mut report, by).await?;
            match mode {
                ImportMode::DryRun => {
                    report.created += batch.creations.len() as u64;
                    report.updated += batch.updates.len() as u64;
                }
                ImportMode::Apply => {
                    self.import_creations(batch.creations, &mut report, &mut tell, by).await?;
                    self.import_updates(batch.updates, &mut report, by).await?;
                }
            }
            tell(ImportEvent::Lines(done));
        }
        report.refused.sort_by_key(|refused| refused.line);
        Ok(report)
    }

    async fn batch(
        &self,
        lines: Vec<Line>,
        domain: Option<&Domain>,
        given: &mut Given,
        report: &mut ImportReport,
        by: By<'_>,
    ) -> Result<Batch, DirectoryError> {
        let mut batch = Batch::default();
        for line in lines {
            let number = line.number;
            let action = self.action(line, domain, given, by).await;
            match action.and_then(|action| action.allowed(by)) {
                Ok(Action::Create(new)) => batch.creations.push((number, *new)),
                Ok(Action::Update(id, update, day)) => {
                    batch.updates.push((number, id, *update, day));
                }
                Ok(Action::Nothing) => report.unchanged += 1,
                Err(error) => report.refuse(number, error)?,
            }
        }
        Ok(batch)
    }

    /// What a line comes to, with all checks that a dry run can do.
    async fn action(
        &self,
        line: Line,
        domain: Option<&Domain>,
        given: &mut Given,
        by: By<'_>,
    ) -> Result<Action, DirectoryError> {
        let rows = &self.inner.rows;
        let claim = rows.claim(&Name::of_academic_id(&line.academic_id)).await?;
        let known = match claim {
            Some(claim) => {
                let quota = self.inner.settings.load().quota_bytes_default;
                rows.load(claim.account, quota).await?
            }
            None => None,
        };
        if let Some(known) = known {
            return self.action_for(&known, line, by).await;
        }
        let new = self.new_account(line, domain, given).await?;
        self.check_new(&new)?;
        match &new.password {
            Some(NewPassword::Plain(_)) => self.check_first_password(&new).await?,
            Some(NewPassword::Hash(phc)) => check_hash(phc)?,
            None => {}
        }
        self.check_free(&new.primary_address, None).await?;
        Ok(Action::Create(Box::new(new)))
    }

    async fn new_account(
        &self,
        line: Line,
        domain: Option<&Domain>,
        given: &mut Given,
    ) -> Result<NewAccount, DirectoryError> {
        if line.leaves_on.is_some() {
            let reason = "somebody who leaves must be there first";
            return Err(DirectoryError::Invalid(reason.into()));
        }
        let name = line.name.or_else(|| line.person.display_name());
        let name = name.ok_or_else(|| DirectoryError::Invalid("the name is empty".into()))?;
        let primary_address = match line.address {
            Some(address) => address,
            None => {
                let local = line.person.local_part()?;
                let domain = domain.cloned().map_or_else(|| self.only_domain(), Ok)?;
                let address = self.free_address_beside(&local, &domain, given).await?;
                given.once(Name::of_address(&address), line.number);
                address
            }
        };
        Ok(NewAccount {
            primary_address,
            name,
            person: line.person,
            academic_id: line.academic_id,
            units: line.units.unwrap_or_default(),
            role: line.role.unwrap_or_default(),
            quota_bytes: line.quota_bytes,
            password: line.password,
        })
    }

    /// The domain of new addresses when nobody says one.
    pub fn only_domain(&self) -> Result<Domain, DirectoryError> {
        let domains = self.domains_now();
        match domains.len() {
            1 => domains.keys().next().cloned(),
            _ => None,
        }
        .ok_or_else(|| DirectoryError::Invalid("say in which domain the address shall be".into()))
    }

    async fn action_for(
        &self,
        known: &Loaded,
        line: Line,
        by: By<'_>,
    ) -> Result<Action, DirectoryError> {
        let account = &known.account;
        if account.state == AccountState::Deleted {
            return Err(Name::of_academic_id(&line.academic_id).taken());
        }
        let person = self.changed_person(account.id, line.person).await?;
        let name = line.name.or_else(|| person.display_name());
        let update = AccountUpdate {
            primary_address: line.address.filter(|address| *address != account.primary_address),
            name: name.filter(|name| *name != account.name),
            person,
            units: line.units.filter(|units| *units != account.units),
            role: line.role.filter(|role| *role != account.role),
            quota_bytes: line.quota_bytes.filter(|own| Some(*own) != known.quota_own).map(Some),
        };
        let leaves_on = line.leaves_on.filter(|day| Some(*day) != account.leaves_on);
        if update.is_empty() && leaves_on.is_none() {
            return Ok(Action::Nothing);
        }
        self.check_update(&update)?;
        self.check_last_day(leaves_on)?;
        office::may_get_role(by, account.role, update.role)?;
        if let Some(address) = &update.primary_address {
            self.check_address(address)?;
            self.check_free(address, Some(account.id)).await?;
        }
        Ok(Action::Update(account.id, Box::new(update), leaves_on))
    }

    /// What a line says of a person and the store does not. The parts of a name come together, so
    /// that a display name can be made of them.
    async fn changed_person(&self, id: AccountId, said: Person) -> Result<Person, DirectoryError> {
        if said.is_empty() {
            return Ok(said);
        }
        let stored = self.identity(id).await?;
        if said.over(stored.clone(), id, &self.inner.vault) == stored {
            return Ok(Person::default());
        }
        Ok(said)
    }

    /// Whether an address can be given to this account, or to a new one.
    async fn check_free(
        &self,
        address: &EmailAddress,
        account: Option<AccountId>,
    ) -> Result<(), DirectoryError> {
        let name = Name::of_address(address);
        match self.inner.rows.claim(&name).await? {
            Some(claim) if matches!(claim.state, ClaimState::Held | ClaimState::Retired) => {
                match Some(claim.account) == account {
                    true => Ok(()),
                    false => Err(name.taken()),
                }
            }
            _ => Ok(()),
        }
    }

    async fn import_creations(
        &self,
        creations: Vec<(u64, NewAccount)>,
        report: &mut ImportReport,
        tell: &mut (impl FnMut(ImportEvent) + Send),
        by: By<'_>,
    ) -> Result<(), DirectoryError> {
        let (mut prepared, mut origins) = (Vec::new(), Vec::new());
        let expires_at = self.now() + SecretFor::FirstLogin.lifetime();
        for (number, new) in creations {
            let phc = match &new.password {
                Some(password) => self.inner.hasher.store_form_patiently(password).await.map(Some),
                None => Ok(None),
            };
            match phc {
                Ok(phc) => {
                    let secret = phc.is_none().then(temporary_secret::generate);
                    origins.push((number, secret.clone()));
                    let secret = secret.map(|secret| (secret, expires_at));
                    prepared.push(Prepared { new, phc, secret });
                }
                Err(error) => report.refuse(number, error)?,
            }
        }
        if prepared.is_empty() {
            return Ok(());
        }
        let deed = by.as_act(Act::AccountCreated, "");
        let outcomes = self.create_all(prepared, &deed).await?;
        for ((number, secret), outcome) in origins.into_iter().zip(outcomes) {
            match outcome {
                Ok(id) => {
                    report.created += 1;
                    let account = self.account(id).await?;
                    if let Some((account, secret)) = account.zip(secret) {
                        let sheet = Sheet::new(&account, secret, expires_at);
                        tell(ImportEvent::Sheet(Box::new(sheet)));
                    }
                }
                Err(error) => report.refuse(number, error)?,
            }
        }
        Ok(())
    }

    async fn import_updates(
        &self,
        updates: Vec<(u64, AccountId, AccountUpdate, Option<Day>)>,
        report: &mut ImportReport,
        by: By<'_>,
    ) -> Result<(), DirectoryError> {
        let changed = by.as_act(Act::AccountChanged, "");
        let (alone, together): (Vec<_>, Vec<_>) = updates
            .into_iter()
            .partition(|(_, _, update, day)| update.primary_address.is_some() || day.is_some());
        let (numbers, together): (Vec<_>, Vec<_>) =
            together.into_iter().map(|(number, id, update, _)| (number, (id, update))).unzip();
        let gone = self.update_all(&together, &changed).await?;
        for (number, (id, _)) in numbers.into_iter().zip(&together) {
            match gone.contains(id) {
                true => report.refuse(number, DirectoryError::no_account(id))?,
                false => report.updated += 1,
            }
        }
        for (number, id, update, day) in alone {
            match self.follow_alone(id, update, day, by, &changed).await {
                Ok(()) => report.updated += 1,
                Err(error) => report.refuse(number, error)?,
            }
        }
        Ok(())
    }
    /// A line that changes an address or a last day. The day is looked at first: what is refused
    /// for it must not be half done.
    async fn follow_alone(
        &self,
        id: AccountId,
        update: AccountUpdate,
        day: Option<Day>,
        by: By<'_>,
        changed: By<'_>,
    ) -> Result<(), DirectoryError> {
        self.check_last_day(day)?;
        self.update_account_by(id, update, changed).await?;
        let Some(day) = day else { return Ok(()) };
        let leaves = by.as_act(Act::LeavingSet, &day.to_string());
        self.set_leaving_by(id, Some(day), &leaves).await
    }
}

/// Refuses a line whose address or academic ID an earlier line has.
fn once(line: Line, given: &mut Given) -> Result<Line, RefusedLine> {
    let id = Name::of_academic_id(&line.academic_id);
    let address = line.address.as_ref().map(Name::of_address);
    let names = [(Some(&id), "academic ID"), (address.as_ref(), "address")];
    for (name, what) in names {
        if let Some(earlier) = name.and_then(|name| given.line_of(name)) {
            let reason = format!("the same {what} stands in line {earlier}");
            return Err(RefusedLine { line: line.number, reason });
        }
    }
    let number = line.number;
    for name in [Some(id), address].into_iter().flatten() {
        given.once(name, number);
    }
    Ok(line)
}
