//! A queued message and its sender's account: it leaves once, or is a draft once, whatever happens
//! in between.

use directory::AccountState;
use jiff::Timestamp;
use mail_service::queue::{
    Acceptance, Addressee, Attempt, Destination, Entry, Leave, OwnCopyRow, Told, Verdict,
};
use mail_store::tables::contacts::{AddressBook, Contact, ContactRow};
use mail_store::tables::mail::{Outbox, Thread};
use mail_store::tables::queue::{QueueBodyUse, QueueMessage, QueueRecipient, shard_of};
use mail_store::{Batch, account_partition, queue_partition};
use mail_types::{AccountId, QueueId, ReversePath};

use crate::support::*;

const LATER: i64 = NOW + 600;
const BCC: &str = "Bcc: hidden@far.test\r\n";
const NOTE: &str = "X-Note: what was answered\r\n";

/// What the webmail asks for.
fn own() -> OwnCopyRow {
    OwnCopyRow {
        bcc: BCC.into(),
        notes: NOTE.into(),
        keeps_copy: true,
        is_scheduled: true,
        ..OwnCopyRow::default()
    }
}

/// `agent1` sends the first message to a stranger, later.
async fn send(server: &Server, own: Option<OwnCopyRow>) -> QueueId {
    send_at(server, own, LATER).await
}

/// The same as the webmail does it, for other tests.
pub(crate) async fn send_later(server: &Server) -> QueueId {
    send(server, Some(own())).await
}

async fn send_at(server: &Server, own: Option<OwnCopyRow>, release: i64) -> QueueId {
    let queue_id = server.service.new_queue_id();
    let to = |text| Addressee::new(Destination::Elsewhere(address(text)));
    let acceptance = Acceptance {
        queue_id,
        reverse_path: ReversePath::Address(account(1).primary_address),
        addressees: vec![to("shown@far.test"), to("hidden@far.test")],
        trace: TRACE.as_bytes().to_vec(),
        message: server.received(&letter()).await,
        submitter: Some(AccountId(1)),
        envelope_id: None,
        ret: None,
        release: Timestamp::from_second(release).ok(),
        own,
    };
    server.service.accept(acceptance).await.unwrap();
    queue_id
}

fn letter() -> Vec<u8> {
    [b"To: Shown <shown@far.test>\r\n", &message(1)[..]].concat()
}

async fn queued(server: &Server, id: QueueId) -> Option<Entry> {
    server.service.queued(id).await.unwrap()
}

async fn may_leave(server: &Server, id: QueueId) -> Leave {
    server.service.leave(&queued(server, id).await.unwrap()).await.unwrap()
}

async fn leaves(server: &Server, id: QueueId) -> bool {
    may_leave(server, id).await == Leave::Now
}

async fn waiting(server: &Server, owner: u64) -> usize {
    server.service.scheduled(me(owner)).await.unwrap().len()
}

/// How many messages are among drafts, and how many among sent ones.
async fn drafts_and_sent(server: &Server) -> (u32, u32) {
    let count = async |name| server.status(1, name).await.messages;
    (count("Brouillons").await, count("Envoyés").await)
}

/// Puts an entry's rows back, as they are when a crash comes before they are removed.
async fn put_back(server: &Server, entry: &Entry) {
    let mut batch = Batch::new();
    batch.put::<QueueMessage>(&entry.id, &entry.message);
    batch.put::<QueueBodyUse>(&(entry.message.body.hash, entry.id), &());
    for (number, row) in &entry.recipients {
        batch.put::<QueueRecipient>(&(entry.id, *number), row);
    }
    server.store.commit(queue_partition(shard_of(entry.id)), batch).await.unwrap();
}

