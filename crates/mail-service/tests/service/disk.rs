//! On RocksDB: a disk that fills up, and one that is given back what was deleted.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use mail_service::{FlagChange, Incoming, MailService, OpenMailbox, ServiceError};
use mail_store::{Store, StoreOptions};
use mail_types::{AccountId, ReversePath, UidSet};

use crate::support::*;

const MIB: u64 = 1 << 20;

/// A store with small buffers under this directory, whose bodies go as soon as nobody needs them.
fn options(dir: &Path) -> StoreOptions {
    let mut options = StoreOptions::new(dir.join("data"), dir.join("secrets.toml"));
    options.block_cache_bytes = 8 * MIB;
    options.write_buffer_bytes = 4 * MIB;
    options.wal_bytes_max = 8 * MIB;
    options.disk_free_bytes_min = 0;
    options.body_grace_seconds = 0;
    options
}

/// Blocks that the files of a directory take, in bytes.
fn disk_use(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap();
    let metadata = entries.filter_map(|entry| entry.ok()?.metadata().ok());
    metadata.map(|metadata| std::os::unix::fs::MetadataExt::blocks(&metadata) * 512).sum()
}

/// A message of its own that no compression makes smaller.
fn bulky(number: u32, bytes: usize) -> Vec<u8> {
    let mut message = format!(
        "From: Paul <paul@ac-test.example>\r\nSubject: Bulk {number}\r\n\
         Message-ID: <bulk-{number}@ac-test.example>\r\n\r\n"
    )
    .into_bytes();
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut state = u64::from(number) << 20 | 1;
    while message.len() < bytes {
        for _ in 0..7 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let mut bits = state >> 4;
            for _ in 0..10 {
                message.push(LETTERS[(bits & 63) as usize]);
                bits >>= 6;
            }
        }
        message.extend_from_slice(b"\r\n");
    }
    message
}

async fn delete(service: &MailService, inbox: &OpenMailbox, uids: &UidSet) -> usize {
    let actor = me(inbox.owner().0);
    let deleted = set(&["\\Deleted"]);
    service.store_flags(actor, inbox, uids, FlagChange::Add, &deleted, None).await.unwrap();
    service.expunge(actor, inbox, Some(uids)).await.unwrap().iter().count()
}

/// Both walks of `facteur verify`.
async fn assert_clean(server: &Server, accounts: u32) -> u64 {
    let verified = server.store.verify(|_| {}).await.unwrap();
    assert_eq!(verified.faults, vec![]);
    let mut messages = 0;
    for account in 1..=accounts {
        let verified = server.service.verify(AccountId(account.into())).await.unwrap();
        assert_eq!(verified.faults, Vec::<String>::new());
        messages += verified.messages;
    }
    messages
}

/// Messages delivered and deleted: with fewer, nothing fills a blob file, and none is given back.
const MESSAGES: u32 = 20_000;
const ACCOUNTS: u32 = 16;
const SENDERS: u32 = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_directory_shrinks_to_the_tenth_that_is_left_of_thousands_of_messages() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::over(Store::open(options(dir.path())).unwrap()).await;
    let begun = Instant::now();
    let senders = (0..SENDERS).map(|sender| {
        let server = server.clone();
        tokio::spawn(async move {
            for number in (sender..MESSAGES).step_by(SENDERS as usize) {
                let message = bulky(number, 8_000 + (number as usize * 7919) % 12_000);
                server.deliver(&[u64::from(1 + number % ACCOUNTS)], &message).await.unwrap();
            }
        })
    });
    for sender in senders.collect::<Vec<_>>() {
        sender.await.unwrap();
    }
    let delivered = begun.elapsed();
    let begun = Instant::now();
    assert_eq!(assert_clean(&server, ACCOUNTS).await, u64::from(MESSAGES));
    let verified = begun.elapsed();
    server.store.compact().await.unwrap();
    let data = dir.path().join("data");
    let full = disk_use(&data);
    let begun = Instant::now();
    for account in 1..=ACCOUNTS {
        let inbox = server.inbox(account.into()).await;
        let most: UidSet = uids(&inbox).into_iter().filter(|uid| uid % 10 != 0).collect();
        delete(&server.service, &inbox, &most).await;
    }
    let collected = server.store.collect_released().await.unwrap();
    assert_eq!(collected.removed, u64::from(MESSAGES - MESSAGES / 10));
    let emptied = begun.elapsed();
    let left = disk_use(&data);
    eprintln!(
        "delivered in {delivered:?}, verified in {verified:?}, emptied in {emptied:?}; \
         {full} bytes on disk, then {left}"
    );
    assert!(left < full / 10 + full / 50 + 2 * MIB, "{left} of {full} bytes are left");
    assert_eq!(assert_clean(&server, ACCOUNTS).await, u64::from(MESSAGES / 10));
}

