//! The queue: what enters it is durable, what leaves it is told, and nobody gets anything twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use mail_service::queue::{
    Acceptance, Addressee, Attempt, Destination, Entry, Filter, QueueChange, Settled, Told, Verdict,
};
use mail_store::tables::mail::QueueDelivery;
use mail_store::{Store, StoreOptions, account_partition};
use mail_types::{AccountId, EnvelopeId, Notify, QueueId, Ret, ReversePath};

use crate::support::*;

const LATER: i64 = NOW + 600;

fn elsewhere(text: &str) -> Addressee {
    Addressee::new(Destination::Elsewhere(address(text)))
}

fn attempt(status: (u8, u16, u16), reply: Option<&str>) -> Attempt {
    Attempt {
        next_hop: "mx.far.test".into(),
        reason: "refused at RCPT".into(),
        status,
        reply: reply.map(Into::into),
    }
}

fn failed() -> Verdict {
    Verdict::Failed { attempt: attempt((5, 1, 1), Some("550 5.1.1 no such user")) }
}

fn delivered(told: Told) -> Verdict {
    Verdict::Delivered { attempt: attempt((2, 0, 0), Some("250 OK")), told }
}

fn retry(delayed: bool) -> Verdict {
    let at = Timestamp::from_second(LATER).unwrap();
    Verdict::Retry { attempt: attempt((4, 4, 1), None), at, delayed_until: delayed.then_some(at) }
}

/// Accepts a message of `agent1` for these.
async fn accept(server: &Server, addressees: Vec<Addressee>) -> QueueId {
    accept_with(server, addressees, |_| {}).await
}

async fn accept_with(
    server: &Server,
    addressees: Vec<Addressee>,
    change: impl FnOnce(&mut Acceptance),
) -> QueueId {
    let queue_id = server.service.new_queue_id();
    let mut acceptance = Acceptance {
        queue_id,
        reverse_path: ReversePath::Address(account(1).primary_address),
        addressees,
        trace: TRACE.as_bytes().to_vec(),
        message: server.received(&message(1)).await,
        submitter: Some(AccountId(1)),
        envelope_id: None,
        ret: None,
        release: None,
        own: None,
    };
    change(&mut acceptance);
    server.service.accept(acceptance).await.unwrap();
    queue_id
}

async fn queued(server: &Server, id: QueueId) -> Option<Entry> {
    server.service.queued(id).await.unwrap()
}

/// Everything in the queue but this.
async fn others(server: &Server, known: QueueId) -> Vec<Entry> {
    let mut found = Vec::new();
    for shard in 0..server.service.queue_shards() {
        let page = server.service.queue_list(&Filter::default(), shard, None).await.unwrap();
        found.extend(page.0.into_iter().filter(|entry| entry.id != known));
    }
    found
}