#[tokio::test]
async fn what_leaves_is_among_sent_messages_and_no_draft_any_more() {
    let server = Server::new().await;
    let draft = server.append(1, "Brouillons", &letter(), &["\\Draft"]).await.unwrap();
    server.append(1, "INBOX", &message(2), &[]).await.unwrap();
    let (drafts, inbox) = (server.open(1, "Brouillons").await, server.inbox(1).await);
    let own = OwnCopyRow {
        draft: Some((drafts.id(), draft.uid)),
        origin: Some((inbox.id(), uid(1), set(&["\\Answered"]))),
        ..own()
    };
    let id = send(&server, Some(own)).await;
    assert_eq!(drafts_and_sent(&server).await, (0, 0), "it waits, and is nowhere else");
    assert_eq!((waiting(&server, 1).await, waiting(&server, 2).await), (1, 0));
    let copy = server.service.senders_copy(&queued(&server, id).await.unwrap().message);
    let (front, body) = (copy.piece(0).await.unwrap(), copy.piece(BCC.len() as u64).await.unwrap());
    assert_eq!(copy.size(), (BCC.len() + letter().len()) as u64);
    assert!(leaves(&server, id).await);
    let sent = server.open(1, "Envoyés").await;
    assert_eq!(server.bytes(&sent, 1).await, [BCC.as_bytes(), &letter()].concat());
    assert_eq!(server.bytes(&sent, 1).await, [front, body].concat(), "as it was to be");
    assert_eq!((flags(&sent, 1), flags(&inbox, 1)), ("\\Seen".into(), "\\Answered".into()));
    assert_eq!(waiting(&server, 1).await, 0);
    assert!(server.service.take_back(me(1), id).await.unwrap().is_none(), "too late");
    assert!(!server.service.send_now(me(1), id).await.unwrap());
    assert!(leaves(&server, id).await, "the next attempt");
    assert_eq!(drafts_and_sent(&server).await, (0, 1));
}

#[tokio::test]
async fn what_is_taken_back_is_a_draft_with_everything_and_never_leaves() {
    let server = Server::new().await;
    let id = send(&server, Some(own())).await;
    assert!(server.service.take_back(me(2), id).await.unwrap().is_none(), "somebody else's");
    assert!(!server.service.send_now(me(2), id).await.unwrap());
    let draft = server.service.take_back(me(1), id).await.unwrap().unwrap();
    let drafts = server.open(1, "Brouillons").await;
    let expect = [BCC.as_bytes(), NOTE.as_bytes(), &letter()].concat();
    assert_eq!(server.bytes(&drafts, draft.uid.get()).await, expect);
    assert_eq!(flags(&drafts, 1), "\\Seen \\Draft");
    assert!(queued(&server, id).await.is_none());
    assert_eq!((server.service.queue_length(), waiting(&server, 1).await), (0, 0));
    assert!(server.service.take_back(me(1), id).await.unwrap().is_none(), "once");
}

#[tokio::test]
async fn a_crash_while_it_is_taken_back_leaves_a_draft_and_no_entry() {
    let server = Server::new().await;
    let id = send(&server, Some(own())).await;
    let entry = queued(&server, id).await.unwrap();
    // The account's commit is done, the queue's is not: another process holds the shard.
    server.service.work_queue(shard_of(id), 1).await.unwrap();
    let other = Server::over(server.store.clone()).await;
    other.service.work_queue(shard_of(id), 2).await.unwrap();
    assert!(server.service.take_back(me(1), id).await.unwrap().is_some());
    assert!(queued(&server, id).await.is_some(), "it could not be removed");
    let left = other.service.leave(&entry).await.unwrap();
    assert_eq!(left, Leave::Never, "whoever finds it removes it");
    assert!(queued(&server, id).await.is_none());
    let server = server.after_power_cut().await;
    assert_eq!(drafts_and_sent(&server).await, (1, 0));
    assert_eq!(server.service.queue_length(), 0);
}

#[tokio::test]
async fn a_start_removes_what_was_taken_back_before_the_crash() {
    let server = Server::new().await;
    let id = send(&server, Some(own())).await;
    server.service.work_queue(shard_of(id), 1).await.unwrap();
    let other = Server::over(server.store.clone()).await;
    other.service.work_queue(shard_of(id), 2).await.unwrap();
    server.service.take_back(me(1), id).await.unwrap().unwrap();
    let server = server.after_power_cut().await;
    assert!(queued(&server, id).await.is_none());
    assert_eq!(drafts_and_sent(&server).await, (1, 0));
}

