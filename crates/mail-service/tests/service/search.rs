//! Searches with an index against a plain reading of every message.

use std::collections::BTreeMap;

use mail_message::{address, decode, header};
use mail_service::{FlagChange, OpenMailbox, SearchKey};
use mail_store::tables::index::{IndexCatalog, IndexPiece, IndexQueue};
use mail_store::{Store, StoreOptions, account_partition};
use mail_types::{AccountId, Flag, UidSet};
use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::support::*;

const NAMES: [&str; 3] = ["INBOX", "Archives", "Corbeille"];
const WORDS: [&str; 22] = [
    "réunion",
    "Conseil",
    "de",
    "classe",
    "l'école",
    "élèves",
    "3eB",
    "œuvre",
    "rendez-vous",
    "(bulletin)",
    "notes,",
    "notes",
    "aujourd'hui",
    "12/05",
    "paul@ac-test.example",
    "ac",
    "É",
    "https://ac-test.example/very/long/way/to/somewhere?with=a&query=that+never+ends&and=0123456789\
     abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0123456789end",
    "会议",
    "Straße",
    "fin.",
    "...",
];

static PIECES: [&str; 9] =
    ["", " ", "subject:", "x-note: ", "x.example", "ject: r", "cafe", "inner", "-"];
static FIELDS: [&str; 8] =
    ["Subject", "FROM", "to", "Cc", "Bcc", "X-Note", "MIME-Version", "Nowhere"];

/// What a message says, before it is put on the wire.
#[derive(Clone, Debug)]
struct Written {
    subject: Vec<usize>,
    from: Vec<usize>,
    body: Vec<usize>,
    form: u8,
}

fn written() -> impl Strategy<Value = Written> {
    let words = |max| proptest::collection::vec(0..WORDS.len(), 0..max);
    (words(5), words(3), words(30), 0u8..6).prop_map(|(subject, from, body, form)| Written {
        subject,
        from,
        body,
        form,
    })
}

fn text(words: &[usize]) -> String {
    words.iter().map(|&word| WORDS[word]).collect::<Vec<_>>().join(" ")
}

impl Written {
    fn bytes(&self) -> Vec<u8> {
        let (subject, name, body) = (text(&self.subject), text(&self.from), text(&self.body));
        let lines = body.replace(" de ", "\r\n");
        let name = name.replace(['"', '<', '>', '@', ',', '(', ')'], "");
        let head = match self.form {
            0 => format!("subject:{subject}\r\n"),
            1 => String::new(),
            2 => format!(
                "Subject: {subject}\r\n de\r\nSubject: again\r\nCC: {name} <c@x.example>\r\n"
            ),
            _ => format!(
                "Subject: {subject}\r\nTo: \"{name}\" <marie@x.example>, b@x.example\r\n\
                 X-Note: {body}\r\nBcc: secret@x.example\r\n"
            ),
        };
        let head = format!("From: \"{name}\" <paul@x.example>\r\n{head}MIME-Version: 1.0\r\n");
        match self.form {
            3 => format!(
                "{head}Content-Type: text/html; charset=utf-8\r\n\r\n\
                 <p>{}</p><p>caf&eacute;</p>\r\n", lines.replace('&', "&amp;")
            ),
            4 => format!(
                "{head}Content-Type: multipart/mixed; boundary=b\r\n\r\n\
                 --b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{lines}\r\n\
                 --b\r\nContent-Type: application/pdf\r\n\r\nconseil\r\n\
                 --b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nnotes\r\n--b--\r\n"
            ),
            _ => format!("{head}Content-Type: text/plain; charset=utf-8\r\n\r\n{lines}\r\n"),
        }
        .into_bytes()
    }
}

/// RFC 9051 §6.4.4 without an index: all texts of a message, folded.
struct Texts {
    fields: Vec<(String, String)>,
    bodies: Vec<String>,
}

fn folded(text: &str) -> String {
    let text = text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase);
    text.collect::<String>().replace('œ', "oe").replace('æ', "ae").replace('ß', "ss")
}

