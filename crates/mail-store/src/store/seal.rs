//! The one place where values are sealed and opened: format version, key number, payload.
//!
//! Key number 0 means not encrypted. Otherwise the payload is a nonce and AES-256-GCM-SIV's
//! output, with the row's whole key as associated data, so that a value cannot be moved to
//! another row. A repeated nonce tells no more than that two equal values are equal.

use std::collections::HashMap;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use bytes::Bytes;

use crate::error::{CommitError, StoreError};
use crate::secrets::{Purpose, Secrets};

/// Seals with one key, opens with all of them.
pub(crate) struct Sealer {
    keys: HashMap<u8, LessSafeKey>,
    /// The key for new values; 0 when they are not encrypted.
    current: u8,
}

impl Sealer {
    /// A sealer over all data keys.
    pub(crate) fn new(secrets: &Secrets, encrypt: bool) -> Result<Self, String> {
        let mut keys = HashMap::new();
        for number in 1..=u8::MAX {
            if let Some(key) = secrets.numbered(Purpose::Data, number) {
                let key =
                    UnboundKey::new(&AES_256_GCM_SIV, key).map_err(|_| "unusable data key")?;
                keys.insert(number, LessSafeKey::new(key));
            }
        }
        let newest = secrets.newest(Purpose::Data).map_or(0, |(number, _)| number);
        Ok(Self { keys, current: if encrypt { newest } else { 0 } })
    }

    /// The number of the key for new values.
    pub(crate) fn current(&self) -> u8 {
        self.current
    }

    /// Seals a payload for the row `key`.
    pub(crate) fn seal(
        &self,
        key: &[u8],
        format: u8,
        payload: &[u8],
    ) -> Result<Bytes, CommitError> {
        let mut value = Vec::with_capacity(2 + payload.len() + NONCE_LEN + 16);
        value.extend([format, self.current]);
        let Some(cipher) = self.keys.get(&self.current) else {
            value.extend_from_slice(payload);
            return Ok(value.into());
        };
        let unknown = |_| CommitError::Unknown("sealing failed".into());
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(unknown)?;
        value.extend(nonce);
        let begin = value.len();
        value.extend_from_slice(payload);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = cipher
            .seal_in_place_separate_tag(nonce, Aad::from(key), &mut value[begin..])
            .map_err(unknown)?;
        value.extend_from_slice(tag.as_ref());
        Ok(value.into())
    }

    /// Opens a value of the row `key`: its format version and its payload.
    pub(crate) fn open(
        &self,
        table: &'static str,
        key: &[u8],
        value: Bytes,
    ) -> Result<(u8, Bytes), StoreError> {
        let corrupt = |what: &str| StoreError::Corrupt {
            table,
            detail: format!("{what} at key {}", hex(key)),
        };
        let [format, number, ..] = value[..] else { return Err(corrupt("short value")) };
        if number == 0 {
            return Ok((format, value.slice(2..)));
        }
        let cipher = self
            .keys
            .get(&number)
            .ok_or(StoreError::MissingKey { purpose: Purpose::Data, number })?;
        let nonce: [u8; NONCE_LEN] = value
            .get(2..2 + NONCE_LEN)
            .and_then(|nonce| nonce.try_into().ok())
            .ok_or_else(|| corrupt("short sealed value"))?;
        let mut sealed = value[2 + NONCE_LEN..].to_vec();
        let opened = cipher
            .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(key), &mut sealed)
            .map_err(|_| corrupt("seal broken"))?
            .len();
        sealed.truncate(opened);
        Ok((format, sealed.into()))
    }
}

/// Bytes as an operator can search for them.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_only_in_its_own_row() {
        let mut secrets = Secrets::generate().unwrap();
        let old = Sealer::new(&secrets, true).unwrap();
        let sealed = old.seal(b"row", 3, b"text").unwrap();
        assert!(!sealed.windows(4).any(|window| window == b"text"));
        secrets.add(Purpose::Data).unwrap();
        let rotated = Sealer::new(&secrets, true).unwrap();
        assert_eq!(rotated.open("t", b"row", sealed.clone()).unwrap(), (3, "text".into()));
        assert!(rotated.open("t", b"other", sealed.clone()).is_err());
        for place in 2..sealed.len() {
            let mut damaged = sealed.to_vec();
            damaged[place] ^= 1;
            assert!(rotated.open("t", b"row", damaged.into()).is_err());
        }
        let plain = Sealer::new(&secrets, false).unwrap();
        assert_eq!(plain.open("t", b"row", sealed).unwrap().1, "text");
        assert_eq!(&plain.seal(b"row", 3, b"text").unwrap()[..], b"\x03\x00text");
    }

    #[test]
    fn a_missing_key_is_named() {
        let mut secrets = Secrets::generate().unwrap();
        let before = secrets.clone();
        secrets.add(Purpose::Data).unwrap();
        let sealed = Sealer::new(&secrets, true).unwrap().seal(b"row", 1, b"x").unwrap();
        let error = Sealer::new(&before, true).unwrap().open("t", b"row", sealed).unwrap_err();
        assert!(matches!(error, StoreError::MissingKey { purpose: Purpose::Data, number: 2 }));
    }
}
