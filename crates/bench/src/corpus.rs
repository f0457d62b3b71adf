//! Deterministic mail like a school's: the same bytes on every machine.
//!
//! Two kinds: [`corpus`] is varied (accents, encodings, files, threads, lists; sizes about
//! lognormal), [`Plain`] is of one exact size, for throughput.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const WORDS: &[&str] = &[
    "réunion",
    "conseil",
    "classe",
    "bulletin",
    "notes",
    "élève",
    "parents",
    "professeur",
    "emploi",
    "temps",
    "sortie",
    "cantine",
    "absence",
    "examen",
    "brevet",
    "inscription",
    "mutation",
    "rectorat",
    "académie",
    "circulaire",
    "arrêté",
    "formation",
    "stage",
    "convention",
    "livret",
    "évaluation",
    "salle",
    "informatique",
    "réseau",
    "compte",
    "messagerie",
    "vacances",
    "grève",
    "budget",
    "report",
    "meeting",
    "schedule",
    "please",
    "find",
    "attached",
    "minutes",
    "jeudi",
    "mardi",
    "septembre",
    "février",
    "bibliothèque",
    "gymnase",
    "laboratoire",
    "orientation",
];
const NAMES: &[&str] = &[
    "Amélie Dupont",
    "Jean-Baptiste Lefèvre",
    "Zoé Müller",
    "François Garcia",
    "Noël Benoît",
    "Ousmane Traoré",
    "Дмитрий Иванов",
    "محمد علي",
    "小林 田中",
    "Marie Petit",
    "Paul Roux",
    "Łukasz Kowalski",
    "Chloé Moreau",
    "Thérèse Girard",
    "Anaïs N'Guessan",
    "Gaël Rossi",
];

/// SplitMix64: small, fast, the same everywhere.
#[derive(Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`, which is not 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// True so many times in a hundred.
    pub(crate) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    /// Lognormal by the sum of uniform numbers: near enough for sizes.
    fn size(&mut self, median: f64, sigma: f64, max: usize) -> usize {
        let sum: f64 = (0..12).map(|_| (self.next() >> 11) as f64 / (1u64 << 53) as f64).sum();
        ((median * (sigma * (sum - 6.0)).exp()) as usize).min(max)
    }
}

/// This many varied messages of CRLF lines.
pub(crate) fn corpus(count: usize, seed: u64) -> Vec<Vec<u8>> {
    let mut chance = Chance::new(seed);
    let mut thread: Vec<(String, String, Vec<String>)> = Vec::new();
    let mut messages = Vec::with_capacity(count);
    for number in 0..count {
        let id = format!("<{number}.{:x}@ac-example.test>", chance.next() >> 24);
        let mut topic = capitalised(&words(&mut chance, 2, 7));
        let mut subject = topic.clone();
        let mut references = Vec::new();
        if !thread.is_empty() && chance.percent(45) {
            let recent = thread.len().saturating_sub(40);
            let parent = &thread[recent + chance.below(thread.len() - recent)];
            topic.clone_from(&parent.1);
            subject = format!("{}{topic}", chance.pick(&["Re: ", "RE: ", "Fwd: ", "TR: "]));
            references.clone_from(&parent.2);
            references.push(parent.0.clone());
        }
        let header = header(&mut chance, number, &id, &subject, &references);
        messages.push(format!("{header}{}", content(&mut chance)).into_bytes());
        thread.push((id, topic, references));
    }
    messages
}

fn header(
    chance: &mut Chance,
    number: usize,
    id: &str,
    subject: &str,
    references: &[String],
) -> String {
    let date = date(number);
    let mut header = String::new();
    for hop in 0..=chance.below(3) {
        let (host, key) = (chance.below(9), chance.next());
        header.push_str(&format!(
            "Received: from mx{host}.ac-example.test (mx.ac-example.test [192.0.2.{host}])\r\n\
             \tby store{hop}.ac-example.test with ESMTPS id {key:x}; {date}\r\n"
        ));
    }
    header.push_str(&format!("Date: {date}\r\nFrom: {}\r\n", person(chance)));
    let mut list = |name: &str, count| {
        let people: Vec<String> = (0..count).map(|_| person(chance)).collect();
        header.push_str(&format!("{name}: {}\r\n", people.join(",\r\n ")));
    };
    list("To", [1, 1, 1, 2, 3, 12][number % 6]);
    if number.is_multiple_of(3) {
        list("Cc", 1 + number % 5);
    }
    header.push_str(&format!("Subject: {}\r\nMessage-ID: {id}\r\n", encoded(subject)));
    if let Some(parent) = references.last() {
        let recent = &references[references.len().saturating_sub(8)..];
        let all = recent.join("\r\n ");
        header.push_str(&format!("In-Reply-To: {parent}\r\nReferences: {all}\r\n"));
    }
    if chance.percent(15) {
        header.push_str(
            "List-Id: <profs.listes.ac-example.test>\r\nList-Unsubscribe: \
             <mailto:sympa@listes.ac-example.test?subject=unsub>\r\nPrecedence: list\r\n",
        );
    }
    header + "MIME-Version: 1.0\r\n"
}

