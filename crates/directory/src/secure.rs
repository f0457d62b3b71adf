//! Changes of what keeps an account safe: one commit each, with its lines in the audit log and the
//! letters it makes due. So a power cut leaves a whole change or none.

use mail_store::tables::directory::{
    self as tables, AccountRow, AccountStateRow, PasswordRow, TemporarySecretRow, account_slice,
};
use mail_store::tables::policy::IdentityFailures;
use mail_store::tables::security::{
    Letter, LetterKind, LetterRow, ResetRequest, Security, SecurityRow,
};
use mail_types::{AccountId, EmailAddress};

use crate::audit;
use crate::audit_record::{Act, AuditRecord, Requester};
use crate::deed::{By, Subject};
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::rows::{Change, REBUILDS_MAX};

/// Design: how long nothing that gives the account away may change after a reset that no code to a
/// recovery address had proven.
pub(crate) const HOLD_SECONDS: i64 = 72 * 3600;
/// A recovery address that was proven so short a time before may be a thief's.
const YOUNG_SECONDS: i64 = 7 * 24 * 3600;

/// An account as it is about to be.
pub(crate) struct Draft<'a> {
    pub(crate) id: AccountId,
    pub(crate) now: i64,
    pub(crate) account: AccountRow,
    pub(crate) security: SecurityRow,
    /// The temporary secret there is.
    pub(crate) secret: Option<TemporarySecretRow>,
    /// Who helps, as stored; `None` when nobody does, or they are gone.
    pub(crate) helper: Option<AccountRow>,
    /// Who was the first to approve, as stored.
    pub(crate) approver: Option<AccountRow>,
    has_password: bool,
    requester: &'a Requester,
    password: Password,
    records: Vec<AuditRecord>,
    letters: Vec<LetterRow>,
    request: Request,
    has_wrong_date: bool,
}

/// Who changes it.
#[derive(Clone, Copy)]
enum Hand<'a> {
    /// Its owner, or who says so.
    Owner,
    /// Somebody else, with a line in the log.
    Deed(By<'a>),
    /// Whoever helps its owner.
    Helper(AccountId),
}

/// What becomes of the password.
enum Password {
    AsItIs,
    /// Another one, as it is stored.
    Replaced(String),
    /// None: this secret leads to another one.
    Awaited(TemporarySecretRow),
}

/// What becomes of the owner's request for an IT officer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Request {
    AsItIs,
    Begun,
    Ended,
}

