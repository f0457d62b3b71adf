//! Keyed hashes of what is too short to be hashed without a key. The key is in the secrets file,
//! so that a stolen database or backup cannot be searched for birth dates.

use aws_lc_rs::hmac;
use mail_store::secrets::{Purpose, Secrets};
use mail_store::tables::directory::KeyedHash;
use mail_types::AccountId;

use crate::directory::Directory;

/// Something of an account that is hashed. The three parts keep it from standing for anything else.
pub(crate) struct Subject<'a> {
    /// Of fixed meaning, never of somebody's choice.
    pub(crate) what: &'static [u8],
    /// Whose: equal values of two people look different.
    pub(crate) account: AccountId,
    pub(crate) value: &'a [u8],
}

/// The `directory` keys of the secrets file.
pub(crate) struct Keys<'a>(&'a Secrets);

impl Directory {
    pub(crate) fn keys(&self) -> Keys<'_> {
        Keys(self.inner.rows.secrets())
    }
}

impl Keys<'_> {
    /// The hash under the newest key.
    pub(crate) fn hash(&self, subject: &Subject<'_>) -> KeyedHash {
        // A file without a key for a purpose is refused when it is read.
        let (number, key) = self.0.newest(Purpose::Directory).unwrap_or((0, &[0; 32]));
        let mut tag = [0; 32];
        let signed = sign(key, subject);
        tag.iter_mut().zip(signed.as_ref()).for_each(|(byte, signed)| *byte = *signed);
        KeyedHash { key: number, tag }
    }

    /// Whether this is the hash of that, in constant time.
    pub(crate) fn verify(&self, stored: &KeyedHash, subject: &Subject<'_>) -> bool {
        let known = self.0.numbered(Purpose::Directory, stored.key);
        let signed = sign(known.unwrap_or(&[0; 32]), subject);
        let equal: bool = subtle::ConstantTimeEq::ct_eq(signed.as_ref(), &stored.tag[..]).into();
        equal && known.is_some()
    }

    /// A hash of nothing at all, for comparisons that must take as long as others.
    pub(crate) fn nothing(&self) -> KeyedHash {
        let number = self.0.newest(Purpose::Directory).map_or(0, |(number, _)| number);
        KeyedHash { key: number, tag: [0; 32] }
    }
}

fn sign(key: &[u8; 32], subject: &Subject<'_>) -> hmac::Tag {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let mut context = hmac::Context::with_key(&key);
    context.update(subject.what);
    context.update(&[0]);
    context.update(&subject.account.0.to_be_bytes());
    context.update(subject.value);
    context.sign()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_fits_one_account_one_purpose_one_value_and_survives_a_newer_key() {
        let mut secrets = Secrets::generate().unwrap();
        let subject = |what, account, value| Subject { what, account: AccountId(account), value };
        let mine = subject(b"birth date", 1, b"1985-03-21");
        let hash = Keys(&secrets).hash(&mine);
        assert!(Keys(&secrets).verify(&hash, &mine));
        for other in [
            subject(b"birth date", 2, b"1985-03-21"),
            subject(b"something", 1, b"1985-03-21"),
            subject(b"birth date", 1, b"1985-03-22"),
        ] {
            assert!(!Keys(&secrets).verify(&hash, &other));
        }
        assert!(!Keys(&secrets).verify(&Keys(&secrets).nothing(), &mine));
        secrets.add(Purpose::Directory).unwrap();
        assert!(Keys(&secrets).verify(&hash, &mine));
        assert_eq!(Keys(&secrets).hash(&mine).key, 2);
        assert!(!Keys(&Secrets::generate().unwrap()).verify(&hash, &mine));
    }
}
