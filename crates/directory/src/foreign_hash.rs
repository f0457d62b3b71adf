//! Password hashes that come from other systems: `{SSHA}`, `{CRYPT}$6$` (SHA-512) and bcrypt. They
//! are checked until the first right login, which stores Argon2id instead.
//!
//! What they cost is bounded when they come in, and so is the password that is compared, so that
//! nobody makes the server work for long by logging in.

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha_crypt::password_hash::PasswordVerifier;
use sha_crypt::{PasswordHashRef, ShaCrypt};
use subtle::ConstantTimeEq;

use crate::error::DirectoryError;

/// Rounds of SHA-512-crypt: five times what systems use by themselves is 30 ms.
const CRYPT_ROUNDS_MAX: u32 = 50_000;
/// What is used when a hash does not say.
const CRYPT_ROUNDS_DEFAULT: u32 = 5_000;
/// SHA-512-crypt takes time for each byte in each round: who sends more is wrong.
const CRYPT_PASSWORD_BYTES_MAX: usize = 128;
/// 2^12 rounds of bcrypt are a quarter of a second.
const BCRYPT_COST_MAX: u32 = 12;
const SHA1_BYTES: usize = 20;
/// OpenLDAP takes 8 bytes of salt, others up to 16.
const SSHA_SALT_BYTES_MAX: usize = 32;

/// A hash of another system.
#[derive(Debug, PartialEq)]
pub(crate) enum Foreign<'a> {
    /// RFC 2307 §5.3 style: SHA-1 of password and salt, then the salt.
    Ssha { digest: Vec<u8>, salt: Vec<u8> },
    /// `$6$…`
    Sha512Crypt(&'a str),
    /// `$2a$`, `$2b$`, `$2y$`
    Bcrypt(&'a str),
}

/// Reads a stored or imported hash; `None` when it is none of another system.
///
/// # Errors
/// [`DirectoryError::Invalid`] when it is broken, of a kind we do not know, or too dear.
pub(crate) fn parse(text: &str) -> Option<Result<Foreign<'_>, DirectoryError>> {
    let refuse = |reason: &str| Err(DirectoryError::Invalid(reason.to_owned()));
    if let Some(encoded) = strip_scheme(text, "{SSHA}") {
        return Some(ssha(encoded));
    }
    let inner = ["{CRYPT}", "{BLF-CRYPT}", "{SHA512-CRYPT}"]
        .into_iter()
        .find_map(|scheme| strip_scheme(text, scheme));
    let hash = inner.unwrap_or(text);
    if hash.starts_with("$6$") {
        return Some(sha512_crypt(hash));
    }
    if ["$2a$", "$2b$", "$2y$"].iter().any(|version| hash.starts_with(version)) {
        return Some(bcrypt(hash));
    }
    let is_scheme = text.starts_with('{') && text.contains('}');
    (inner.is_some() || is_scheme).then(|| {
        refuse("the password hash is of an unknown kind: {SSHA}, {CRYPT}$6$, bcrypt or Argon2id")
    })
}

fn strip_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(scheme.len())?;
    head.eq_ignore_ascii_case(scheme).then_some(rest)
}

fn ssha(encoded: &str) -> Result<Foreign<'_>, DirectoryError> {
    let broken = || DirectoryError::Invalid("the {SSHA} hash is broken".into());
    let bytes = STANDARD.decode(encoded).map_err(|_| broken())?;
    let (digest, salt) = bytes.split_at_checked(SHA1_BYTES).ok_or_else(broken)?;
    match (1..=SSHA_SALT_BYTES_MAX).contains(&salt.len()) {
        true => Ok(Foreign::Ssha { digest: digest.to_vec(), salt: salt.to_vec() }),
        false => Err(broken()),
    }
}

fn sha512_crypt(hash: &str) -> Result<Foreign<'_>, DirectoryError> {
    let broken = || DirectoryError::Invalid("the SHA-512-crypt hash is broken".into());
    let fields: Vec<&str> = hash.split('$').skip(2).collect();
    let (rounds, salt, digest) = match fields.as_slice() {
        [salt, digest] => (CRYPT_ROUNDS_DEFAULT, salt, digest),
        [rounds, salt, digest] => {
            let rounds = rounds.strip_prefix("rounds=").ok_or_else(broken)?;
            (rounds.parse().map_err(|_| broken())?, salt, digest)
        }
        _ => return Err(broken()),
    };
    if salt.is_empty() || salt.len() > 16 || digest.len() != 86 {
        return Err(broken());
    }
    PasswordHashRef::new(hash).map_err(|_| broken())?;
    match (1_000..=CRYPT_ROUNDS_MAX).contains(&rounds) {
        true => Ok(Foreign::Sha512Crypt(hash)),
        false => Err(too_dear()),
    }
}

