//! Keys, in a file outside the data directory: made at the first start, mode 0600, numbered.
//!
//! A purpose may have several keys; the newest seals, all of them open. The key that names bodies
//! never changes by itself, because a body's name must stay what it was.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use mail_types::Secret;
use serde::{Deserialize, Serialize};

use crate::error::OpenError;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Keyed hashes in the directory: birth dates, temporary secrets.
    Directory,
    /// Names of bodies.
    BlobNames,
    /// Sealing of values and bodies.
    Data,
}

impl Purpose {
    const ALL: [Purpose; 3] = [Purpose::Directory, Purpose::BlobNames, Purpose::Data];
}

/// The keys.
#[derive(Clone, Debug)]
pub struct Secrets {
    keys: Vec<Key>,
}

#[derive(Clone, Debug)]
struct Key {
    purpose: Purpose,
    number: u8,
    key: Secret<[u8; 32]>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    key: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    purpose: Purpose,
    number: u8,
    hex: String,
}

impl Secrets {
    /// Fresh keys, for a new file or a store in memory.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn generate() -> Result<Self, String> {
        let mut secrets = Self { keys: Vec::new() };
        for purpose in Purpose::ALL {
            secrets.add(purpose)?;
        }
        Ok(secrets)
    }

    /// Reads the file; makes it when there is none and `may_create` says that the store is new.
    ///
    /// # Errors
    /// [`OpenError::Secrets`] says what is wrong with the file and what to do.
    pub fn load(path: &Path, may_create: bool) -> Result<Self, OpenError> {
        let fault = |detail: String| OpenError::Secrets { path: path.to_owned(), detail };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && may_create => {
                let secrets = Self::generate().map_err(fault)?;
                secrets.write_new(path).map_err(fault)?;
                return Ok(secrets);
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(fault(
                    "missing, but the data directory holds mail; put back the file that belongs \
                     to it (it is not part of a backup)"
                        .into(),
                ));
            }
            Err(error) => return Err(fault(error.to_string())),
        };
        let mode = std::fs::metadata(path).map_err(|error| fault(error.to_string()))?.mode();
        if mode & 0o077 != 0 {
            return Err(fault(format!(
                "mode {:o} lets others read it; run `chmod 600` on it, and change the keys if \
                 somebody may have read them",
                mode & 0o777
            )));
        }
        Self::parse(&text).map_err(fault)
    }

    /// The newest key of a purpose.
    pub fn newest(&self, purpose: Purpose) -> Option<(u8, &[u8; 32])> {
        let of_purpose = self.keys.iter().filter(|key| key.purpose == purpose);
        of_purpose.max_by_key(|key| key.number).map(|key| (key.number, key.key.expose()))
    }

    /// A key by its number.
    pub fn numbered(&self, purpose: Purpose, number: u8) -> Option<&[u8; 32]> {
        let mut keys = self.keys.iter();
        keys.find(|key| key.purpose == purpose && key.number == number).map(|key| key.key.expose())
    }

    /// Adds a newer key; what the older ones sealed stays readable.
    ///
    /// # Errors
    /// When there are 255 already, or the system has no randomness to give.
    pub fn add(&mut self, purpose: Purpose) -> Result<u8, String> {
        let newest = self.newest(purpose).map_or(0, |(number, _)| number);
        let number = newest.checked_add(1).ok_or("no key number is left")?;
        let mut key = [0; 32];
        SystemRandom::new().fill(&mut key).map_err(|_| "the system has no randomness to give")?;
        self.keys.push(Key { purpose, number, key: Secret::new(key) });
        Ok(number)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        let keys = file.key.into_iter().map(Key::try_from).collect::<Result<Vec<_>, _>>()?;
        let secrets = Self { keys };
        match Purpose::ALL.into_iter().find(|purpose| secrets.newest(*purpose).is_none()) {
            Some(purpose) => Err(format!("has no key for {purpose:?}")),
            None => Ok(secrets),
        }
    }

    fn write_new(&self, path: &Path) -> Result<(), String> {
        let entry = |key: &Key| Entry {
            purpose: key.purpose,
            number: key.number,
            hex: key.key.expose().iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        let file = File { key: self.keys.iter().map(entry).collect() };
        let text = toml::to_string(&file).map_err(|error| error.to_string())?;
        let head = "# Facteur's keys. Keep a copy in a safe place away from the backups.\n\n";
        let write = || {
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            let mut file =
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            file.write_all(head.as_bytes())?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            // The name must survive a power cut as surely as the mail that needs the keys.
            match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => {
                    std::fs::File::open(parent)?.sync_all()
                }
                _ => Ok(()),
            }
        };
        write().map_err(|error: std::io::Error| error.to_string())
    }
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_file_is_private_and_reads_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secrets.toml");
        let made = Secrets::load(&path, true).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let read = Secrets::load(&path, false).unwrap();
        for purpose in Purpose::ALL {
            assert_eq!(made.newest(purpose), read.newest(purpose));
        }
        assert!(!format!("{made:?}").contains(&format!("{:?}", made.newest(Purpose::Data))));
    }

    #[test]
    fn a_file_that_others_can_read_or_that_is_missing_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secrets.toml");
        let missing = Secrets::load(&path, false).unwrap_err().to_string();
        assert!(missing.contains("put back the file"), "{missing}");
        Secrets::load(&path, true).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let open = Secrets::load(&path, false).unwrap_err().to_string();
        assert!(open.contains("chmod 600"), "{open}");
    }

    #[test]
    fn a_new_key_leaves_the_old_one_readable() {
        let mut secrets = Secrets::generate().unwrap();
        let old = secrets.newest(Purpose::Data).map(|(number, key)| (number, *key)).unwrap();
        assert_eq!(secrets.add(Purpose::Data), Ok(2));
        assert_eq!(secrets.numbered(Purpose::Data, old.0), Some(&old.1));
        assert_eq!(secrets.newest(Purpose::Data).unwrap().0, 2);
    }
}