async fn text(server: &Server, entry: &Entry) -> String {
    let outgoing = server.service.outgoing(entry.message.clone(), &[]);
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < outgoing.size() {
        bytes.extend_from_slice(&outgoing.piece(bytes.len() as u64).await.unwrap());
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn what_is_accepted_is_there_after_a_power_cut_byte_for_byte() {
    let server = Server::new().await;
    let id = accept(&server, vec![elsewhere("a@far.test"), elsewhere("b@far.test")]).await;
    let server = server.after_power_cut().await;
    assert_eq!(server.service.queue_length(), 1);
    let entry = queued(&server, id).await.unwrap();
    assert_eq!(entry.recipients.len(), 2);
    let expect = [TRACE.as_bytes(), &message(1)].concat();
    assert_eq!(text(&server, &entry).await.into_bytes(), expect);
}

#[tokio::test]
async fn a_message_for_here_alone_does_not_pass_through_the_queue() {
    let server = Server::new().await;
    let here = Addressee::new(Destination::Here(recipient(2)));
    let id = accept(&server, vec![here]).await;
    assert!(queued(&server, id).await.is_none());
    assert_eq!(uids(&server.inbox(2).await), [1]);
}

#[tokio::test]
async fn with_one_recipient_elsewhere_it_enters_the_queue_whole() {
    // One commit decides for everybody, so that no second try delivers to some of them twice.
    let server = Server::new().await;
    let here = Addressee::new(Destination::Here(recipient(2)));
    let id = accept(&server, vec![here, elsewhere("a@far.test")]).await;
    assert_eq!(uids(&server.inbox(2).await), [0; 0]);
    let entry = queued(&server, id).await.unwrap();
    assert_eq!(entry.recipients.len(), 2);
    server.service.deliver_queued(&entry, &recipient(2)).await.unwrap();
    assert_eq!(uids(&server.inbox(2).await), [1]);
}

/// Whether the account remembers that it got this out of the queue.
async fn is_remembered(server: &Server, owner: u64, id: QueueId) -> bool {
    let partition = account_partition(AccountId(owner));
    server.store.get::<QueueDelivery>(partition, &id).await.unwrap().is_some()
}

#[tokio::test]
async fn a_delivery_whose_settlement_a_crash_took_is_not_made_again() {
    let server = Server::new().await;
    let here = || Addressee::new(Destination::Here(recipient(2)));
    let id = accept(&server, vec![here(), elsewhere("a@far.test")]).await;
    let entry = queued(&server, id).await.unwrap();
    server.service.deliver_queued(&entry, &recipient(2)).await.unwrap();
    let server = server.after_power_cut().await;
    let entry = queued(&server, id).await.unwrap();
    assert_eq!(entry.recipients.len(), 2, "nothing was settled");
    server.service.deliver_queued(&entry, &recipient(2)).await.unwrap();
    assert_eq!(uids(&server.inbox(2).await), [1]);
    assert!(is_remembered(&server, 2, id).await);

    // Another account is another delivery.
    server.service.deliver_queued(&entry, &recipient(3)).await.unwrap();
    assert_eq!(uids(&server.inbox(3).await), [1]);
}

#[tokio::test]
async fn what_was_delivered_is_remembered_until_it_has_left_the_queue() {
    let server = Server::new().await;
    let here = || vec![Addressee::new(Destination::Here(recipient(2))), elsewhere("a@far.test")];
    let mut ids = Vec::new();
    for is_settled in [true, false, false] {
        let id = accept(&server, here()).await;
        let entry = queued(&server, id).await.unwrap();
        server.service.deliver_queued(&entry, &recipient(2)).await.unwrap();
        if is_settled {
            let verdicts = vec![(0, delivered(Told::Delivered)), (1, failed())];
            server.service.settle(id, verdicts).await.unwrap();
        }
        ids.push(id);
    }
    assert_eq!(uids(&server.inbox(2).await), [1, 2, 3]);
    let mut remembered = Vec::new();
    for id in ids {
        remembered.push(is_remembered(&server, 2, id).await);
    }
    assert_eq!(remembered, [false, true, true]);
}

#[tokio::test]
async fn two_recipients_of_one_account_that_are_tried_at_once_get_one_copy() {
    let server = Server::new().await;
    let id = accept(&server, vec![elsewhere("a@far.test")]).await;
    let entry = queued(&server, id).await.unwrap();
    let alias = recipient(2);
    let to = recipient(2);
    let (first, second) = tokio::join!(
        server.service.deliver_queued(&entry, &to),
        server.service.deliver_queued(&entry, &alias),
    );
    assert!(first.is_ok() || second.is_ok());
    server.service.deliver_queued(&entry, &alias).await.unwrap();
    assert_eq!(uids(&server.inbox(2).await), [1]);
}

#[tokio::test]
async fn a_failure_is_told_with_its_reply_and_the_entry_leaves() {
    // RFC 3461 §6.2: the sender is told unless they said NEVER; RET decides what comes back.
    let server = Server::new().await;
    let silent = Addressee { notify: Some(Notify::NEVER), ..elsewhere("b@far.test") };
    let id = accept_with(&server, vec![elsewhere("a@far.test"), silent], |acceptance| {
        acceptance.ret = Some(Ret::Full);
        acceptance.envelope_id = Some(EnvelopeId::parse("QQ314").unwrap());
    })
    .await;
    let settled = server.service.settle(id, vec![(0, failed()), (1, failed())]).await.unwrap();
    assert_eq!(settled, Settled::Done);
    let server = server.after_power_cut().await;
    assert!(queued(&server, id).await.is_none());
    let [notice] = &others(&server, id).await[..] else { panic!("one notice") };
    assert_eq!(notice.message.reverse_path, ReversePath::Null);
    assert_eq!(notice.recipients[0].1.address, account(1).primary_address);
    let text = text(&server, notice).await;
    assert!(text.contains("Original-Envelope-Id: QQ314\r\n"), "{text}");
    assert!(text.contains("Final-Recipient: rfc822; a@far.test\r\n"), "{text}");
    assert!(text.contains("Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n"), "{text}");
    assert!(!text.contains("b@far.test"), "who said NEVER is not told of");
    assert!(text.contains("Bonjour 1."), "RET=FULL brings the message back");
}

#[tokio::test]
async fn a_notice_is_never_answered() {
    // RFC 5321 §6.1: "<>" has nobody to be told.
    let server = Server::new().await;
    let id = accept_with(&server, vec![elsewhere("a@far.test")], |acceptance| {
        acceptance.reverse_path = ReversePath::Null;
    })
    .await;
    server.service.settle(id, vec![(0, failed())]).await.unwrap();
    assert_eq!(others(&server, id).await.len(), 0);
    assert_eq!(server.service.queue_length(), 0);
}

#[tokio::test]
async fn a_delay_is_told_once_and_the_reason_is_kept() {
    let server = Server::new().await;
    let id = accept(&server, vec![elsewhere("a@far.test")]).await;
    for _ in 0..2 {
        let settled = server.service.settle(id, vec![(0, retry(true))]).await.unwrap();
        assert_eq!(settled, Settled::Waiting(Timestamp::from_second(LATER).ok()));
    }
    assert_eq!(others(&server, id).await.len(), 1, "one notice of delay");
    let entry = queued(&server.after_power_cut().await, id).await.unwrap();
    let row = &entry.recipients[0].1;
    assert_eq!((row.attempts, row.next_attempt), (2, LATER));
    assert_eq!(row.last.as_ref().unwrap().reason, "refused at RCPT");
}

#[tokio::test]
async fn success_is_told_to_who_asked_when_nobody_else_will() {
    // RFC 3461 §5.2.2 and §5.2.6.
    for (told, notices) in [(Told::Relayed, 1), (Told::Delivered, 1), (Told::NextHop, 0)] {
        let server = Server::new().await;
        let success = Notify { success: true, ..Notify::NEVER };
        let to = Addressee { notify: Some(success), ..elsewhere("a@far.test") };
        let id = accept(&server, vec![to]).await;
        server.service.settle(id, vec![(0, delivered(told))]).await.unwrap();
        assert_eq!(others(&server, id).await.len(), notices, "{told:?}");
    }
}

#[tokio::test]
async fn without_room_for_a_notice_who_was_delivered_leaves_and_who_failed_waits() {
    // The notice was refused by the disk guard, the settlement failed with it, and the recipients
    // who had the message got it again every minute for as long as the disk was nearly full.
    let dir = tempfile::tempdir().unwrap();
    let is_full = Arc::new(AtomicBool::new(false));
    let mut options = StoreOptions::new(dir.path().join("data"), dir.path().join("secrets.toml"));
    options.disk_free_bytes_min = 2;
    options.ballast_bytes = 0;
    let free = Arc::clone(&is_full);
    options.free_disk = Arc::new(move || Some(u64::from(!free.load(Ordering::Relaxed)) * 4));
    let server = Server::over(Store::open(options).unwrap()).await;
    let to = ["a@far.test", "b@far.test"].map(elsewhere).to_vec();
    let id = accept(&server, to).await;
    let verdicts = vec![(0, delivered(Told::Relayed)), (1, failed())];
    is_full.store(true, Ordering::Relaxed);
    let settled = server.service.settle(id, verdicts).await.unwrap();
    assert!(matches!(settled, Settled::Waiting(Some(_))), "{settled:?}");
    let entry = queued(&server, id).await.unwrap();
    let [(1, row)] = &entry.recipients[..] else { panic!("{entry:?}") };
    assert_eq!(row.last.as_ref().unwrap().status, (5, 1, 1));
    assert_eq!(others(&server, id).await.len(), 0);
    is_full.store(false, Ordering::Relaxed);
    let settled = server.service.settle(id, vec![(1, failed())]).await.unwrap();
    assert_eq!(settled, Settled::Done);
    assert_eq!(others(&server, id).await.len(), 1, "one notice");
}

#[tokio::test]
async fn an_entry_stays_while_one_recipient_waits_and_then_its_body_goes() {
    let server = Server::over(Store::memory_with_grace(0)).await;
    let id = accept(&server, vec![elsewhere("a@far.test"), elsewhere("b@far.test")]).await;
    let settled = server.service.settle(id, vec![(1, delivered(Told::NextHop))]).await.unwrap();
    assert_eq!(settled, Settled::Waiting(None));
    assert_eq!(server.store.collect_all().await.unwrap().removed, 0);
    server.service.settle(id, vec![(0, delivered(Told::NextHop))]).await.unwrap();
    assert_eq!(server.store.collect_released().await.unwrap().removed, 1);
}

#[tokio::test]
async fn who_lost_the_lease_settles_nothing() {
    let server = Server::new().await;
    let id = accept(&server, vec![elsewhere("a@far.test")]).await;
    let shard = id.0 % server.service.queue_shards();
    server.service.work_queue(shard, 1).await.unwrap();
    let other = Server::over(server.store.clone()).await;
    other.service.work_queue(shard, 2).await.unwrap();
    assert!(server.service.settle(id, vec![(0, delivered(Told::NextHop))]).await.is_err());
    assert!(queued(&server, id).await.is_some());
    other.service.settle(id, vec![(0, delivered(Told::NextHop))]).await.unwrap();
    assert!(queued(&server, id).await.is_none());
}

#[tokio::test]
async fn an_operator_holds_releases_retries_and_deletes_what_fits() {
    let server = Server::new().await;
    let id = accept(&server, vec![elsewhere("a@far.test"), elsewhere("b@near.test")]).await;
    let far = Filter { recipient: Some("@FAR.test".into()), ..Filter::default() };
    let change = |change| server.service.queue_change(id, &far, change);
    assert_eq!(change(QueueChange::Hold).await.unwrap(), 1);
    let entry = queued(&server, id).await.unwrap();
    let held: Vec<bool> = entry.recipients.iter().map(|(_, row)| row.is_held).collect();
    assert_eq!(held, [true, false]);
    assert_eq!(change(QueueChange::Release).await.unwrap(), 1);
    server.service.settle(id, vec![(0, retry(false))]).await.unwrap();
    assert_eq!(change(QueueChange::Retry).await.unwrap(), 1);
    assert_eq!(queued(&server, id).await.unwrap().recipients[0].1.next_attempt, NOW);
    assert_eq!(change(QueueChange::Delete).await.unwrap(), 1);
    assert_eq!(queued(&server, id).await.unwrap().recipients.len(), 1);
    let all = Filter::default();
    server.service.queue_change(id, &all, QueueChange::Delete).await.unwrap();
    assert!(queued(&server, id).await.is_none());
    assert_eq!(server.service.queue_length(), 0);
}

#[tokio::test]
async fn a_full_queue_refuses_all_but_letters_about_accounts_for_the_time_being() {
    let settings = mail_service::Settings { queue_messages_max: 1, ..Default::default() };
    let server = Server::with(Store::memory(), settings).await;
    accept(&server, vec![elsewhere("a@far.test")]).await;
    let acceptance = async || Acceptance {
        queue_id: server.service.new_queue_id(),
        reverse_path: ReversePath::Null,
        addressees: vec![elsewhere("b@far.test")],
        trace: Vec::new(),
        message: server.received(&message(2)).await,
        submitter: None,
        envelope_id: None,
        ret: None,
        release: None,
        own: None,
    };
    assert!(server.service.accept(acceptance().await).await.is_err());
    server.service.accept_letter(acceptance().await).await.unwrap();
    assert_eq!(server.service.queue_length(), 2);
}