/// Content-Type and body: the mixture a school's mailbox has.
fn content(chance: &mut Chance) -> String {
    let size = chance.size(900.0, 1.0, 30_000);
    match chance.below(100) {
        0..34 => text(chance, size),
        34..64 => alternative(chance, size),
        64..88 => {
            let first =
                if chance.percent(60) { alternative(chance, size) } else { text(chance, size) };
            let mut parts = vec![first];
            for _ in 0..[1, 1, 1, 2, 3][chance.below(5)] {
                parts.push(file(chance));
            }
            multipart(chance, "mixed", &parts)
        }
        88..93 => {
            let inner = format!(
                "From: {}\r\nTo: {}\r\nSubject: {}\r\nMIME-Version: 1.0\r\n{}",
                person(chance),
                person(chance),
                encoded(&words(chance, 3, 5)),
                alternative(chance, size / 2)
            );
            let parts =
                [text(chance, size), format!("Content-Type: message/rfc822\r\n\r\n{inner}")];
            multipart(chance, "mixed", &parts)
        }
        _ => {
            let event = format!(
                "Content-Type: text/calendar; method=REQUEST; charset=utf-8\r\n\
                 Content-Transfer-Encoding: 8bit\r\n\r\nBEGIN:VCALENDAR\r\nVERSION:2.0\r\n\
                 METHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:{:x}\r\nDTSTART:20261201T080000Z\r\n\
                 SUMMARY:{}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
                chance.next(),
                words(chance, 2, 4)
            );
            let parts = [alternative(chance, size), event];
            multipart(chance, "mixed", &parts)
        }
    }
}

fn alternative(chance: &mut Chance, size: usize) -> String {
    let html: String =
        (0..size / 300 + 1).map(|_| format!("<p>{}</p>\r\n", words(chance, 30, 50))).collect();
    let html = format!(
        "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\
         \r\n\r\n{}",
        quoted_printable(&format!("<html><body>{html}</body></html>\r\n"))
    );
    let parts = [text(chance, size), html];
    multipart(chance, "alternative", &parts)
}

fn text(chance: &mut Chance, size: usize) -> String {
    let mut body = String::with_capacity(size + 100);
    while body.len() < size {
        body.push_str(&capitalised(&words(chance, 6, 11)));
        body.push_str(if chance.percent(15) { ".\r\n\r\n" } else { "\r\n" });
    }
    let (encoding, body) = match chance.below(3) {
        0 => ("quoted-printable", quoted_printable(&body)),
        1 => ("8bit", body),
        _ => ("base64", base64(body.as_bytes())),
    };
    format!(
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n\
         {body}"
    )
}

fn file(chance: &mut Chance) -> String {
    let size = chance.size(27_000.0, 1.1, 400_000);
    let bytes: Vec<u8> = (0..size / 8 + 1).flat_map(|_| chance.next().to_le_bytes()).collect();
    let name = chance.pick(&[
        "filename=\"bulletin-3eB.pdf\"",
        "filename=\"photo.jpg\"",
        "filename=\"compte rendu.docx\"",
        "filename*=utf-8''Emploi%20du%20temps%20%C3%A9t%C3%A9.xlsx",
    ]);
    format!(
        "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment; {name}\r\n\r\n{}",
        base64(&bytes)
    )
}

fn multipart(chance: &mut Chance, subtype: &str, parts: &[String]) -> String {
    let boundary = format!("=_{:016x}", chance.next());
    let mut whole =
        format!("Content-Type: multipart/{subtype}; boundary=\"{boundary}\"\r\n\r\nMIME.\r\n");
    for part in parts {
        whole.push_str(&format!("--{boundary}\r\n{part}\r\n"));
    }
    whole + &format!("--{boundary}--\r\n")
}

fn words(chance: &mut Chance, min: usize, max: usize) -> String {
    let count = min + chance.below(max - min + 1);
    (0..count).map(|_| chance.pick(WORDS)).collect::<Vec<_>>().join(" ")
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn person(chance: &mut Chance) -> String {
    let name = chance.pick(NAMES);
    format!("{} <u{:05}@ac-example.test>", encoded(name), chance.below(40_000))
}

/// RFC 2047 §2, in pieces of whole characters of at most 45 bytes.
fn encoded(text: &str) -> String {
    if text.is_ascii() && !text.contains('\'') {
        return text.to_owned();
    }
    let mut pieces = vec![String::new()];
    for char in text.chars() {
        if pieces.last().is_some_and(|piece| piece.len() + char.len_utf8() > 45) {
            pieces.push(String::new());
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push(char);
        }
    }
    let word = |piece: &String| format!("=?utf-8?B?{}?=", base64(piece.as_bytes()).trim_end());
    pieces.iter().map(word).collect::<Vec<_>>().join("\r\n ")
}

/// RFC 2045 §6.8, in lines of 76.
fn base64(bytes: &[u8]) -> String {
    bytes.chunks(57).map(|line| STANDARD.encode(line) + "\r\n").collect()
}

/// RFC 2045 §6.7.
fn quoted_printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for line in text.split_terminator("\r\n") {
        let mut width = 0;
        for &byte in line.as_bytes() {
            if width > 72 {
                out.push_str("=\r\n");
                width = 0;
            }
            // A dot at the start of a line would have to be doubled on its way.
            let at_start = width == 0 && byte == b'.';
            if at_start || byte == b'=' || !(b' '..=b'~').contains(&byte) {
                out.push_str(&format!("={byte:02X}"));
                width += 3;
            } else {
                out.push(byte as char);
                width += 1;
            }
        }
        out.push_str("\r\n");
    }
    out
}

