//! Keys, in a file outside the data directory: made at the first start, mode 0600, numbered.
//!
//! A purpose may have several keys; the newest seals, all of them open. The key that names bodies
//! never changes by itself, because a body's name must stay what it was. DKIM keys have a domain
//! and a selector instead, and a state: they sign when their public half is in the DNS.

mod dkim;
mod file;

use std::fmt;
use std::path::Path;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use mail_types::{Domain, Secret};
use serde::{Deserialize, Serialize};

use crate::error::OpenError;

pub use dkim::{DkimAlgorithm, DkimKey, DkimState};

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
    /// All of them.
    pub const ALL: [Purpose; 3] = [Purpose::Directory, Purpose::BlobNames, Purpose::Data];
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Purpose::Directory => "directory",
            Purpose::BlobNames => "blob-names",
            Purpose::Data => "data",
        })
    }
}

/// The keys.
#[derive(Clone, Debug)]
pub struct Secrets {
    keys: Vec<Key>,
    dkim: Vec<DkimKey>,
}

#[derive(Clone, Debug)]
struct Key {
    purpose: Purpose,
    number: u8,
    key: Secret<[u8; 32]>,
}

impl Secrets {
    /// Fresh keys, for a new file or a store in memory.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn generate() -> Result<Self, String> {
        let mut secrets = Self { keys: Vec::new(), dkim: Vec::new() };
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
        match file::read(path).map_err(fault)? {
            Some(secrets) => Ok(secrets),
            None if may_create => {
                let secrets = Self::generate().map_err(fault)?;
                file::replace(path, &secrets).map_err(fault)?;
                Ok(secrets)
            }
            None => Err(fault(
                "missing, but the data directory holds mail; put back the file that belongs to it \
                 (it is not part of a backup)"
                    .into(),
            )),
        }
    }

    /// Reads the file, lets `edit` change the keys, and writes it whole or not at all, with the
    /// owner and mode that it had. Nothing is written when `edit` changes nothing or refuses.
    ///
    /// # Errors
    /// [`OpenError::Secrets`], also for what `edit` refuses.
    pub fn change<T>(
        path: &Path,
        edit: impl FnOnce(&mut Self) -> Result<T, String>,
    ) -> Result<(Self, T), OpenError> {
        let fault = |detail: String| OpenError::Secrets { path: path.to_owned(), detail };
        let mut secrets = Self::load(path, false)?;
        let before = (secrets.keys.len(), secrets.dkim_states());
        let edited = edit(&mut secrets).map_err(fault)?;
        if before != (secrets.keys.len(), secrets.dkim_states()) {
            file::replace(path, &secrets).map_err(fault)?;
        }
        Ok((secrets, edited))
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

    /// The numbers of a purpose's keys, rising.
    pub fn numbers(&self, purpose: Purpose) -> Vec<u8> {
        let of_purpose = self.keys.iter().filter(|key| key.purpose == purpose);
        let mut numbers: Vec<_> = of_purpose.map(|key| key.number).collect();
        numbers.sort_unstable();
        numbers
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

    /// All DKIM keys.
    pub fn dkim(&self) -> &[DkimKey] {
        &self.dkim
    }

    /// The keys that sign a domain's mail now, one for each algorithm.
    pub fn dkim_signing(&self, domain: &Domain) -> impl Iterator<Item = &DkimKey> {
        let of_domain = self.dkim.iter().filter(move |key| key.domain() == domain);
        of_domain.filter(|key| key.state() == DkimState::Signing)
    }

    /// Makes DKIM keys for those of these domains that have none. They sign at once: until they
    /// are in the DNS a signature is worth as much as none. Returns the domains that got some.
    ///
    /// # Errors
    /// When a key cannot be made.
    pub fn add_dkim_where_missing(&mut self, domains: &[Domain]) -> Result<Vec<Domain>, String> {
        let mut added = Vec::new();
        for domain in domains {
            if !self.dkim.iter().any(|key| key.domain() == domain) {
                self.dkim.extend(DkimKey::generate_pair(domain, 1, DkimState::Signing)?);
                added.push(domain.clone());
            }
        }
        Ok(added)
    }

    /// Adds newer DKIM keys of a domain. They wait until [`Secrets::activate_dkim`].
    ///
    /// # Errors
    /// When the domain has no keys, or newer ones wait already.
    pub fn rotate_dkim(&mut self, domain: &Domain) -> Result<(), String> {
        let of_domain = || self.dkim.iter().filter(|key| key.domain() == domain);
        if let Some(waiting) = of_domain().find(|key| key.state() == DkimState::Waiting) {
            return Err(format!(
                "{domain}: selector {} waits already; publish it and run `facteur secrets activate`",
                waiting.selector()
            ));
        }
        let newest = of_domain().map(DkimKey::number).max();
        let newest = newest.ok_or_else(|| {
            format!(
                "{domain} has no DKIM keys; those of a domain in `domains` are made at the start"
            )
        })?;
        let number = newest.checked_add(1).ok_or("no key number is left")?;
        self.dkim.extend(DkimKey::generate_pair(domain, number, DkimState::Waiting)?);
        Ok(())
    }

    /// Lets the waiting DKIM keys of a domain sign and those that signed retire; ones that were
    /// retired already are forgotten.
    ///
    /// # Errors
    /// When no key of the domain waits.
    pub fn activate_dkim(&mut self, domain: &Domain) -> Result<(), String> {
        let waits = |key: &DkimKey| key.domain() == domain && key.state() == DkimState::Waiting;
        if !self.dkim.iter().any(waits) {
            return Err(format!("{domain}: no key waits; `facteur secrets rotate dkim` adds some"));
        }
        self.dkim.retain(|key| key.domain() != domain || key.state() != DkimState::Retired);
        self.dkim.iter_mut().filter(|key| key.domain() == domain).for_each(DkimKey::advance);
        Ok(())
    }

    fn dkim_states(&self) -> Vec<(u8, DkimState)> {
        self.dkim.iter().map(|key| (key.number(), key.state())).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    fn domain(name: &str) -> Domain {
        name.parse().unwrap()
    }

    /// A new file with DKIM keys for `a.test`.
    fn made() -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secrets.toml");
        Secrets::load(&path, true).unwrap();
        Secrets::change(&path, |secrets| secrets.add_dkim_where_missing(&[domain("a.test")]))
            .unwrap();
        (dir, path)
    }

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
        assert_eq!(secrets.numbers(Purpose::Data), [1, 2]);
    }

    #[test]
    fn a_change_keeps_mode_and_other_keys_and_is_refused_while_another_is_under_way() {
        let (_dir, path) = made();
        let before = Secrets::load(&path, false).unwrap();
        let (after, number) = Secrets::change(&path, |secrets| secrets.add(Purpose::Data)).unwrap();
        assert_eq!((number, after.numbers(Purpose::Data)), (2, vec![1, 2]));
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let read = Secrets::load(&path, false).unwrap();
        assert_eq!(read.newest(Purpose::Data), after.newest(Purpose::Data));
        assert_eq!(read.newest(Purpose::BlobNames), before.newest(Purpose::BlobNames));
        assert_eq!(read.dkim().len(), 2);
        let draft = path.with_extension("toml.new");
        assert!(!draft.exists());
        std::fs::write(&draft, "cut off").unwrap();
        let refused = Secrets::change(&path, |secrets| secrets.add(Purpose::Data)).unwrap_err();
        assert!(refused.to_string().contains("remove that file"), "{refused}");
        assert_eq!(Secrets::load(&path, false).unwrap().numbers(Purpose::Data), [1, 2]);
    }

    #[test]
    fn dkim_keys_wait_for_the_dns_sign_and_retire() {
        let (_dir, path) = made();
        let a = domain("a.test");
        let signing = |secrets: &Secrets| {
            secrets.dkim_signing(&a).map(|key| key.selector().to_owned()).collect::<Vec<_>>()
        };
        let (secrets, ()) = Secrets::change(&path, |secrets| secrets.rotate_dkim(&a)).unwrap();
        assert_eq!(signing(&secrets), ["facteur-r1", "facteur-e1"]);
        let twice = Secrets::change(&path, |secrets| secrets.rotate_dkim(&a)).unwrap_err();
        assert!(twice.to_string().contains("facteur-r2 waits already"), "{twice}");
        let (secrets, ()) = Secrets::change(&path, |secrets| secrets.activate_dkim(&a)).unwrap();
        assert_eq!(signing(&secrets), ["facteur-r2", "facteur-e2"]);
        assert_eq!(secrets.dkim().len(), 4, "the retired ones are still in the DNS");
        assert!(Secrets::change(&path, |secrets| secrets.activate_dkim(&a)).is_err());
        Secrets::change(&path, |secrets| secrets.rotate_dkim(&a)).unwrap();
        Secrets::change(&path, |secrets| secrets.activate_dkim(&a)).unwrap();
        let secrets = Secrets::load(&path, false).unwrap();
        assert_eq!(signing(&secrets), ["facteur-r3", "facteur-e3"]);
        assert_eq!(secrets.dkim().len(), 4);
        // A start changes nothing for a domain that has keys.
        let mut again = secrets;
        let added = again.add_dkim_where_missing(&[a.clone(), domain("b.test")]).unwrap();
        assert_eq!(added, [domain("b.test")]);
        assert_eq!(signing(&again), ["facteur-r3", "facteur-e3"]);
        assert_eq!(again.dkim().len(), 6);
        let unknown = again.rotate_dkim(&domain("c.test")).unwrap_err();
        assert!(unknown.contains("has no DKIM keys"), "{unknown}");
    }

    #[test]
    fn a_dkim_keys_record_holds_what_verifies_its_signatures() {
        use aws_lc_rs::signature::{
            ED25519, Ed25519KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
            UnparsedPublicKey,
        };
        use base64::Engine;
        let (_dir, path) = made();
        let secrets = Secrets::load(&path, false).unwrap();
        let [rsa, ed25519] = secrets.dkim() else { panic!("two keys") };
        let public = |key: &DkimKey| {
            base64::engine::general_purpose::STANDARD.decode(key.public_key()).unwrap()
        };
        let pair = RsaKeyPair::from_pkcs8(rsa.pkcs8()).unwrap();
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), b"mail", &mut signature).unwrap();
        // SubjectPublicKeyInfo, which begins with the algorithm's identifier.
        assert_eq!(public(rsa).len(), 294);
        let verifier = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public(rsa));
        verifier.verify(b"mail", &signature).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(ed25519.pkcs8()).unwrap();
        assert_eq!(public(ed25519).len(), 32);
        let verifier = UnparsedPublicKey::new(&ED25519, public(ed25519));
        verifier.verify(b"mail", pair.sign(b"mail").as_ref()).unwrap();
        let (name, text) = ed25519.record();
        assert_eq!(name, "facteur-e1._domainkey.a.test");
        assert!(text.starts_with("v=DKIM1; k=ed25519; p="), "{text}");
        let line = rsa.zone_line();
        assert!(line.starts_with("facteur-r1._domainkey.a.test. IN TXT \"v=DKIM1; k=rsa; p="));
        let strings: Vec<_> = line.split('"').skip(1).step_by(2).collect();
        assert!(strings.iter().all(|string| string.len() <= 255));
        assert_eq!(strings.concat(), rsa.record().1);
        let printed = format!("{secrets:?}");
        assert!(!printed.contains("pkcs8: ["), "{printed}");
    }

    #[test]
    fn a_damaged_dkim_key_is_named() {
        let (_dir, path) = made();
        let text = std::fs::read_to_string(&path).unwrap();
        let place = text.rfind("pkcs8 = \"").unwrap() + 30;
        std::fs::write(&path, format!("{}!{}", &text[..place], &text[place + 1..])).unwrap();
        let error = Secrets::load(&path, false).unwrap_err().to_string();
        assert!(error.contains("DKIM key facteur-e1 of a.test"), "{error}");
    }
}
