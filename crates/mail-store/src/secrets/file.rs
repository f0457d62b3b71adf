//! The secrets file's text, and its replacement whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use mail_types::Secret;
use serde::{Deserialize, Serialize};

use super::dkim::{self, DkimKey};
use super::{Key, Purpose, Secrets};

const HEAD: &str = "# Facteur's keys. Keep a copy in a safe place away from the backups.\n\n";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    key: Vec<Entry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    dkim: Vec<dkim::Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    purpose: Purpose,
    number: u8,
    hex: String,
}

/// Reads the file; `None` when there is none.
pub(super) fn read(path: &Path) -> Result<Option<Secrets>, String> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let mode = std::fs::metadata(path).map_err(|error| error.to_string())?.mode();
    if mode & 0o077 != 0 {
        return Err(format!(
            "mode {:o} lets others read it; run `chmod 600` on it, and change the keys if \
             somebody may have read them",
            mode & 0o777
        ));
    }
    parse(&text).map(Some)
}

fn parse(text: &str) -> Result<Secrets, String> {
    let text: Text = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    let keys = text.key.into_iter().map(Key::try_from).collect::<Result<Vec<_>, _>>()?;
    let dkim = text.dkim.into_iter().map(DkimKey::try_from).collect::<Result<Vec<_>, _>>()?;
    let secrets = Secrets { keys, dkim };
    match Purpose::ALL.into_iter().find(|purpose| secrets.newest(*purpose).is_none()) {
        Some(purpose) => Err(format!("has no key for {purpose:?}")),
        None => Ok(secrets),
    }
}

fn print(secrets: &Secrets) -> Result<String, String> {
    let entry = |key: &Key| Entry {
        purpose: key.purpose,
        number: key.number,
        hex: key.key.expose().iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    let text = Text {
        key: secrets.keys.iter().map(entry).collect(),
        dkim: secrets.dkim.iter().map(dkim::Entry::from).collect(),
    };
    let text = toml::to_string(&text).map_err(|error| error.to_string())?;
    Ok(format!("{HEAD}{text}"))
}

/// Writes the file beside its name and renames it, so that a power cut leaves the old file or the
/// new one. The new file belongs to whom the old one belonged: the server must be able to read it
/// after root has changed it.
pub(super) fn replace(path: &Path, secrets: &Secrets) -> Result<(), String> {
    let text = print(secrets)?;
    let mut draft = path.to_owned().into_os_string();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    let failed = |error: io::Error| error.to_string();
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    // Only one draft at a time: two changes at once would lose one of them.
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(&draft);
    let file = file.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => format!(
            "{} exists: another change is under way, or one was cut off; then remove that file",
            draft.display()
        ),
        _ => format!("{}: {error}", draft.display()),
    })?;
    let written = write(file, &text, path).and_then(|()| std::fs::rename(&draft, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&draft);
    }
    written.map_err(failed)?;
    // The name must survive a power cut as surely as the mail that needs the keys.
    File::open(parent.unwrap_or(Path::new("."))).and_then(|dir| dir.sync_all()).map_err(failed)
}

fn write(mut file: File, text: &str, replaced: &Path) -> io::Result<()> {
    if let Ok(old) = std::fs::metadata(replaced) {
        fchown(&file, Some(old.uid()), Some(old.gid()))?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

impl TryFrom<Entry> for Key {
    type Error = String;

    fn try_from(entry: Entry) -> Result<Self, String> {
        let wrong = || format!("key {} is not 64 hexadecimal digits", entry.number);
        let mut key = [0; 32];
        if entry.hex.len() != 64 || !entry.hex.is_ascii() || entry.number == 0 {
            return Err(wrong());
        }
        for (place, byte) in key.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&entry.hex[2 * place..2 * place + 2], 16)
                .map_err(|_| wrong())?;
        }
        Ok(Self { purpose: entry.purpose, number: entry.number, key: Secret::new(key) })
    }
}