/// A file system of its own, unmounted when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None`, with the reason said, where this process may not mount.
    fn mount(mib: u64) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let size = format!("size={mib}m");
        let mut mount = Command::new("mount");
        let mount = mount.args(["-t", "tmpfs", "-o", &size, "facteur-test"]).arg(dir.path());
        match mount.output() {
            Ok(output) if output.status.success() => Some(Self(dir)),
            Ok(output) => {
                let why = String::from_utf8_lossy(&output.stderr);
                skipped(&format!("a small tmpfs cannot be mounted here: {}", why.trim()))
            }
            Err(error) => skipped(&format!("`mount` does not run here: {error}")),
        }
    }

    /// Lets another program take all the rest.
    fn fill(&self) -> PathBuf {
        let file = self.0.path().join("another-program");
        let mut open = std::fs::File::create(&file).unwrap();
        while open.write(&[1; 4096]).is_ok_and(|written| written > 0) {}
        file
    }
}

/// Says why a test is skipped. Not by `eprintln!`: the test harness keeps that of tests that pass
/// to itself.
fn skipped(why: &str) -> Option<SmallDisk> {
    let test = std::thread::current();
    let _ = writeln!(std::io::stderr(), "{}: skipped: {why}", test.name().unwrap_or_default());
    None
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

/// As a session delivers.
async fn send(server: &Server, account: u64, message: &[u8]) -> Result<(), ServiceError> {
    let mut writer = server.service.message_writer();
    writer.write(message).await?;
    let incoming = Incoming {
        queue_id: server.service.new_queue_id(),
        reverse_path: ReversePath::Null,
        recipients: vec![recipient(account)],
        trace: Vec::new(),
        message: writer.finish().await?,
        submitter: None,
    };
    server.service.deliver(incoming).await
}

/// Many senders, until each is refused. How many messages were acknowledged.
async fn fill_with_mail(server: &Server, numbers: &Arc<AtomicU32>) -> u32 {
    let senders = (1..=8u64).map(|account| {
        let (server, numbers) = (server.clone(), Arc::clone(numbers));
        tokio::spawn(async move {
            let mut acknowledged = 0;
            loop {
                let number = numbers.fetch_add(1, Ordering::Relaxed);
                match send(&server, account, &bulky(number, 20_000)).await {
                    Ok(()) => acknowledged += 1,
                    Err(ServiceError::DiskFull) => return acknowledged,
                    Err(error) => panic!("refused with {error}"),
                }
            }
        })
    });
    let mut acknowledged = 0;
    for sender in senders.collect::<Vec<_>>() {
        acknowledged += sender.await.unwrap();
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_mail_early_keeps_what_it_took_and_recovers() {
    let Some(disk) = SmallDisk::mount(160) else { return };
    let mut options = options(disk.0.path());
    // Three times write buffers and log, as the default is.
    options.disk_free_bytes_min = 36 * MIB;
    options.ballast_bytes = 36 * MIB;
    let server = Server::over(Store::open(options.clone()).unwrap()).await;
    assert!(disk.0.path().join("data/facteur.ballast").exists());
    let numbers = Arc::new(AtomicU32::new(0));
    let acknowledged = fill_with_mail(&server, &numbers).await;
    assert!(acknowledged > 1000, "{acknowledged}");
    // New mail is refused, again and again, and the engine lives.
    for number in 0..100 {
        let mut writer = server.service.message_writer();
        let refused = writer.write(&message(number)).await;
        assert!(matches!(refused, Err(ServiceError::DiskFull)), "{refused:?}");
    }
    // Reading and deleting go on, and make room for new mail.
    let inbox = server.inbox(1).await;
    let first = uids(&inbox)[0];
    assert!(server.bytes(&inbox, first).await.len() > 20_000);
    let mut removed = 0;
    for account in 1..=4 {
        let inbox = server.inbox(account).await;
        let all: UidSet = uids(&inbox).into_iter().collect();
        removed += delete(&server.service, &inbox, &all).await as u32;
    }
    server.store.collect_released().await.unwrap();
    server.store.compact().await.unwrap();
    let more = fill_with_mail(&server, &numbers).await;
    assert!(more > removed / 2, "room for {more} after {removed} were removed");
    let expected = u64::from(acknowledged - removed + more);
    assert_eq!(assert_clean(&server, 8).await, expected);

    // Another program takes what is left: writes fail, the engine stops, and the start deletes the
    // ballast to be able to open.
    let foreign = disk.fill();
    let mut changes = 0;
    let failed = loop {
        let inbox = server.inbox(5).await;
        let all: UidSet = uids(&inbox).into_iter().collect();
        let flags = set(&[["\\Seen", "\\Flagged"][changes % 2]]);
        let change = FlagChange::Replace;
        match server.service.store_flags(me(5), &inbox, &all, change, &flags, None).await {
            Ok(_) => changes += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(failed, ServiceError::TryAgain(_)), "{failed}");
    server.store.close();
    drop((server, inbox));
    let again = Server::over(Store::open(options.clone()).unwrap()).await;
    assert!(!disk.0.path().join("data/facteur.ballast").exists());
    assert_eq!(assert_clean(&again, 8).await, expected, "after {changes} changes on the full disk");
    std::fs::remove_file(foreign).unwrap();
    again.deliver(&[8], &message(1)).await.unwrap();
    again.store.close();
    drop(again);
    let again = Server::over(Store::open(options).unwrap()).await;
    assert_eq!(assert_clean(&again, 8).await, expected + 1);
}
