//! What opening refuses, with which words; sealed values; the disk guard.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mail_store::secrets::{Purpose, Secrets};
use mail_store::{Batch, BlobStore, CommitError, OpenError, Store, StoreError};

use crate::support::{Number, Place, partition, read_all, settle, store_body};

fn refusal(place: &Place) -> OpenError {
    match Store::open(place.options()) {
        Ok(_) => panic!("it opened"),
        Err(error) => error,
    }
}

#[test]
fn a_data_directory_has_one_process() {
    let place = Place::new();
    let _store = place.open();
    assert!(matches!(refusal(&place), OpenError::InUse { .. }));
}

#[test]
fn without_its_secrets_file_a_store_does_not_open() {
    let place = Place::new();
    drop(place.open());
    std::fs::remove_file(place.path("secrets.toml")).unwrap();
    let text = refusal(&place).to_string();
    assert!(text.contains("put back the file"), "{text}");
    let other = Place::new();
    drop(other.open());
    std::fs::copy(other.path("secrets.toml"), place.path("secrets.toml")).unwrap();
    // The numbers fit, the keys do not: bodies would get other names.
    let error = refusal(&place);
    assert!(matches!(error, OpenError::MissingKey { number: 1, .. }));
    assert!(error.to_string().contains("put back the secrets file"), "{error}");
}

#[tokio::test]
async fn sealed_values_need_their_key_and_hide_their_text() {
    let place = Place::new();
    let mut options = place.options();
    options.encrypt = true;
    let store = Store::open(options.clone()).unwrap();
    let text = b"a text that nobody should read on the disk".repeat(20);
    let body = *store_body(&store, &text, &[1]).await;
    settle(&store).await;
    assert_eq!(read_all(&store, body).await, text);
    store.close();
    for entry in std::fs::read_dir(place.data()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(20).any(|window| window == &text[..20]));
    }
    drop(store);
    // Turned off, new values are plain and old ones are still read.
    assert_eq!(read_all(&place.open(), body).await, text);
    renumber(&place, Purpose::Data);
    let error = refusal(&place);
    assert!(matches!(error, OpenError::MissingKey { purpose: Purpose::Data, number: 1, .. }));
}

/// Gives key 1 of a purpose the number 9.
fn renumber(place: &Place, purpose: Purpose) {
    let secrets = std::fs::read_to_string(place.path("secrets.toml")).unwrap();
    let named = |number| format!("purpose = \"{purpose}\"\nnumber = {number}");
    let renumbered = secrets.replace(&named(1), &named(9));
    assert_ne!(renumbered, secrets);
    std::fs::write(place.path("secrets.toml"), renumbered).unwrap();
}

// Hashes made with a lost directory key could never be checked again, and nobody would know why.
#[test]
fn a_missing_directory_key_is_refused() {
    let place = Place::new();
    drop(place.open());
    renumber(&place, Purpose::Directory);
    let error = refusal(&place).to_string();
    assert!(error.contains("the directory key number 1, which the store uses"), "{error}");
}

#[tokio::test]
async fn after_a_rotation_new_values_need_the_new_key_and_old_ones_the_old_one() {
    let place = Place::new();
    let mut options = place.options();
    options.encrypt = true;
    let store = Store::open(options.clone()).unwrap();
    let old = *store_body(&store, b"sealed with key 1", &[1]).await;
    settle(&store).await;
    store.close();
    drop(store);
    let secrets = place.path("secrets.toml");
    let without = std::fs::read(&secrets).unwrap();
    Secrets::change(&secrets, |secrets| secrets.add(Purpose::Data)).unwrap();
    let store = Store::open(options.clone()).unwrap();
    let new = *store_body(&store, b"sealed with key 2", &[1]).await;
    settle(&store).await;
    assert_eq!(read_all(&store, old).await, b"sealed with key 1");
    assert_eq!(read_all(&store, new).await, b"sealed with key 2");
    let backup = place.path("backup");
    store.backup(&backup).unwrap();
    drop(store);
    std::fs::write(&secrets, without).unwrap();
    let refused = Store::open(options.clone()).err();
    assert!(matches!(refused, Some(OpenError::MissingKey { number: 2, .. })), "{refused:?}");
    options.data_dir = place.path("restored");
    let refused = Store::restore(&backup, options.clone(), |_, _| {}).err();
    assert!(matches!(refused, Some(OpenError::MissingKey { number: 2, .. })), "{refused:?}");
    assert!(!place.path("restored.restoring").exists(), "said before the long copy");
}

