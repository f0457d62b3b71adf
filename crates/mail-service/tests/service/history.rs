//! What happened to messages: kept beside the queue for a while, in order, and forgotten by age.

use mail_service::queue::{Happened, HistoryRow};
use mail_types::QueueId;

use crate::support::*;

fn event(id: u64, at: u64, name: &str) -> Happened {
    let fields = vec![("to".to_owned(), format!("a{id}@far.test"))];
    Happened { queue_id: QueueId(id), at, row: HistoryRow { event: name.into(), fields } }
}

async fn told(server: &Server, id: u64) -> Vec<String> {
    let events = server.service.history(QueueId(id)).await.unwrap();
    events.into_iter().map(|event| event.row.event).collect()
}

#[tokio::test]
async fn events_come_back_in_order_and_survive_a_clean_stop() {
    let server = Server::new().await;
    let events = [event(7, 30, "sent"), event(8, 20, "received"), event(7, 10, "received")];
    server.service.keep_history(&events).await.unwrap();
    assert_eq!(told(&server, 7).await, ["received", "sent"]);
    assert_eq!(told(&server, 8).await, ["received"]);
    assert_eq!(told(&server, 9).await, [""; 0]);
    // They are not synced for their own sake: the next commit that is takes them along.
    server.deliver(&[1], &message(1)).await.unwrap();
    let server = server.after_power_cut().await;
    assert_eq!(told(&server, 7).await, ["received", "sent"]);
}

#[tokio::test]
async fn messages_are_listed_whole_from_the_youngest_wherever_a_page_ends() {
    let server = Server::new().await;
    let shards = server.service.queue_shards();
    // Message n of one shard has 400 events: a page of 1000 ends in the middle of one.
    let events: Vec<_> = (1..=6)
        .flat_map(|n| (0..400).map(move |at| event(n * shards, n * 1000 + at, "sent")))
        .collect();
    server.service.keep_history(&events).await.unwrap();
    let (mut listed, mut from) = (Vec::new(), None);
    loop {
        let (messages, next) = server.service.history_page(0, from).await.unwrap();
        listed.extend(messages.iter().map(|events| (events[0].queue_id.0 / shards, events.len())));
        from = next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(listed, [(6, 400), (5, 400), (4, 400), (3, 400), (2, 400), (1, 400)]);
}

#[tokio::test]
async fn what_is_old_is_forgotten_and_what_is_young_stays() {
    let server = Server::new().await;
    let shards = server.service.queue_shards();
    let old = (0..1500).map(|n| event(n, 1000 + n, "received"));
    let young = (0..100).map(|n| event(10_000 + n, 5000 + n, "received"));
    server.service.keep_history(&old.chain(young).collect::<Vec<_>>()).await.unwrap();
    assert_eq!(server.service.expire_history(2000).await.unwrap(), 1000);
    assert_eq!(told(&server, 999).await, [""; 0]);
    assert_eq!(told(&server, 1000).await, ["received"]);
    assert_eq!(server.service.expire_history(4000).await.unwrap(), 500);
    assert_eq!(server.service.expire_history(4000).await.unwrap(), 0);
    let mut left = 0;
    for shard in 0..shards {
        left += server.service.history_page(shard, None).await.unwrap().0.len();
    }
    assert_eq!(left, 100);
}
