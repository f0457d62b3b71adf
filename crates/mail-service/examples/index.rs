//! Measures the full-text index: CPU and size of indexing, and times of searches.
//!
//!     cargo run --release -p mail-service --example index -- MBOX MESSAGES
//!
//! The messages of the mbox are repeated with variations until there are as many as asked for.

#![expect(clippy::print_stdout, reason = "a report for a terminal")]

use std::sync::Arc;
use std::time::Instant;

use directory::Directory;
use jiff::Timestamp;
use mail_message::decode;
use mail_service::{MailService, OpenMailbox, SearchKey, Settings};
use mail_store::tables::index::{IndexCatalog, IndexPiece};
use mail_store::{Store, StoreOptions, account_partition};
use mail_types::{AccountId, Actor, Flag, FlagSet, MailboxName, UidSet};

const OWNER: AccountId = AccountId(1);
const ACTOR: Actor = Actor::Account(OWNER);
/// Messages on their way at once, so that they share syncs.
const AT_ONCE: usize = 200;
/// Times that each search is measured.
const ROUNDS: usize = 21;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let mbox = arguments.next().ok_or("give an mbox")?;
    let count: usize = arguments.next().ok_or("give a number of messages")?.parse()?;
    let corpus = messages(&std::fs::read(&mbox)?);
    let dir = tempfile::tempdir()?;
    let options = StoreOptions::new(dir.path().join("data"), dir.path().join("secrets.toml"));
    let store = Store::open(options)?;
    let directory = Directory::open(store.clone(), directory::Settings::default()).await?;
    let service =
        MailService::open(store.clone(), directory, Settings::default(), Arc::new(Timestamp::now))
            .await?;
    let bytes = fill(&service, &corpus, count).await?;
    let inbox = service.open_mailbox(ACTOR, OWNER, &MailboxName::inbox()).await?;
    let text = text_bytes(&service, &inbox, count.min(corpus.len())).await?;
    let text = text * count as u64 / count.min(corpus.len()) as u64;
    println!("{count} messages, {bytes} bytes, about {text} bytes of text");

    let before = (Instant::now(), cpu_seconds()?);
    service.indexed().await?;
    let cpu = cpu_seconds()? - before.1;
    println!(
        "indexed in {:.1} s, {:.3} ms CPU a message, {:.3} ms CPU per 4 KiB",
        before.0.elapsed().as_secs_f64(),
        cpu * 1e3 / count as f64,
        cpu * 1e3 / (bytes as f64 / 4096.0),
    );
    let (size, segments) = index_bytes(&store).await?;
    let share = |whole: u64| 100.0 * size as f64 / whole as f64;
    println!(
        "index: {segments} segments, {size} bytes, {:.1} % of the text, {:.1} % of the messages",
        share(text),
        share(bytes),
    );
    searches(&service, &inbox).await
}

/// Messages between `From ` lines.
fn messages(mbox: &[u8]) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    for line in mbox.split_inclusive(|&byte| byte == b'\n') {
        match (line.starts_with(b"From "), all.last_mut()) {
            (true, _) => all.push(Vec::new()),
            (false, Some(message)) => message.extend_from_slice(line),
            (false, None) => {}
        }
    }
    all
}

async fn fill(service: &MailService, corpus: &[Vec<u8>], count: usize) -> Result<u64, Failure> {
    let (mut bytes, mut done) = (0, 0);
    while done < count {
        let mut tasks = tokio::task::JoinSet::new();
        for number in done..count.min(done + AT_ONCE) {
            let mut message = format!("X-Number: n{number}\r\n").into_bytes();
            message.extend_from_slice(&corpus[number % corpus.len()]);
            message.extend_from_slice(format!("variation v{number}\r\n").as_bytes());
            bytes += message.len() as u64;
            let service = service.clone();
            tasks.spawn(async move {
                let mut writer = service.message_writer();
                writer.write(&message).await?;
                let received = writer.finish().await?;
                let inbox = MailboxName::inbox();
                let seen = number % 10 != 0;
                let seen = seen.then(|| Flag::parse("\\Seen")).and_then(Result::ok);
                let flags: FlagSet = seen.into_iter().collect();
                service.append(ACTOR, OWNER, &inbox, received, flags, None).await
            });
        }
        while let Some(appended) = tasks.join_next().await {
            appended??;
            done += 1;
        }
    }
    Ok(bytes)
}