async fn texts(server: &Server, mailbox: &OpenMailbox, uid: u32) -> Texts {
    let only = UidSet::range(uid, uid);
    let (_, raw) = server.service.headers(me(1), mailbox, &only, 1).await.unwrap().remove(0);
    let fields = header::fields(&raw).map(|field| {
        let mut value = header::decode_text(field.value, usize::MAX);
        if ["from", "to", "cc", "bcc", "reply-to", "sender"].iter().any(|name| field.is(name)) {
            for (name, address) in address::mailboxes(&header::unfold(field.value), 1000) {
                value.push_str(&format!("\n{name}\n{address}"));
            }
        }
        (String::from_utf8_lossy(field.name).to_lowercase(), folded(&value))
    });
    let bytes = server.bytes(mailbox, uid).await;
    let (_, structure) =
        server.service.structures(me(1), mailbox, &only, 1).await.unwrap().remove(0);
    let mut bodies = Vec::new();
    for part in structure.parts.iter().filter(|part| part.media_type().0 == "text") {
        let prefix = structure.prefix_bytes as usize;
        let raw = &bytes[part.body.start as usize + prefix..part.body.end as usize + prefix];
        let raw = decode::decode_transfer(part.transfer_encoding(), raw);
        let mut text = decode::charset_to_string(part.charset(), &raw);
        if part.media_type().1 == "html" {
            text = decode::html_to_text(&text);
        }
        bodies.push(folded(&text).split_whitespace().collect::<Vec<_>>().join(" "));
    }
    Texts { fields: fields.collect(), bodies }
}

impl Texts {
    fn match_key(&self, key: &SearchKey, is_seen: bool) -> bool {
        let any_body = |text: &str| self.bodies.iter().any(|body| body.contains(text));
        match key {
            SearchKey::All => true,
            SearchKey::Flag(_) => is_seen,
            SearchKey::Header(name, text) => {
                let mut named = self.fields.iter().filter(|field| field.0 == name.to_lowercase());
                named.any(|field| field.1.contains(&folded(text)))
            }
            SearchKey::Body(text) => any_body(&folded(text)),
            SearchKey::Text(text) => {
                let text = folded(text);
                let line = |field: &(String, String)| format!("{}: {}", field.0, field.1);
                any_body(&text) || self.fields.iter().any(|field| line(field).contains(&text))
            }
            SearchKey::Not(key) => !self.match_key(key, is_seen),
            SearchKey::And(keys) => keys.iter().all(|key| self.match_key(key, is_seen)),
            SearchKey::Or(keys) => keys.iter().any(|key| self.match_key(key, is_seen)),
            other => panic!("{other:?} is not asked here"),
        }
    }
}

/// A piece of words, from anywhere to anywhere.
fn piece() -> impl Strategy<Value = String> {
    let words = proptest::collection::vec(0..WORDS.len(), 1..4);
    let cut =
        (words, any::<prop::sample::Index>(), 1usize..60).prop_map(|(words, from, length)| {
            let chars: Vec<char> = text(&words).chars().collect();
            let from = from.index(chars.len());
            chars[from..chars.len().min(from + length)].iter().collect::<String>()
        });
    prop_oneof![6 => cut, 1 => prop::sample::select(&PIECES[..]).prop_map(str::to_owned)]
}

fn key() -> impl Strategy<Value = SearchKey> {
    let leaf = prop_oneof![
        4 => piece().prop_map(SearchKey::Text),
        4 => piece().prop_map(SearchKey::Body),
        4 => (prop::sample::select(&FIELDS[..]), piece())
            .prop_map(|(name, text)| SearchKey::Header(name.into(), text)),
        1 => Just(SearchKey::Flag(Flag::parse("\\Seen").unwrap())),
        1 => Just(SearchKey::All),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        let all = proptest::collection::vec(inner.clone(), 0..3);
        prop_oneof![
            inner.prop_map(|key| SearchKey::Not(Box::new(key))),
            all.clone().prop_map(SearchKey::And),
            all.prop_map(SearchKey::Or),
        ]
    })
}

