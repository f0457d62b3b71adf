//! Hashes and seals under the directory keys, which lie outside the database: who has only the
//! data can neither try codes out nor read what is sealed.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use mail_store::secrets::{Purpose, Secrets};
use mail_store::tables::security::KeyedHash;
use zeroize::Zeroizing;

/// What a hash or a seal is for: each has a key of its own, so that none passes for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Lines of the audit log and where it ends.
    Audit,
    /// App passwords.
    AppPassword,
    /// One-time codes of the second factor.
    RecoveryCode,
    /// Codes that are sent by mail.
    MailedCode,
    /// The shared secret of RFC 6238.
    Totp,
    /// Secrets of hand-out sheets.
    TemporarySecret,
    /// When somebody was born.
    BirthDate,
    /// The browser that asked for a new password.
    Ticket,
    /// What limits count by.
    Counter,
    /// Codes that officers hand out.
    Activation,
    /// The link that ends a reset by identity alone.
    Cancel,
}

impl Use {
    /// Never changes: what is stored depends on it.
    fn context(self) -> &'static str {
        match self {
            Use::Audit => "facteur directory audit log v1",
            Use::AppPassword => "facteur directory app password v1",
            Use::RecoveryCode => "facteur directory recovery code v1",
            Use::MailedCode => "facteur directory mailed code v1",
            Use::Totp => "facteur directory totp secret v1",
            Use::TemporarySecret => "facteur directory temporary secret v1",
            Use::BirthDate => "facteur directory birth date v1",
            Use::Ticket => "facteur directory reset ticket v1",
            Use::Activation => "facteur directory activation code v1",
            Use::Cancel => "facteur directory reset cancel v1",
            Use::Counter => "facteur directory reset counter v1",
        }
    }
}

/// The directory keys.
pub(crate) struct Vault {
    keys: Vec<(u8, Zeroizing<[u8; 32]>)>,
}

impl Vault {
    /// All directory keys of the file; the newest hashes and seals, all of them check and open.
    pub(crate) fn new(secrets: &Secrets) -> Self {
        let numbers = secrets.numbers(Purpose::Directory);
        let key = |number| {
            let key = secrets.numbered(Purpose::Directory, number)?;
            Some((number, Zeroizing::new(*key)))
        };
        Self { keys: numbers.into_iter().filter_map(key).collect() }
    }

    /// Hashes these parts, each with its length.
    pub(crate) fn hash(&self, used: Use, parts: &[&[u8]]) -> KeyedHash {
        let number = self.newest();
        KeyedHash { key: number, hash: self.hash_with(number, used, parts).unwrap_or_default() }
    }

    /// Whether the hash is of these parts. Takes the same time for every wrong one.
    pub(crate) fn matches(&self, used: Use, parts: &[&[u8]], stored: &KeyedHash) -> bool {
        let found = self.hash_with(stored.key, used, parts);
        found.is_some_and(|found| blake3::Hash::from(found) == blake3::Hash::from(stored.hash))
    }

    /// A hash of nothing at all, for comparisons that must take as long as others.
    pub(crate) fn nothing(&self) -> KeyedHash {
        KeyedHash { key: self.newest(), hash: [0; 32] }
    }

    /// A secrets file without any directory key is refused when the store opens.
    fn newest(&self) -> u8 {
        self.keys.last().map_or(0, |(number, _)| *number)
    }

    fn hash_with(&self, number: u8, used: Use, parts: &[&[u8]]) -> Option<[u8; 32]> {
        let mut hasher = blake3::Hasher::new_keyed(&*self.subkey(number, used)?);
        for part in parts {
            hasher.update(&(part.len() as u64).to_be_bytes()).update(part);
        }
        Some(*hasher.finalize().as_bytes())
    }

    /// Seals a text for one place: elsewhere it does not open.
    pub(crate) fn seal(&self, used: Use, place: &[u8], text: &[u8]) -> Option<Vec<u8>> {
        let (number, _) = self.keys.last()?;
        let nonce: [u8; NONCE_LEN] = rand::random();
        let mut sealed = text.to_vec();
        self.cipher(*number, used)?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(place),
                &mut sealed,
            )
            .ok()?;
        Some([&[*number], &nonce[..], &sealed].concat())
    }

    /// Opens what was sealed for this place.
    pub(crate) fn open(
        &self,
        used: Use,
        place: &[u8],
        sealed: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        let (number, rest) = sealed.split_first()?;
        let (nonce, text) = rest.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::assume_unique_for_key(nonce.try_into().ok()?);
        let mut text = Zeroizing::new(text.to_vec());
        let length = {
            let cipher = self.cipher(*number, used)?;
            cipher.open_in_place(nonce, Aad::from(place), &mut text).ok()?.len()
        };
        text.truncate(length);
        Some(text)
    }

    fn cipher(&self, number: u8, used: Use) -> Option<LessSafeKey> {
        let key = UnboundKey::new(&AES_256_GCM_SIV, &*self.subkey(number, used)?).ok()?;
        Some(LessSafeKey::new(key))
    }

    fn subkey(&self, number: u8, used: Use) -> Option<Zeroizing<[u8; 32]>> {
        let (_, key) = self.keys.iter().find(|(known, _)| *known == number)?;
        Some(Zeroizing::new(blake3::derive_key(used.context(), &**key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_of_its_use_its_parts_and_its_key() {
        let mut secrets = Secrets::generate().unwrap();
        let old = Vault::new(&secrets);
        let hash = old.hash(Use::AppPassword, &[b"ab", b"c"]);
        secrets.add(Purpose::Directory).unwrap();
        let vault = Vault::new(&secrets);
        assert!(vault.matches(Use::AppPassword, &[b"ab", b"c"], &hash), "older keys check");
        assert_eq!(vault.hash(Use::AppPassword, &[b"ab"]).key, 2, "the newest hashes");
        assert!(!vault.matches(Use::AppPassword, &[b"a", b"bc"], &hash));
        assert!(!vault.matches(Use::RecoveryCode, &[b"ab", b"c"], &hash));
        assert!(!vault.matches(Use::AppPassword, &[b"ab", b"c"], &vault.nothing()));
        let unknown = KeyedHash { key: 9, ..hash };
        assert!(!vault.matches(Use::AppPassword, &[b"ab", b"c"], &unknown));
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_only() {
        let vault = Vault::new(&Secrets::generate().unwrap());
        let sealed = vault.seal(Use::Totp, b"a1", b"secret").unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        assert_eq!(vault.open(Use::Totp, b"a1", &sealed).unwrap().as_slice(), b"secret");
        assert!(vault.open(Use::Totp, b"a2", &sealed).is_none());
        assert!(vault.open(Use::Audit, b"a1", &sealed).is_none());
        for length in 0..sealed.len() {
            assert!(vault.open(Use::Totp, b"a1", &sealed[..length]).is_none());
        }
    }
}