fn bcrypt(hash: &str) -> Result<Foreign<'_>, DirectoryError> {
    let broken = || DirectoryError::Invalid("the bcrypt hash is broken".into());
    let parts: bcrypt::HashParts = hash.parse().map_err(|_| broken())?;
    match parts.get_cost() <= BCRYPT_COST_MAX {
        true => Ok(Foreign::Bcrypt(hash)),
        false => Err(too_dear()),
    }
}

fn too_dear() -> DirectoryError {
    DirectoryError::Invalid(format!(
        "the password hash costs too much to verify: at most {CRYPT_ROUNDS_MAX} rounds, or bcrypt \
         cost {BCRYPT_COST_MAX}"
    ))
}

impl Foreign<'_> {
    /// Whether this is the password. Compares in constant time.
    pub(crate) fn verify(&self, password: &str) -> bool {
        let password = password.as_bytes();
        match self {
            Foreign::Ssha { digest, salt } => {
                let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
                context.update(password);
                context.update(salt);
                context.finish().as_ref().ct_eq(digest.as_slice()).into()
            }
            Foreign::Sha512Crypt(hash) => {
                password.len() <= CRYPT_PASSWORD_BYTES_MAX
                    && PasswordHashRef::new(hash)
                        .is_ok_and(|hash| ShaCrypt::SHA512.verify_password(password, hash).is_ok())
            }
            // It looks at 72 bytes only, as the system did from which the hash comes.
            Foreign::Bcrypt(hash) => bcrypt::verify(password, hash).unwrap_or(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by programs that are not ours: Python's hashlib, and libxcrypt twice.
    const KNOWN: [&str; 3] = [
        "{SSHA}SI/9Yw6SNXG6eFpX4ynGmxb4FPIHWcDz7lmT+A==",
        "{CRYPT}$6$tbcZdERQAjXgafbX$oBwX.dcGRkaMqLJ.s1s.b/43Yg5gls8IBNUm3UK0Pcawnbu65zCErL3BFC1iCg\
         mVbcwA5uLewZ07eZUww3.bv0",
        "$2y$05$abcdefghijklmnopqrstuuf8DKrgEtbDb5Mpg7BWBSmVb7ekeOFxG",
    ];

    #[test]
    fn what_other_systems_made_is_verified() {
        for hash in KNOWN {
            let foreign = parse(hash).unwrap().unwrap();
            assert!(foreign.verify("une phrase assez longue"), "{hash}");
            assert!(!foreign.verify("une phrase assez longuE"), "{hash}");
            assert!(!foreign.verify(""), "{hash}");
        }
    }

    #[test]
    fn what_is_broken_unknown_or_too_dear_is_refused() {
        let [ssha, crypt, bcrypt] = KNOWN;
        for (hash, reason) in [
            ("{SSHA}", "broken"),
            ("{SSHA}!!!!", "broken"),
            (&ssha[..ssha.len() - 16], "broken"),
            (&crypt[..crypt.len() - 1], "broken"),
            (&crypt.replace("$6$", "$6$rounds=999999999$"), "too much"),
            (&crypt.replace("$6$", "$6$rounds=1$"), "too much"),
            (&crypt.replace("$6$", "$6$rounds=x$"), "broken"),
            (&bcrypt[..bcrypt.len() - 1], "broken"),
            (&bcrypt.replace("$2y$05$", "$2y$31$"), "too much"),
            ("{MD5}X03MO1qnZdYdgyfeuILPmQ==", "unknown kind"),
            ("{CRYPT}$1$abc$def", "unknown kind"),
        ] {
            let error = parse(hash).unwrap().unwrap_err().to_string();
            assert!(error.contains(reason), "{hash}: {error}");
        }
        assert!(parse("$argon2id$v=19$m=19456,t=2,p=1$a$b").is_none());
        assert!(parse("une phrase assez longue").is_none());
    }
}