#[tokio::test]
async fn a_start_removes_the_draft_of_what_is_queued_already() {
    // A crash between the queue's commit and the account's: whoever found the draft would send it
    // again.
    let server = Server::new().await;
    let id = send(&server, Some(own())).await;
    let draft = server.append(1, "Brouillons", &letter(), &["\\Draft"]).await.unwrap();
    let mut entry = queued(&server, id).await.unwrap();
    let drafts = server.open(1, "Brouillons").await;
    entry.message.own = Some(OwnCopyRow { draft: Some((drafts.id(), draft.uid)), ..own() });
    put_back(&server, &entry).await;
    let mut batch = Batch::new();
    batch.delete::<Outbox>(&id);
    server.store.commit(account_partition(AccountId(1)), batch).await.unwrap();
    let server = server.after_power_cut().await;
    assert_eq!(drafts_and_sent(&server).await, (0, 0));
    assert_eq!(waiting(&server, 1).await, 1);
    assert!(leaves(&server, id).await);
    let server = server.after_power_cut().await;
    assert!(leaves(&server, id).await);
    assert_eq!(drafts_and_sent(&server).await, (0, 1), "one copy over the crash");
}

#[tokio::test]
async fn nothing_leaves_for_a_suspended_sender_and_nothing_scheduled_for_one_who_leaves() {
    let server = Server::new().await;
    let id = server.found(1).await;
    let directory = server.service.directory();
    let scheduled = send(&server, Some(own())).await;
    let plain = send(&server, None).await;
    let at_once = send_at(&server, Some(OwnCopyRow { is_scheduled: false, ..own() }), NOW).await;
    directory.set_state(id, AccountState::Suspended).await.unwrap();
    for queue_id in [scheduled, plain, at_once] {
        assert_eq!(may_leave(&server, queue_id).await, Leave::Later);
    }
    directory.set_state(id, AccountState::Active).await.unwrap();
    directory.set_leaving(id, Some("2999-12-31".parse().unwrap())).await.unwrap();
    for queue_id in [scheduled, plain] {
        assert_eq!(may_leave(&server, queue_id).await, Leave::Later, "it was for later");
    }
    assert_eq!(may_leave(&server, at_once).await, Leave::Now, "it was sent before");
    directory.set_leaving(id, None).await.unwrap();
    assert_eq!(may_leave(&server, scheduled).await, Leave::Now);
}

