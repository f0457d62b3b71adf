//! What one delivery of a 4 KiB body into one account costs the store: writes, syncs, log bytes and
//! CPU. `cargo run --release -p mail-store --example delivery_cost [SESSIONS] [MESSAGES]`.

use std::time::{Duration, Instant};

use mail_store::tables::mail::{BodyUse, MessageFlags, MessageFlagsRow, MessageHeader, Prepared};
use mail_store::{Batch, Store, StoreOptions, account_partition};
use mail_types::{AccountId, DocumentId, FlagSet, InternalDate, MailboxId, ModSeq, Uid};
use rustix::time::{ClockId, clock_gettime};

fn main() {
    let mut args = std::env::args().skip(1).filter_map(|text| text.parse().ok());
    let (sessions, messages) = (args.next().unwrap_or(20u64), args.next().unwrap_or(20_000u64));
    let dir = tempfile::tempdir().expect("a temporary directory");
    let options = StoreOptions::new(dir.path().join("data"), dir.path().join("secrets.toml"));
    let store = Store::open(options).expect("a new store opens");
    let runtime = tokio::runtime::Builder::new_multi_thread().build().expect("a runtime");
    let before = store.work();
    let (begun, cpu) = (Instant::now(), cpu_time());
    runtime.block_on(async {
        let sessions = (0..sessions).map(|session| {
            let store = store.clone();
            tokio::spawn(async move {
                for number in (session..messages).step_by(sessions as usize) {
                    deliver(&store, session, number).await;
                }
            })
        });
        for session in sessions.collect::<Vec<_>>() {
            session.await.expect("a session ends");
        }
    });
    let (took, cpu) = (begun.elapsed(), cpu_time() - cpu);
    let work = store.work();
    let each = |count: u64| count as f64 / messages as f64;
    report(&format!(
        "{sessions} sessions, {messages} messages in {took:?}: {:.0}/s; each: {:.3} writes, {:.3} \
         syncs, {:.0} log bytes, {:.1} µs CPU",
        messages as f64 / took.as_secs_f64(),
        each(work.groups - before.groups),
        each(work.syncs - before.syncs),
        each(work.log_bytes - before.log_bytes),
        cpu.as_secs_f64() * 1e6 / messages as f64,
    ));
}

#[expect(clippy::print_stdout, reason = "the program's answer")]
fn report(line: &str) {
    println!("{line}");
}

/// The store's share of a delivery: the body, and a commit of about the service's rows.
async fn deliver(store: &Store, session: u64, number: u64) {
    use mail_store::BlobStore;
    let account = AccountId(session + 1);
    let mut bytes = vec![b'x'; 4096];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    let mut writer = store.body_writer();
    writer.write(&bytes).await.expect("there is room");
    let body = writer.finish(&[account.into()]).await.expect("the body is stored");
    let uid = Uid::new(number as u32 + 1).expect("above zero");
    let key = (MailboxId(1), uid);
    let mut batch = Batch::new().bump().guarded();
    batch.put::<MessageHeader>(&key, &Prepared::Inline(bytes[..700].to_vec()));
    let flags = FlagSet::new();
    let row = MessageFlagsRow {
        flags,
        mod_seq: ModSeq(number),
        document: DocumentId(1),
        size: body.size,
        internal_date: InternalDate::new(0, 0).expect("1970 is a date"),
    };
    batch.put::<MessageFlags>(&key, &row);
    batch.put::<BodyUse>(&(body.hash, MailboxId(1), uid), &());
    store.commit(account_partition(account), batch).await.expect("it is durable");
}

/// Of all threads of this process.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
