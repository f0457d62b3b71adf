//! A service over a store in memory, and short words for what the tests do with it.

use std::sync::Arc;

use directory::{Account, AccountState, Directory, DomainKind, NewAccount, NewPassword};
use jiff::Timestamp;
use mail_service::{
    Appended, Incoming, MailService, OpenMailbox, ReceivedMessage, Recipient, ServiceError,
    Settings,
};
use mail_store::Store;
use mail_types::{
    AccountId, Actor, EmailAddress, Flag, FlagSet, MailboxName, ReversePath, Role, Uid, UidSet,
};

/// When the tests' clock stands.
pub(crate) const NOW: i64 = 1_795_000_000;

/// A running service.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) store: Store,
    pub(crate) service: MailService,
}

impl Server {
    pub(crate) async fn new() -> Self {
        Self::over(Store::memory()).await
    }

    /// A start over what a store holds.
    pub(crate) async fn over(store: Store) -> Self {
        Self::with(store, Settings::default()).await
    }

    pub(crate) async fn with(store: Store, settings: Settings) -> Self {
        let directory =
            Directory::open(store.clone(), directory::Settings::default()).await.unwrap();
        let clock = Arc::new(|| Timestamp::from_second(NOW).unwrap());
        let service = MailService::open(store.clone(), directory, settings, clock).await.unwrap();
        Self { store, service }
    }

    /// Makes account `number` known to the directory: the first one that it makes.
    pub(crate) async fn found(&self, number: u64) -> AccountId {
        let directory = self.service.directory();
        let domain = "ac-test.example".parse().unwrap();
        directory.create_domain(&domain, DomainKind::Hosted).await.unwrap();
        let new = NewAccount {
            primary_address: account(number).primary_address,
            name: format!("Agent {number}"),
            person: directory::Person::default(),
            academic_id: format!("{number:08}").parse().unwrap(),
            units: Vec::new(),
            role: Role::Agent,
            quota_bytes: None,
            password: Some(NewPassword::Hash(directory::hash_password(&"x".into()).unwrap())),
        };
        let id = directory.create_account(new).await.unwrap().id;
        assert_eq!(id, AccountId(number));
        id
    }

    /// A power cut, and the start after it.
    pub(crate) async fn after_power_cut(&self) -> Self {
        Self::over(self.store.after_crash()).await
    }

    pub(crate) async fn received(&self, bytes: &[u8]) -> ReceivedMessage {
        let mut writer = self.service.message_writer();
        for piece in bytes.chunks(10_000) {
            writer.write(piece).await.unwrap();
        }
        writer.finish().await.unwrap()
    }

    pub(crate) async fn deliver(&self, to: &[u64], message: &[u8]) -> Result<(), ServiceError> {
        let recipients = to.iter().map(|&number| recipient(number)).collect();
        self.deliver_with(recipients, message, TRACE).await
    }

    pub(crate) async fn deliver_with(
        &self,
        recipients: Vec<Recipient>,
        message: &[u8],
        trace: &str,
    ) -> Result<(), ServiceError> {
        let incoming = Incoming {
            queue_id: self.service.new_queue_id(),
            reverse_path: ReversePath::Address(address("paul@ac-test.example")),
            recipients,
            trace: trace.as_bytes().to_vec(),
            message: self.received(message).await,
            submitter: None,
        };
        self.service.deliver(incoming).await
    }

    pub(crate) async fn append(
        &self,
        owner: u64,
        mailbox: &str,
        message: &[u8],
        flags: &[&str],
    ) -> Result<Appended, ServiceError> {
        let received = self.received(message).await;
        let name = name(mailbox);
        self.service.append(me(owner), AccountId(owner), &name, received, set(flags), None).await
    }

    pub(crate) async fn create(&self, owner: u64, mailbox: &str) {
        self.service.create(me(owner), AccountId(owner), &name(mailbox), None).await.unwrap();
    }