impl Draft<'_> {
    /// A line for the audit log; the returned one may be added to.
    pub(crate) fn record(&mut self, act: Act) -> &mut AuditRecord {
        self.records.push(AuditRecord::new(self.now, Some(self.id.0), act, self.requester));
        let last = self.records.len() - 1;
        &mut self.records[last]
    }

    /// The line about somebody else's deed.
    fn note(&mut self, by: By<'_>) {
        self.records.push(by.record(self.now, &Subject::Account(self.id), ""));
    }

    /// Whether there is a password, or was one before the secret that stands in for it.
    pub(crate) fn had_password(&self) -> bool {
        self.has_password || self.secret.as_ref().is_some_and(|secret| secret.replaces)
    }

    /// Stores another password. Every session and connection of the account ends with it, and
    /// every other way to a new one.
    pub(crate) fn set_password(&mut self, phc: String) {
        self.password = Password::Replaced(phc);
        if self.account.state == AccountStateRow::AwaitingFirstLogin {
            self.account.state = AccountStateRow::Active;
        }
        self.end_ways_to_a_password();
        self.end_sessions();
    }

    /// Takes the password away: whoever has this secret chooses another one.
    pub(crate) fn await_password(&mut self, secret: TemporarySecretRow) {
        self.password = Password::Awaited(secret);
        self.account.state = AccountStateRow::AwaitingFirstLogin;
        self.end_ways_to_a_password();
        self.end_sessions();
    }

    /// Nothing that was handed out, sent or begun before leads to another password any more.
    fn end_ways_to_a_password(&mut self) {
        self.security.reset = None;
        self.security.activation = None;
        self.security.approval = None;
        self.security.identity = None;
        self.end_request();
    }

    /// For a while nothing changes that would make a thief's stay permanent; and what a thief may
    /// have proven shortly before leads to no other password.
    pub(crate) fn begin_hold(&mut self) {
        let now = self.now;
        self.security.hold_until = Some(now + HOLD_SECONDS);
        let rows = self.security.recovery.iter_mut();
        for one in rows.filter(|one| now - one.added < YOUNG_SECONDS) {
            one.doubted = true;
        }
    }

    /// The owner waits for an IT officer.
    pub(crate) fn begin_request(&mut self) {
        self.request = Request::Begun;
    }

    /// The owner waits no longer.
    pub(crate) fn end_request(&mut self) {
        self.request = Request::Ended;
    }

    /// A birth date did not fit where nothing else protects the account: counted for all accounts.
    pub(crate) fn count_wrong_date(&mut self) {
        self.has_wrong_date = true;
    }

    /// Every session and connection of the account ends.
    pub(crate) fn end_sessions(&mut self) {
        self.account.credential_version += 1;
    }

    /// Tells the account's mailbox and every proven recovery address, those of `also` too; the
    /// newest line of the log says so.
    pub(crate) fn tell_owner(&mut self, kind: LetterKind, about: &str, also: &[EmailAddress]) {
        self.tell_owner_sealed(kind, about, also, &[]);
    }

    /// The same with something sealed in it.
    pub(crate) fn tell_owner_sealed(
        &mut self,
        kind: LetterKind,
        about: &str,
        also: &[EmailAddress],
        sealed: &[u8],
    ) {
        let mailbox = self.account.primary_address.clone();
        self.send(kind, vec![mailbox], sealed.to_vec(), about);
        let proven = self.security.recovery.iter().filter(|one| one.code.is_none());
        let mut elsewhere: Vec<_> = proven.map(|one| one.address.clone()).collect();
        for address in also {
            if !elsewhere.contains(address) {
                elsewhere.push(address.clone());
            }
        }
        let mut notices = vec!["mailbox".to_owned()];
        for address in elsewhere {
            // Each on its own: one address must not learn of the other.
            self.send(kind, vec![address], sealed.to_vec(), about);
            notices.push("recovery".into());
        }
        if let Some(record) = self.records.last_mut() {
            record.notices = notices;
        }
    }

    /// Tells those who may help this account; the newest line of the log says so. Who they are is
    /// looked up when the letter leaves: here that would take longer for one account than for
    /// another.
    pub(crate) fn tell_officers(&mut self, kind: LetterKind) {
        let name = self.account.person.display_name.clone();
        self.send(kind, Vec::new(), Vec::new(), &name);
        if let Some(record) = self.records.last_mut() {
            record.notices.push("officer".into());
        }
    }

    /// A letter, with a sealed code in it or without.
    pub(crate) fn send(
        &mut self,
        kind: LetterKind,
        to: Vec<EmailAddress>,
        sealed: Vec<u8>,
        about: &str,
    ) {
        self.letters.push(LetterRow {
            kind,
            to,
            language: self.requester.language.clone(),
            at: self.now,
            peer: self.requester.peer,
            sealed,
            about: about.to_owned(),
        });
    }

    /// Password, request and letters.
    fn write(&self, change: &mut Change) {
        let id = self.id.0;
        match &self.password {
            Password::AsItIs => {}
            Password::Replaced(phc) => {
                change.put::<tables::Password>(&id, &PasswordRow { phc: phc.clone() });
                change.delete::<tables::TemporarySecret>(&id);
            }
            Password::Awaited(secret) => {
                change.delete::<tables::Password>(&id);
                change.put::<tables::TemporarySecret>(&id, secret);
            }
        }
        match self.request {
            Request::AsItIs => {}
            Request::Begun => change.put::<ResetRequest>(&id, &self.now),
            Request::Ended => change.delete::<ResetRequest>(&id),
        }
        for letter in &self.letters {
            change.put::<Letter>(&(id, rand::random()), letter);
        }
    }
}