#[derive(Clone, Debug)]
enum Step {
    Append(usize, Written),
    Copy(usize, usize, u32),
    Move(usize, usize, u32),
    Delete(usize, u32),
    Expunge(usize),
    Index,
    Reindex,
    PowerCut,
}

fn step() -> impl Strategy<Value = Step> {
    let place = || 0..NAMES.len();
    prop_oneof![
        8 => (place(), written()).prop_map(|(to, written)| Step::Append(to, written)),
        2 => (place(), place(), 1u32..12).prop_map(|(from, to, uid)| Step::Copy(from, to, uid)),
        2 => (place(), place(), 1u32..12).prop_map(|(from, to, uid)| Step::Move(from, to, uid)),
        2 => (place(), 1u32..12).prop_map(|(at, uid)| Step::Delete(at, uid)),
        1 => place().prop_map(Step::Expunge),
        5 => Just(Step::Index),
        1 => Just(Step::Reindex),
        1 => Just(Step::PowerCut),
    ]
}

async fn apply(server: &mut Server, step: Step) {
    let service = server.service.clone();
    match step {
        Step::Append(to, written) => {
            server.append(1, NAMES[to], &written.bytes(), &[]).await.unwrap();
        }
        Step::Copy(from, to, uid) => {
            let (open, uids) = (server.open(1, NAMES[from]).await, UidSet::range(uid, uid + 2));
            service.copy(me(1), &open, &uids, &name(NAMES[to])).await.unwrap();
        }
        Step::Move(from, to, uid) => {
            let (open, uids) = (server.open(1, NAMES[from]).await, UidSet::range(uid, uid + 1));
            service.move_messages(me(1), &open, &uids, &name(NAMES[to])).await.unwrap();
        }
        Step::Delete(at, uid) => {
            let (open, uids) = (server.open(1, NAMES[at]).await, UidSet::range(uid, uid));
            let flags = set(&["\\Deleted", "\\Seen"]);
            service.store_flags(me(1), &open, &uids, FlagChange::Add, &flags, None).await.unwrap();
        }
        Step::Expunge(at) => {
            let open = server.open(1, NAMES[at]).await;
            service.expunge(me(1), &open, None).await.unwrap();
        }
        Step::Index => service.indexed().await.unwrap(),
        Step::Reindex => drop(service.reindex(AccountId(1), |_, _| {}).await.unwrap()),
        Step::PowerCut => *server = server.after_power_cut().await,
    }
}

async fn check(server: &Server, keys: &[SearchKey]) {
    for mailbox in NAMES {
        let open = server.open(1, mailbox).await;
        let snapshot = open.snapshot();
        let mut all = BTreeMap::new();
        for entry in snapshot.iter() {
            let texts = texts(server, &open, entry.uid.get()).await;
            all.insert(entry.uid, (texts, entry.flags.is_seen()));
        }
        for key in keys {
            let found = server.service.search(me(1), &open, &snapshot, key).await.unwrap();
            let read = all.iter().filter(|(_, (texts, seen))| texts.match_key(key, *seen));
            let read: Vec<_> = read.map(|(uid, _)| *uid).collect();
            assert_eq!(found, read, "{mailbox}: {key:?}");
            let fuzzy = SearchKey::Fuzzy(Box::new(key.clone()));
            if matches!(key, SearchKey::Text(_) | SearchKey::Body(_) | SearchKey::Header(..)) {
                let fuzzy = server.service.search(me(1), &open, &snapshot, &fuzzy).await.unwrap();
                assert!(found.iter().all(|uid| fuzzy.contains(uid)), "{mailbox}: fuzzy {key:?}");
            }
        }
    }
    assert_eq!(server.service.verify(AccountId(1)).await.unwrap().faults, Vec::<String>::new());
}

async fn run(mut server: Server, steps: Vec<Step>, keys: Vec<SearchKey>) {
    let half = steps.len() / 2;
    for (number, step) in steps.into_iter().enumerate() {
        apply(&mut server, step).await;
        if number == half {
            check(&server, &keys).await;
        }
    }
    check(&server, &keys).await;
    server.service.indexed().await.unwrap();
    check(&server, &keys).await;
}