#[tokio::test]
async fn with_little_disk_left_new_mail_is_refused_and_deletion_goes_on() {
    let place = Place::new();
    let free = Arc::new(AtomicU64::new(100));
    let mut options = place.options();
    options.disk_free_bytes_min = 50;
    let reading = Arc::clone(&free);
    options.free_disk = Arc::new(move || Some(reading.load(Ordering::Relaxed)));
    let store = Store::open(options).unwrap();
    let guarded = || {
        let mut batch = Batch::new().guarded();
        batch.put::<Number>(&(1, 1), &1);
        batch
    };
    store.commit(partition(0), guarded()).await.unwrap();
    free.store(49, Ordering::Relaxed);
    let refused = store.submit(partition(0), guarded());
    assert!(matches!(refused, Err(CommitError::DiskFull)));
    let refused = store.body_writer().write(b"new mail").await;
    assert!(matches!(refused, Err(StoreError::DiskFull)));
    let mut deletion = Batch::new();
    deletion.delete::<Number>(&(1, 1));
    store.commit(partition(0), deletion).await.unwrap();
    free.store(50, Ordering::Relaxed);
    store.commit(partition(0), guarded()).await.unwrap();
}

#[test]
fn a_start_on_a_full_disk_deletes_the_ballast_and_one_with_room_lays_it() {
    let place = Place::new();
    let free = Arc::new(AtomicU64::new(6 << 20));
    let mut options = place.options();
    options.ballast_bytes = 3 << 20;
    options.disk_free_bytes_min = 2 << 20;
    let reading = Arc::clone(&free);
    options.free_disk = Arc::new(move || Some(reading.load(Ordering::Relaxed)));
    let ballast = place.data().join("facteur.ballast");
    let start = |expected: bool| {
        drop(Store::open(options.clone()).unwrap());
        assert_eq!(ballast.exists(), expected, "{} bytes free", free.load(Ordering::Relaxed));
    };
    start(true);
    let metadata = std::fs::metadata(&ballast).unwrap();
    assert_eq!(metadata.len(), 3 << 20);
    assert!(std::os::unix::fs::MetadataExt::blocks(&metadata) * 512 >= 3 << 20, "really taken");
    // Little is left, and enough to open.
    free.store(1 << 20, Ordering::Relaxed);
    start(true);
    free.store((1 << 20) - 1, Ordering::Relaxed);
    start(false);
    free.store((5 << 20) - 1, Ordering::Relaxed);
    start(false);
    free.store(5 << 20, Ordering::Relaxed);
    start(true);
}

#[test]
fn who_is_turned_away_leaves_the_ballast_of_who_has_it_open() {
    let place = Place::new();
    let mut options = place.options();
    options.ballast_bytes = 3 << 20;
    options.disk_free_bytes_min = 2 << 20;
    options.free_disk = Arc::new(|| Some(8 << 20));
    let _store = Store::open(options.clone()).unwrap();
    options.free_disk = Arc::new(|| Some(0));
    let refused = Store::open(options).err();
    assert!(matches!(refused, Some(OpenError::InUse { .. })), "{refused:?}");
    assert!(place.data().join("facteur.ballast").exists());
}

#[test]
fn a_directory_with_nothing_but_lost_and_found_is_empty() {
    let place = Place::new();
    std::fs::create_dir_all(place.data().join("lost+found")).unwrap();
    assert!(!place.path("secrets.toml").exists());
    drop(place.open());
    assert!(place.path("secrets.toml").exists());
}

#[test]
fn a_directory_without_its_current_file_is_not_begun_anew() {
    let place = Place::new();
    let store = place.open();
    store.close();
    drop(store);
    std::fs::remove_file(place.data().join("CURRENT")).unwrap();
    let text = refusal(&place).to_string();
    assert!(text.contains("CURRENT is missing"), "{text}");
}
