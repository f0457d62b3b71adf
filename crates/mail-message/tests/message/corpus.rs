//! Whole messages as people send them, beside what is made of them: `NAME.eml` and `NAME.expect`.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use mail_message::scan::scan;
use mail_message::structure::{Section, StructureRow};
use mail_message::summary::Summary;
use mail_message::text::decode_part;

/// Everything that a list, FETCH and the index would show.
fn shown(message: &[u8]) -> Result<String, std::fmt::Error> {
    let scanned = scan(message);
    let row = StructureRow::new(&scanned, 0);
    let summary = Summary::new(&scanned);
    let mut out = String::new();
    writeln!(out, "subject: {}", summary.subject)?;
    writeln!(out, "base subject: {} (reply: {})", summary.base_subject, summary.is_reply)?;
    writeln!(out, "date: {:?}", summary.date)?;
    writeln!(out, "from: {:?}", summary.from)?;
    writeln!(out, "to: {:?}", summary.to)?;
    writeln!(out, "cc: {:?}", summary.cc)?;
    writeln!(out, "message id: {:?}", summary.message_id)?;
    writeln!(out, "references: {:?}", summary.references)?;
    writeln!(out, "preview: {}", summary.preview)?;
    writeln!(out, "has attachment: {}", summary.has_attachment)?;
    writeln!(out, "envelope: {}", String::from_utf8_lossy(&row.envelope))?;
    writeln!(out, "body structure: {}", String::from_utf8_lossy(&row.body_structure))?;
    for (path, part) in row.leaves() {
        let range = row.range(&path, Section::Body).unwrap_or_default();
        let body = &message[range.start as usize..range.end as usize];
        let (main, sub) = part.media_type();
        let number: Vec<_> = path.iter().map(ToString::to_string).collect();
        writeln!(out, "part {}: {main}/{sub} at {range:?}", number.join("."))?;
        writeln!(out, "  file name: {:?}", part.file_name())?;
        writeln!(out, "  offered: {}", part.is_attachment())?;
        writeln!(out, "  text: {:?}", decode_part(part, body, 200))?;
    }
    Ok(out)
}

fn messages() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut found: Vec<_> =
        files.filter(|file| file.extension().is_some_and(|e| e == "eml")).collect();
    found.sort();
    found
}

/// With `FACTEUR_BLESS` set, writes what is made of each message, to be looked at and committed.
#[test]
fn each_message_is_shown_as_expected() {
    let messages = messages();
    assert!(messages.len() >= 6);
    for path in messages {
        let found = shown(&std::fs::read(&path).unwrap()).unwrap();
        let expected = path.with_extension("expect");
        if std::env::var_os("FACTEUR_BLESS").is_some() {
            std::fs::write(&expected, &found).unwrap();
        }
        let wanted = std::fs::read_to_string(&expected).unwrap();
        assert_eq!(found, wanted, "{}", path.display());
    }
}