#[tokio::test]
async fn what_waits_in_a_deleted_accounts_name_is_gone_and_its_address_book_too() {
    let server = Server::new().await;
    let id = server.found(1).await;
    let (own, plain) = (send(&server, Some(own())).await, send(&server, None).await);
    let entry = queued(&server, own).await.unwrap();
    let contact = ContactRow { name: "Mère de Léa".into(), ..ContactRow::default() };
    server.service.add_contacts(me(1), id, vec![contact]).await.unwrap();
    server.deliver(&[1], &message(1)).await.unwrap();
    server.service.directory().delete_account(id).await.unwrap();
    server.service.purge_account(id).await.unwrap();
    for id in [own, plain] {
        assert!(queued(&server, id).await.is_none(), "whoever goes takes it along");
    }
    assert_eq!(server.service.leave(&entry).await.unwrap(), Leave::Never, "read before");
    assert_eq!(server.service.queue_length(), 0);
    let server = server.after_power_cut().await;
    let partition = account_partition(id);
    assert!(server.store.scan::<Contact>(partition, None, 10).await.unwrap().rows.is_empty());
    assert!(server.store.scan::<Thread>(partition, None, 10).await.unwrap().rows.is_empty());
    let book = server.store.get::<AddressBook>(partition, &()).await.unwrap().unwrap();
    assert_eq!((book.contacts, book.groups), (0, 0));
    assert!(book.next > 0, "no number is given again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_leaving_and_taking_back_at_the_same_time_one_wins() {
    let server = Server::new().await;
    let (mut left, mut taken) = (0, 0);
    for _ in 0..20 {
        let id = send(&server, Some(own())).await;
        let entry = queued(&server, id).await.unwrap();
        let worker = server.clone();
        let leaving = tokio::spawn(async move { worker.service.leave(&entry).await.unwrap() });
        let back = server.service.take_back(me(1), id).await.unwrap();
        let leaves = leaving.await.unwrap() == Leave::Now;
        // An entry that is gone by the time the worker looks has its fate still, or has none to try.
        assert!(back.is_none() || queued(&server, id).await.is_none());
        assert_ne!(leaves, back.is_some());
        left += u32::from(leaves);
        taken += u32::from(back.is_some());
    }
    assert_eq!(drafts_and_sent(&server).await, (taken, left));
}

#[tokio::test]
async fn what_a_mail_program_holds_back_can_be_taken_back_with_its_hidden_recipients() {
    // RFC 4865: its sender knows it as a message with a time, like one of the webmail's.
    let server = Server::new().await;
    let id = send(&server, None).await;
    assert_eq!(waiting(&server, 1).await, 1);
    let draft = server.service.take_back(me(1), id).await.unwrap().unwrap();
    let drafts = server.open(1, "Brouillons").await;
    let expect = [BCC.as_bytes(), &letter()].concat();
    assert_eq!(server.bytes(&drafts, draft.uid.get()).await, expect);
    let id = send(&server, None).await;
    assert!(leaves(&server, id).await);
    assert_eq!(drafts_and_sent(&server).await, (1, 0), "the program keeps its own copy");
}

#[tokio::test]
async fn a_sender_may_send_it_now_instead() {
    let server = Server::new().await;
    let id = send(&server, Some(own())).await;
    assert!(server.service.send_now(me(1), id).await.unwrap());
    let entry = queued(&server, id).await.unwrap();
    assert!(entry.recipients.iter().all(|(_, row)| row.next_attempt == NOW));
    assert!(leaves(&server, id).await);
    let attempt = Attempt {
        next_hop: "mx.far.test".into(),
        reason: String::new(),
        status: (2, 0, 0),
        reply: None,
    };
    let delivered = Verdict::Delivered { attempt, told: Told::NextHop };
    let verdicts = vec![(0, delivered.clone()), (1, delivered)];
    server.service.settle(id, verdicts).await.unwrap();
    assert_eq!(server.service.outbox(me(1)).await.unwrap().len(), 0);
}

#[tokio::test]
async fn what_is_due_at_once_is_filed_at_once() {
    let server = Server::new().await;
    let id = send_at(&server, Some(own()), NOW).await;
    assert_eq!(drafts_and_sent(&server).await, (0, 1));
    assert!(server.service.take_back(me(1), id).await.unwrap().is_none());
    assert!(leaves(&server, id).await);
    assert_eq!(drafts_and_sent(&server).await, (0, 1));
}

#[tokio::test]
async fn a_body_stays_as_long_as_copy_or_entry_needs_it() {
    let server = Server::over(mail_store::Store::memory_with_grace(0)).await;
    let id = send(&server, Some(own())).await;
    server.service.take_back(me(1), id).await.unwrap().unwrap();
    assert_eq!(server.store.collect_all().await.unwrap().removed, 0);
    let drafts = server.open(1, "Brouillons").await;
    assert!(server.bytes(&drafts, 1).await.ends_with(&letter()));
    let verified = server.service.verify(AccountId(1)).await.unwrap();
    assert_eq!(verified.faults, Vec::<String>::new());
}

#[tokio::test]
async fn what_a_sender_holds_back_does_not_count_as_waiting_long() {
    let server = Server::new().await;
    send(&server, Some(own())).await;
    let held = server.service.condition().await.unwrap();
    assert_eq!((held.queue_length, held.queue_oldest_seconds), (1, 0));
    let id = send(&server, None).await;
    let mut entry = queued(&server, id).await.unwrap();
    (entry.message.own, entry.message.arrived) = (None, entry.message.arrived - 5000);
    put_back(&server, &entry).await;
    let waits = server.service.condition().await.unwrap();
    assert_eq!((waits.queue_length, waits.queue_oldest_seconds), (2, 5000));
}
