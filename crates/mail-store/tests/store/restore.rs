//! Backup while serving, and a restore that gives nothing out twice.

use mail_store::tables::mail::{
    Account, AccountRow, Expunged, MailboxCounters, MailboxCountersRow,
};
use mail_store::tables::system::VerifyRow;
use mail_store::{Batch, Store, Upkeep, account_partition};
use mail_types::{AccountId, MailboxId, ModSeq, UidSet};

use crate::support::{Place, read_all, refer, store_body};

const STEP: u64 = 1 << 20;

fn counters(uid_next: u64, mod_seq: u64) -> MailboxCountersRow {
    MailboxCountersRow {
        uid_next,
        highest_mod_seq: ModSeq(mod_seq),
        messages: 1,
        unseen: 0,
        deleted: 0,
        bytes: 5,
        expunged_since: ModSeq(0),
    }
}

#[tokio::test]
async fn after_a_restore_no_number_is_given_again() {
    let place = Place::new();
    let store = place.open();
    let account = account_partition(AccountId(7));
    let body = store_body(&store, b"hello", &[7]).await;
    refer(&store, &body, 7, 4).await;
    let mut batch = Batch::new().bump();
    let row = AccountRow { next_uid_validity: 3, ..AccountRow::default() };
    batch.put::<Account>(&(), &row);
    batch.put::<MailboxCounters>(&MailboxId(1), &counters(5, 2));
    batch.put::<Expunged>(&(MailboxId(1), ModSeq(2)), &UidSet::from_iter([1]));
    let version = store.commit(account, batch).await.unwrap();

    store.backup(&place.path("backup")).unwrap();
    let backed_up = std::fs::read_dir(place.path("backup")).unwrap();
    assert!(backed_up.map(|entry| entry.unwrap().file_name()).all(|name| name != "secrets.toml"));
    store.commit(account, Batch::new().bump()).await.unwrap();
    let body = *body;
    drop(store);

    let mut options = place.options();
    options.data_dir = place.path("restored");
    Store::restore(&place.path("backup"), options.clone(), |_, _| {}).unwrap();
    let store = Store::open(options.clone()).unwrap();
    assert_eq!(u64::from(store.first_number().await.unwrap()), 1 + STEP, "of accounts unseen yet");
    let forwarded = store.version(account).await.unwrap();
    assert_eq!(forwarded.0, version.0 + STEP);
    let row = store.get::<Account>(account, &()).await.unwrap().unwrap();
    assert_eq!(u64::from(row.next_uid_validity), 3 + STEP);
    let row = store.get::<MailboxCounters>(account, &MailboxId(1)).await.unwrap().unwrap();
    assert_eq!(row.uid_next, 5 + STEP);
    assert_eq!(row.highest_mod_seq, ModSeq(forwarded.0));
    assert_eq!(row.expunged_since, ModSeq(forwarded.0));
    assert!(store.scan::<Expunged>(account, None, 10).await.unwrap().rows.is_empty());
    assert_eq!(read_all(&store, body).await, b"hello");
    let verified = store.verify(|_| {}).await.unwrap();
    assert_eq!((verified.faults, verified.bodies), (vec![], 1));
    drop(store);
    assert!(Store::restore(&place.path("backup"), options, |_, _| {}).is_err(), "not over a store");
}

#[test]
fn a_restore_that_could_not_take_the_directorys_place_is_refused_before_the_copy() {
    let place = Place::new();
    place.open().backup(&place.path("backup")).unwrap();
    let mut options = place.options();
    options.data_dir = place.path("restored");
    // What a file system has at its root; a mount point cannot be removed either.
    std::fs::create_dir_all(options.data_dir.join("lost+found")).unwrap();
    let backup = place.path("backup");
    let refused = Store::restore(&backup, options.clone(), |_, _| panic!("copied first")).err();
    let text = refused.map(|error| error.to_string()).unwrap_or_default();
    assert!(text.contains("name a directory below it"), "{text}");
    options.data_dir.push("data");
    Store::restore(&backup, options.clone(), |_, _| {}).unwrap();
    Store::open(options).unwrap();
}

#[tokio::test]
async fn a_backup_while_commits_arrive_is_consistent() {
    let place = Place::new();
    let store = place.open();
    let writer = {
        let store = store.clone();
        tokio::spawn(async move {
            for uid in 1..200u32 {
                let body = store_body(&store, &uid.to_be_bytes().repeat(3000), &[1]).await;
                refer(&store, &body, 1, uid).await;
            }
        })
    };
    let copying = store.clone();
    let target = place.path("backup");
    tokio::task::spawn_blocking(move || copying.backup(&target)).await.unwrap().unwrap();
    writer.await.unwrap();
    let mut options = place.options();
    options.data_dir = place.path("restored");
    Store::restore(&place.path("backup"), options.clone(), |_, _| {}).unwrap();
    let verified = Store::open(options).unwrap().verify(|_| {}).await.unwrap();
    assert_eq!(verified.faults, vec![]);
}

#[tokio::test]
async fn a_store_knows_its_last_backup_and_verification_and_a_restored_one_has_none() {
    let place = Place::new();
    let store = place.open();
    assert_eq!(store.upkeep().await.unwrap(), Upkeep::default());
    store.note_verified(7, 2).await.unwrap();
    store.backup(&place.path("first")).unwrap();
    let first = store.upkeep().await.unwrap();
    let backup = first.backup.unwrap();
    assert!(backup.bytes > 0 && backup.seconds == 0, "{backup:?}");
    assert_eq!(first.verify, Some(VerifyRow { at: backup.at, seconds: 7, faults: 2 }));
    place.pass(60);
    assert!(store.backup(&place.path("first")).is_err(), "there is one already");
    assert_eq!(store.upkeep().await.unwrap(), first, "what failed is none");
    store.backup(&place.path("second")).unwrap();
    drop(store);
    let store = place.open();
    assert_eq!(store.upkeep().await.unwrap().backup.unwrap().at, backup.at + 60);
    drop(store);

    let mut options = place.options();
    options.data_dir = place.path("restored");
    Store::restore(&place.path("second"), options.clone(), |_, _| {}).unwrap();
    let restored = Store::open(options).unwrap();
    assert_eq!(restored.upkeep().await.unwrap(), Upkeep::default());
}