/// RFC 5322 §3.3, some minutes after the last one's.
fn date(number: usize) -> String {
    let minutes = number * 37;
    let (day, hour, minute) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep"];
    let month = months[day / 28 % months.len()];
    format!("{} {month} 2026 {hour:02}:{minute:02}:00 +0200", day % 28 + 1)
}

/// Messages of one exact size that differ in header and text.
pub(crate) struct Plain {
    size: usize,
    bodies: Vec<String>,
}

/// Above this size a message is mostly a file.
const TEXT_BYTES_MAX: usize = 16 * 1024;
/// Different bodies; each message also has a header of its own.
const BODIES: usize = 32;

impl Plain {
    /// `size` of about 600 bytes at least.
    pub(crate) fn new(size: usize) -> Self {
        let mut chance = Chance::new(7);
        let count = if size > TEXT_BYTES_MAX { 4 } else { BODIES };
        let bodies = (0..count).map(|_| plain_body(&mut chance, size)).collect();
        Self { size, bodies }
    }

    /// The message of this number, from this sender for this recipient. `run` keeps the runs' messages apart.
    pub(crate) fn message(&self, run: u64, number: usize, from: &str, recipient: &str) -> Vec<u8> {
        let body = &self.bodies[number % self.bodies.len()];
        let kind = match self.size > TEXT_BYTES_MAX {
            true => "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64",
            false => "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit",
        };
        let mut message = format!(
            "Date: {}\r\nFrom: Marie Petit <{from}>\r\nTo: <{recipient}>\r\n\
             Subject: Conseil de classe {number}\r\nMessage-ID: <{run:x}.{number}@bench.test>\r\n\
             MIME-Version: 1.0\r\n{kind}\r\n\r\n",
            date(number)
        )
        .into_bytes();
        let room = self.size.saturating_sub(message.len() + 2).min(body.len());
        // A cut inside a character or between CR and LF would be another message than meant.
        let cut = body.floor_char_boundary(room);
        message.extend_from_slice(body[..cut].trim_end_matches('\r').as_bytes());
        message.extend(std::iter::repeat_n(b'x', self.size.saturating_sub(message.len() + 2)));
        message.extend_from_slice(b"\r\n");
        message
    }
}

fn plain_body(chance: &mut Chance, size: usize) -> String {
    if size > TEXT_BYTES_MAX {
        let bytes: Vec<u8> =
            (0..size * 3 / 4 / 8 + 8).flat_map(|_| chance.next().to_le_bytes()).collect();
        return base64(&bytes);
    }
    let mut body = String::with_capacity(size + 200);
    while body.len() < size {
        body.push_str(&words(chance, 7, 9));
        body.push_str("\r\n");
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corpus_is_the_same_each_time_and_varied() {
        let messages = corpus(600, 42);
        assert_eq!(messages, corpus(600, 42));
        assert_ne!(messages, corpus(600, 43));
        let mut sizes: Vec<usize> = messages.iter().map(Vec::len).collect();
        sizes.sort_unstable();
        assert!((3_000..8_000).contains(&sizes[300]), "median {}", sizes[300]);
        assert!((40_000..120_000).contains(&sizes[540]), "p90 {}", sizes[540]);
        let total: usize = sizes.iter().sum();
        assert!((10_000_000..25_000_000).contains(&total), "total {total}");
    }

    #[test]
    fn lines_end_in_crlf_and_fit() {
        // RFC 5322 §2.1.1: at most 998 characters; SMTP also wants no bare CR or LF, and the
        // sender here does not stuff dots.
        let plain =
            [600, 4096, 102_400].map(|size| Plain::new(size).message(1, 2, "c@b.test", "a@b.test"));
        for message in corpus(200, 1).iter().chain(&plain) {
            assert!(message.ends_with(b"\r\n"));
            for line in message.split(|&byte| byte == b'\n') {
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                assert!(line.len() <= 998 && !line.contains(&b'\r') && !line.starts_with(b"."));
            }
            let bare = |pair: &[u8]| pair[1] == b'\n' && pair[0] != b'\r';
            assert!(!message.windows(2).any(bare));
        }
    }

    #[test]
    fn plain_messages_have_their_exact_size_and_differ() {
        for size in [1024, 4096, 102_400] {
            let plain = Plain::new(size);
            let message = |number| plain.message(1, number, "c@b.test", "a@b.test");
            let (one, two) = (message(0), message(1));
            assert_eq!((one.len(), two.len()), (size, size));
            assert_ne!(one, two);
            assert!(std::str::from_utf8(&one).is_ok());
        }
    }
}