/// How much text the first messages have.
async fn text_bytes(
    service: &MailService,
    inbox: &OpenMailbox,
    count: usize,
) -> Result<u64, Failure> {
    let uids = UidSet::range(1, count as u32);
    let rows = service.messages(ACTOR, inbox, &uids, count).await?;
    let structures = service.structures(ACTOR, inbox, &uids, count).await?;
    let mut bytes = 0;
    for ((_, row), (_, structure)) in rows.iter().zip(structures) {
        for part in structure.parts.iter().filter(|part| part.media_type().0 == "text") {
            let prefix = structure.prefix_bytes;
            let range = part.body.start + prefix..part.body.end + prefix;
            let raw = service.read(ACTOR, inbox, row, range).await?;
            let raw = decode::decode_transfer(part.transfer_encoding(), &raw);
            let text = decode::charset_to_string(part.charset(), &raw);
            let is_html = part.media_type().1 == "html";
            bytes += if is_html { decode::html_to_text(&text).len() } else { text.len() } as u64;
        }
    }
    Ok(bytes)
}

async fn index_bytes(store: &Store) -> Result<(u64, usize), Failure> {
    let partition = account_partition(OWNER);
    let (mut bytes, mut from) = (0, None);
    loop {
        let page = store.scan::<IndexPiece>(partition, from.as_ref(), 1000).await?;
        bytes += page.rows.iter().map(|(_, row)| row.0.len() as u64).sum::<u64>();
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    let catalog = store.get::<IndexCatalog>(partition, &()).await?.unwrap_or_default();
    Ok((bytes, catalog.segments.len()))
}

async fn searches(service: &MailService, inbox: &OpenMailbox) -> Result<(), Failure> {
    let header = |name: &str, text: &str| SearchKey::Header(name.into(), text.into());
    let body = |text: &str| SearchKey::Body(text.into());
    let unseen = SearchKey::Not(Box::new(SearchKey::Flag(Flag::parse("\\Seen")?)));
    let all = [
        ("ALL", SearchKey::All),
        ("UNSEEN", unseen),
        ("SUBJECT réunion", header("Subject", "réunion")),
        ("SUBJECT \"conseil classe\"", header("Subject", "conseil classe")),
        ("FROM dupont", header("From", "dupont")),
        ("FROM u12@", header("From", "u12@")),
        ("FROM ac-example.fr", header("From", "ac-example.fr")),
        ("BODY v19123", body("v19123")),
        ("BODY laïcité", body("laïcité")),
        ("BODY ulair", body("ulair")),
        ("BODY e", body("e")),
        ("BODY \"mutation rectorat\"", body("mutation rectorat")),
        ("TEXT laïcité", SearchKey::Text("laïcité".into())),
        ("TEXT n19123", SearchKey::Text("n19123".into())),
        ("FUZZY TEXT réunions", SearchKey::Fuzzy(Box::new(SearchKey::Text("réunions".into())))),
        ("HEADER X-Number n19123", header("X-Number", "n19123")),
    ];
    let snapshot = inbox.snapshot();
    for (name, key) in all {
        let cold = Instant::now();
        let found = service.search(ACTOR, inbox, &snapshot, &key).await?.len();
        let cold = cold.elapsed().as_secs_f64() * 1e3;
        let mut times = Vec::new();
        for _ in 0..if cold > 300.0 { 1 } else { ROUNDS } {
            let start = Instant::now();
            service.search(ACTOR, inbox, &snapshot, &key).await?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        let median = times[times.len() / 2];
        println!("{name:32} {found:6} found, median {median:8.3} ms, first {cold:8.3} ms");
    }
    Ok(())
}

/// Processor time of this process.
fn cpu_seconds() -> Result<f64, Failure> {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> =
        stat.rsplit(") ").next().unwrap_or_default().split_whitespace().collect();
    let ticks = fields.get(11..13).ok_or("short /proc/self/stat")?;
    let ticks = ticks.iter().map(|ticks| ticks.parse::<f64>()).sum::<Result<f64, _>>()?;
    Ok(ticks / TICKS_PER_SECOND)
}