fn block_on(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future);
}

fn on_disk(dir: &std::path::Path) -> Store {
    let mut options = StoreOptions::new(dir.join("data"), dir.join("secrets.toml"));
    options.block_cache_bytes = 8 << 20;
    options.write_buffer_bytes = 8 << 20;
    options.disk_free_bytes_min = 0;
    options.encrypt = true;
    Store::open(options).unwrap()
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(step(), 1..60)
}

fn keys() -> impl Strategy<Value = Vec<SearchKey>> {
    proptest::collection::vec(key(), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    // RFC 9051 §6.4.4: a message is found if and only if it contains the text.
    #[test]
    fn an_index_answers_what_reading_every_message_would(steps in steps(), keys in keys()) {
        block_on(async { run(Server::new().await, steps, keys).await });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3, ..ProptestConfig::default() })]

    #[test]
    fn an_index_on_disk_answers_the_same(steps in steps(), keys in keys()) {
        let dir = tempfile::tempdir().unwrap();
        block_on(async {
            let server = Server::over(on_disk(dir.path())).await;
            let steps = steps.into_iter().filter(|step| !matches!(step, Step::PowerCut)).collect();
            run(server, steps, keys).await;
        });
    }
}

async fn find(server: &Server, key: SearchKey) -> Vec<u32> {
    let inbox = server.inbox(1).await;
    let found = server.service.search(me(1), &inbox, &inbox.snapshot(), &key).await.unwrap();
    found.into_iter().map(|uid| uid.get()).collect()
}

fn body(text: &str) -> Vec<u8> {
    format!("Subject: x\r\n\r\n{text}\r\n").into_bytes()
}

/// Whether any row of an account's index is there.
async fn rows(server: &Server) -> (usize, usize, usize) {
    let partition = account_partition(AccountId(1));
    let queue = server.store.scan::<IndexQueue>(partition, None, 9999).await.unwrap().rows;
    let pieces = server.store.scan::<IndexPiece>(partition, None, 9999).await.unwrap().rows;
    let catalog = server.store.get::<IndexCatalog>(partition, &()).await.unwrap();
    (queue.len(), pieces.len(), catalog.unwrap_or_default().segments.len())
}

#[tokio::test]
async fn a_background_indexer_takes_what_comes_and_stops_when_told() {
    let server = Server::new().await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let service = server.service.clone();
    let stop_asked = async move { drop(stopped.await) };
    let indexer = tokio::spawn(async move { service.run_indexer(stop_asked).await });
    // As many as do not wait for more.
    for number in 0..256 {
        server.append(1, "INBOX", &message(number), &[]).await.unwrap();
    }
    let indexed = async {
        while server.service.index_queue() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), indexed).await.unwrap();
    assert_eq!(rows(&server).await.0, 0);
    assert_eq!(find(&server, SearchKey::Body("bonjour 255".into())).await, [256]);
    drop(stop);
    indexer.await.unwrap();
}

#[tokio::test]
async fn what_an_earlier_process_left_queued_is_indexed() {
    let server = Server::new().await;
    server.append(1, "INBOX", &message(1), &[]).await.unwrap();
    let again = server.after_power_cut().await;
    assert_eq!(rows(&again).await, (1, 0, 0));
    again.service.indexed().await.unwrap();
    assert_eq!(rows(&again).await, (0, 1, 1));
}