impl Directory {
    /// Changes what keeps a living account safe. `edit` may run several times; what it returns
    /// last is returned. When it refuses, nothing is written.
    pub(crate) async fn secure<T>(
        &self,
        id: AccountId,
        requester: &Requester,
        edit: impl Fn(&mut Draft<'_>) -> Result<T, DirectoryError>,
    ) -> Result<T, DirectoryError> {
        self.secure_by_hand(id, requester, Hand::Owner, edit).await
    }

    /// The same by somebody else, whose line in the log comes first.
    pub(crate) async fn secure_by<T>(
        &self,
        id: AccountId,
        by: By<'_>,
        edit: impl Fn(&mut Draft<'_>) -> Result<T, DirectoryError>,
    ) -> Result<T, DirectoryError> {
        self.secure_by_hand(id, &by.requester, Hand::Deed(by), edit).await
    }

    /// The same by an officer or administrator who helps, and who is in the draft as stored: what
    /// they may is decided while nobody can change it.
    pub(crate) async fn secure_helped<T>(
        &self,
        id: AccountId,
        helper: AccountId,
        requester: &Requester,
        edit: impl Fn(&mut Draft<'_>) -> Result<T, DirectoryError>,
    ) -> Result<T, DirectoryError> {
        self.secure_by_hand(id, requester, Hand::Helper(helper), edit).await
    }

    async fn secure_by_hand<T>(
        &self,
        id: AccountId,
        requester: &Requester,
        hand: Hand<'_>,
        edit: impl Fn(&mut Draft<'_>) -> Result<T, DirectoryError>,
    ) -> Result<T, DirectoryError> {
        let inner = &self.inner;
        let slice = account_slice(id);
        let _changing = inner.changing.lock().await;
        for _ in 0..REBUILDS_MAX {
            let mut change = Change::of(slice).expect(inner.rows.version(slice).await?);
            let mut draft = self.draft(id, requester, hand).await?;
            let (account, security) = (draft.account.clone(), draft.security.clone());
            let outcome = edit(&mut draft)?;
            let ends = draft.account.credential_version != account.credential_version;
            if draft.account != account {
                change.put::<tables::Account>(&id.0, &draft.account);
            }
            if draft.security != security {
                change.put::<Security>(&id.0, &draft.security);
            }
            if draft.has_wrong_date {
                let row = self.failures_with_one_more(slice, draft.now).await?;
                change.put::<IdentityFailures>(&(), &row);
            }
            draft.write(&mut change);
            audit::append(&inner.rows, &inner.vault, &mut change, &draft.records).await?;
            if inner.rows.commit(change).await? {
                if !draft.letters.is_empty() {
                    inner.letters_due.notify_one();
                }
                if ends {
                    self.credentials_changed(id);
                }
                return Ok(outcome);
            }
        }
        Err(DirectoryError::Busy { what: "changing an account" })
    }

    /// The account as it is, for a change of it.
    async fn draft<'a>(
        &self,
        id: AccountId,
        requester: &'a Requester,
        hand: Hand<'_>,
    ) -> Result<Draft<'a>, DirectoryError> {
        let (slice, rows) = (account_slice(id), &self.inner.rows);
        let security = self.security(id).await?;
        let (mut helper, mut approver) = (None, None);
        if let Hand::Helper(who) = hand {
            helper = self.stored(who).await?;
            if let Some(approval) = &security.approval {
                approver = self.stored(approval.by).await?;
            }
        }
        let mut draft = Draft {
            id,
            now: self.now().as_second(),
            account: self.living(id).await?,
            security,
            secret: rows.get::<tables::TemporarySecret>(slice, &id.0).await?,
            helper,
            approver,
            has_password: rows.get::<tables::Password>(slice, &id.0).await?.is_some(),
            requester,
            password: Password::AsItIs,
            records: Vec::new(),
            letters: Vec::new(),
            request: Request::AsItIs,
            has_wrong_date: false,
        };
        if let Hand::Deed(by) = hand {
            self.check_standing(by).await?;
            draft.note(by);
        }
        Ok(draft)
    }

    async fn stored(&self, id: AccountId) -> Result<Option<AccountRow>, DirectoryError> {
        Ok(self.inner.rows.get::<tables::Account>(account_slice(id), &id.0).await?)
    }

    /// What keeps an account safe, as stored.
    pub(crate) async fn security(&self, id: AccountId) -> Result<SecurityRow, DirectoryError> {
        let row = self.inner.rows.get::<Security>(account_slice(id), &id.0).await?;
        Ok(row.unwrap_or_default())
    }
}