    pub(crate) async fn open(&self, owner: u64, mailbox: &str) -> OpenMailbox {
        self.service.open_mailbox(me(owner), AccountId(owner), &name(mailbox)).await.unwrap()
    }

    pub(crate) async fn inbox(&self, owner: u64) -> OpenMailbox {
        self.open(owner, "INBOX").await
    }

    /// The names that LIST would show.
    pub(crate) async fn names(&self, owner: u64) -> Vec<String> {
        let all = self.service.mailboxes(me(owner), AccountId(owner)).await.unwrap();
        all.into_iter().map(|info| info.name.as_str().to_owned()).collect()
    }

    /// A message's bytes, read in small ranges.
    pub(crate) async fn bytes(&self, mailbox: &OpenMailbox, uid: u32) -> Vec<u8> {
        let actor = Actor::Account(mailbox.owner());
        let wanted = UidSet::range(uid, uid);
        let rows = self.service.messages(actor, mailbox, &wanted, 1).await.unwrap();
        let (_, row) = rows.first().expect("the message is there");
        let mut all = Vec::new();
        while (all.len() as u64) < row.size() {
            let from = all.len() as u64;
            let piece = self.service.read(actor, mailbox, row, from..from + 70_001).await.unwrap();
            assert!(!piece.is_empty(), "a message has as many bytes as its size says");
            all.extend_from_slice(&piece);
        }
        all
    }

    pub(crate) async fn status(&self, owner: u64, mailbox: &str) -> mail_service::MailboxStatus {
        self.service.status(me(owner), AccountId(owner), &name(mailbox)).await.unwrap()
    }
}

/// What an edge would put in front.
pub(crate) const TRACE: &str = "Received: from peer.example by mx.ac-test.example; now\r\n";

pub(crate) fn me(owner: u64) -> Actor {
    Actor::Account(AccountId(owner))
}

pub(crate) fn name(text: &str) -> MailboxName {
    MailboxName::parse(text).unwrap()
}

pub(crate) fn address(text: &str) -> EmailAddress {
    text.parse().unwrap()
}

pub(crate) fn uid(number: u32) -> Uid {
    Uid::new(number).unwrap()
}

pub(crate) fn set(flags: &[&str]) -> FlagSet {
    flags.iter().map(|flag| Flag::parse(flag).unwrap()).collect()
}

pub(crate) fn uids(mailbox: &OpenMailbox) -> Vec<u32> {
    mailbox.snapshot().iter().map(|entry| entry.uid.get()).collect()
}

pub(crate) fn flags(mailbox: &OpenMailbox, number: u32) -> String {
    let snapshot = mailbox.snapshot();
    let entry = snapshot.get(uid(number)).expect("the message is there");
    entry.flags.iter().map(|flag| flag.to_string()).collect::<Vec<_>>().join(" ")
}

pub(crate) fn account(number: u64) -> Account {
    Account {
        id: AccountId(number),
        primary_address: address(&format!("agent{number}@ac-test.example")),
        aliases: Vec::new(),
        name: format!("Agent {number}"),
        academic_id: format!("{number:08}").parse().unwrap(),
        units: Vec::new(),
        role: Role::Agent,
        quota_bytes: None,
        leaves_on: None,
        state: AccountState::Active,
        credential_version: 1,
        hold_until: None,
        mail_locked_before: None,
        has_second_factor: false,
    }
}

pub(crate) fn recipient(number: u64) -> Recipient {
    let account = account(number);
    Recipient { address: account.primary_address.clone(), account: Arc::new(account) }
}

/// A small message of its own.
pub(crate) fn message(number: usize) -> Vec<u8> {
    format!(
        "From: Paul <paul@ac-test.example>\r\nSubject: Message {number}\r\n\
         Message-ID: <{number}@ac-test.example>\r\n\r\nBonjour {number}.\r\n"
    )
    .into_bytes()
}