#[tokio::test]
async fn segments_are_merged_and_lose_what_was_expunged() {
    let server = Server::new().await;
    for number in 0..70 {
        server.append(1, "INBOX", &message(number), &[]).await.unwrap();
        server.service.indexed().await.unwrap();
    }
    let (_, _, segments) = rows(&server).await;
    assert!(segments <= 14, "{segments} segments of 70 messages");
    for number in 70..200 {
        server.append(1, "INBOX", &message(number), &[]).await.unwrap();
    }
    server.service.indexed().await.unwrap();
    let inbox = server.inbox(1).await;
    let most = UidSet::range(1, 190);
    let flags = set(&["\\Deleted"]);
    let service = &server.service;
    service.store_flags(me(1), &inbox, &most, FlagChange::Add, &flags, None).await.unwrap();
    service.expunge(me(1), &inbox, None).await.unwrap();
    server.append(1, "INBOX", &message(200), &[]).await.unwrap();
    service.indexed().await.unwrap();
    let partition = account_partition(AccountId(1));
    let catalog = server.store.get::<IndexCatalog>(partition, &()).await.unwrap().unwrap();
    let documents: Vec<_> = catalog.segments.iter().map(|segment| segment.documents).collect();
    assert_eq!(documents, [11]);
    let found = find(&server, SearchKey::Body("bonjour 19".into())).await;
    assert_eq!(found, (191..=200).collect::<Vec<_>>());
    assert_eq!(service.verify(AccountId(1)).await.unwrap().faults, Vec::<String>::new());
}

#[tokio::test]
async fn a_message_with_too_many_words_is_read_and_found() {
    let server = Server::new().await;
    let many: String = (0..30_000).map(|number| format!("w{number} ")).collect();
    server.append(1, "INBOX", &body(&many), &[]).await.unwrap();
    server.append(1, "INBOX", &body("w29999"), &[]).await.unwrap();
    server.service.indexed().await.unwrap();
    assert_eq!(find(&server, SearchKey::Body("w29999".into())).await, [1, 2]);
    assert_eq!(find(&server, SearchKey::Body("29998 w29999".into())).await, [1]);
}

#[tokio::test]
async fn fuzzy_searches_find_other_forms_of_a_word_indexed_or_not() {
    let server = Server::new().await;
    let fuzzy = |text: &str| SearchKey::Fuzzy(Box::new(SearchKey::Body(text.into())));
    for text in ["les réunions", "la réunion du conseil", "two meetings", "canton"] {
        server.append(1, "INBOX", &body(text), &[]).await.unwrap();
    }
    for _ in 0..2 {
        assert_eq!(find(&server, fuzzy("réunion")).await, [1, 2]);
        assert_eq!(find(&server, fuzzy("réunions conseils")).await, [2]);
        assert_eq!(find(&server, fuzzy("meeting")).await, [3]);
        assert_eq!(find(&server, fuzzy("cantine")).await, [0u32; 0]);
        server.service.indexed().await.unwrap();
    }
}

#[tokio::test]
async fn the_purge_of_an_account_takes_its_index() {
    let server = Server::new().await;
    for number in 0..3 {
        server.append(1, "INBOX", &message(number), &[]).await.unwrap();
    }
    server.service.indexed().await.unwrap();
    server.append(1, "INBOX", &message(3), &[]).await.unwrap();
    server.service.purge_account(AccountId(1)).await.unwrap();
    server.service.indexed().await.unwrap();
    assert_eq!(rows(&server).await, (0, 0, 0));
    assert_eq!(server.service.verify(AccountId(1)).await.unwrap().faults, Vec::<String>::new());
}

#[tokio::test]
async fn verify_tells_of_a_message_that_is_neither_indexed_nor_queued_and_reindex_mends_it() {
    let server = Server::new().await;
    for number in 0..3 {
        server.append(1, "INBOX", &message(number), &[]).await.unwrap();
    }
    server.service.indexed().await.unwrap();
    let partition = account_partition(AccountId(1));
    let mut batch = mail_store::Batch::new();
    batch.delete_prefix::<IndexPiece, _>(&());
    server.store.commit(partition, batch).await.unwrap();
    let faults = server.service.verify(AccountId(1)).await.unwrap().faults;
    assert!(faults.iter().any(|fault| fault.contains("neither indexed nor queued")), "{faults:?}");
    // The rows are gone: every message is read instead.
    let again = server.after_power_cut().await;
    assert_eq!(find(&again, SearchKey::Body("bonjour 2".into())).await, [3]);
    assert_eq!(again.service.reindex(AccountId(1), |_, _| {}).await.unwrap(), 3);
    assert_eq!(again.service.verify(AccountId(1)).await.unwrap().faults, Vec::<String>::new());
    assert_eq!(find(&again, SearchKey::Body("bonjour 2".into())).await, [3]);
}
