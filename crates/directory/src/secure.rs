//! Changes of what keeps an account safe: one commit each, with its lines in the audit log and the
//! letters it makes due. So a power cut leaves a whole change or none.

use mail_store::tables::directory::{
    self as tables, AccountRow, AccountStateRow, PasswordRow, account_slice,
};
use mail_store::tables::policy::IdentityFailures;
use mail_store::tables::security::{
    Letter, LetterKind, LetterRow, ResetRequest, Security, SecurityRow,
};
use mail_types::{AccountId, EmailAddress};

use crate::audit;
use crate::audit_record::{Act, AuditRecord, Requester};
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::rows::{Change, REBUILDS_MAX};

/// An account as it is about to be.
pub(crate) struct Draft<'a> {
    pub(crate) id: AccountId,
    pub(crate) now: i64,
    pub(crate) account: AccountRow,
    pub(crate) security: SecurityRow,
    requester: &'a Requester,
    phc: Option<String>,
    records: Vec<AuditRecord>,
    letters: Vec<LetterRow>,
    request: Request,
    has_wrong_date: bool,
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

    /// Stores another password. Every session and connection of the account ends with it, and
    /// every other way to one that was under way.
    pub(crate) fn set_password(&mut self, phc: String) {
        self.phc = Some(phc);
        end_resets(&mut self.security);
        self.end_request();
        if self.account.state == AccountStateRow::AwaitingFirstLogin {
            self.account.state = AccountStateRow::Active;
        }
        self.end_sessions();
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

    /// Tells the IT officers whose people this is about; the newest line of the log says so.
    pub(crate) fn tell_officers(&mut self, kind: LetterKind, officers: &[EmailAddress]) {
        let name = self.account.person.display_name.clone();
        for officer in officers {
            self.send(kind, vec![officer.clone()], Vec::new(), &name);
        }
        if let Some(record) = self.records.last_mut() {
            record.notices.extend(officers.iter().map(|_| "officer".to_owned()));
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
}

/// Nothing that was sent, handed out or waited for leads to a new password any more: what it was to
/// replace is another one by now.
pub(crate) fn end_resets(security: &mut SecurityRow) {
    security.reset = None;
    security.activation = None;
    security.identity = None;
    security.approval = None;
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
        let inner = &self.inner;
        let slice = account_slice(id);
        let _changing = inner.changing.lock().await;
        for _ in 0..REBUILDS_MAX {
            let mut change = Change::of(slice).expect(inner.rows.version(slice).await?);
            let before = self.living(id).await?;
            let security = inner.rows.get::<Security>(slice, &id.0).await?.unwrap_or_default();
            let mut draft = Draft {
                id,
                now: self.now().as_second(),
                account: before.clone(),
                security: security.clone(),
                requester,
                phc: None,
                records: Vec::new(),
                letters: Vec::new(),
                request: Request::AsItIs,
                has_wrong_date: false,
            };
            let outcome = edit(&mut draft)?;
            let ends = draft.account.credential_version != before.credential_version;
            if draft.account != before {
                change.put::<tables::Account>(&id.0, &draft.account);
            }
            if draft.security != security {
                change.put::<Security>(&id.0, &draft.security);
            }
            if let Some(phc) = draft.phc {
                change.put::<tables::Password>(&id.0, &PasswordRow { phc });
                change.delete::<tables::TemporarySecret>(&id.0);
            }
            match draft.request {
                Request::AsItIs => {}
                Request::Begun => change.put::<ResetRequest>(&id.0, &draft.now),
                Request::Ended => change.delete::<ResetRequest>(&id.0),
            }
            if draft.has_wrong_date {
                let row = self.failures_with_one_more(slice, draft.now).await?;
                change.put::<IdentityFailures>(&(), &row);
            }
            for letter in &draft.letters {
                change.put::<Letter>(&(id.0, rand::random()), letter);
            }
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

    /// What keeps an account safe, as stored.
    pub(crate) async fn security(&self, id: AccountId) -> Result<SecurityRow, DirectoryError> {
        let row = self.inner.rows.get::<Security>(account_slice(id), &id.0).await?;
        Ok(row.unwrap_or_default())
    }
}
