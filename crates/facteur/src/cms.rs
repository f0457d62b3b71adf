//! Profiles for Apple's devices, signed with the server's own certificate: Cryptographic Message
//! Syntax (RFC 5652), in the one form that is needed here: one signer, content inside, DER.

use aws_lc_rs::digest::{Algorithm, SHA256, SHA384, digest};
use jiff::Timestamp;
use rustls::SignatureScheme;
use rustls::sign::CertifiedKey;

/// Tags of DER (X.690).
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const NULL: [u8; 2] = [0x05, 0x00];
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// `[0]`, constructed.
const CONTEXT_0: u8 = 0xa0;

/// Object identifiers, encoded.
const ID_DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
const ID_SIGNED_DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
const ID_CONTENT_TYPE: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03";
const ID_MESSAGE_DIGEST: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04";
const ID_SIGNING_TIME: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x05";
const ID_RSA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
const ID_ECDSA_SHA256: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";
const ID_ECDSA_SHA384: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03";
const ID_SHA256: &[u8] = b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01";
const ID_SHA384: &[u8] = b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02";

/// Signs a content; `None` with a key of a kind that devices do not verify (Ed25519), or with a
/// certificate that cannot be read.
pub(crate) fn sign(key: &CertifiedKey, content: &[u8], now: Timestamp) -> Option<Vec<u8>> {
    let offered = [
        SignatureScheme::RSA_PKCS1_SHA256,
        SignatureScheme::ECDSA_NISTP256_SHA256,
        SignatureScheme::ECDSA_NISTP384_SHA384,
    ];
    let signer = key.key.choose_scheme(&offered)?;
    let method = Method::of(signer.scheme())?;
    let attributes = attributes(&method, content, now);
    // RFC 5652 §5.4: what is signed begins with the tag of a SET, and not with the `[0]` that
    // stands in the message.
    let signature = signer.sign(&element(SET, &attributes)).ok()?;
    let digest_algorithm = element(SEQUENCE, method.digest_id);
    let signer_info = element(
        SEQUENCE,
        &[
            element(INTEGER, &[1]),
            element(SEQUENCE, &issuer_and_serial(key.cert.first()?)?),
            digest_algorithm.clone(),
            element(CONTEXT_0, &attributes),
            element(SEQUENCE, &method.signature_id),
            element(OCTET_STRING, &signature),
        ]
        .concat(),
    );
    let certificates: Vec<&[u8]> = key.cert.iter().map(AsRef::as_ref).collect();
    let inside = element(CONTEXT_0, &element(OCTET_STRING, content));
    let signed_data = [
        element(INTEGER, &[1]),
        element(SET, &digest_algorithm),
        element(SEQUENCE, &[ID_DATA, &inside].concat()),
        element(CONTEXT_0, &certificates.concat()),
        element(SET, &signer_info),
    ];
    let signed_data = element(CONTEXT_0, &element(SEQUENCE, &signed_data.concat()));
    Some(element(SEQUENCE, &[ID_SIGNED_DATA, &signed_data].concat()))
}

/// How a key signs.
struct Method {
    digest: &'static Algorithm,
    digest_id: &'static [u8],
    /// RFC 5754 §3: RSA has NULL for parameters, ECDSA none.
    signature_id: Vec<u8>,
}

impl Method {
    fn of(scheme: SignatureScheme) -> Option<Self> {
        let (digest, digest_id, signature_id) = match scheme {
            SignatureScheme::RSA_PKCS1_SHA256 => (&SHA256, ID_SHA256, [ID_RSA, &NULL].concat()),
            SignatureScheme::ECDSA_NISTP256_SHA256 => {
                (&SHA256, ID_SHA256, ID_ECDSA_SHA256.to_vec())
            }
            SignatureScheme::ECDSA_NISTP384_SHA384 => {
                (&SHA384, ID_SHA384, ID_ECDSA_SHA384.to_vec())
            }
            _ => return None,
        };
        Some(Self { digest, digest_id, signature_id })
    }
}

/// The signed attributes, one after the other. X.690 §11.6: a SET OF rises, and these do: they are
/// one longer than the other.
fn attributes(method: &Method, content: &[u8], now: Timestamp) -> Vec<u8> {
    let attribute =
        |id: &[u8], value: &[u8]| element(SEQUENCE, &[id, &element(SET, value)].concat());
    let hash = digest(method.digest, content);
    [
        attribute(ID_CONTENT_TYPE, ID_DATA),
        attribute(ID_SIGNING_TIME, &time(now)),
        attribute(ID_MESSAGE_DIGEST, &element(OCTET_STRING, hash.as_ref())),
    ]
    .concat()
}

/// RFC 5652 §11.3: UTCTime up to 2049, GeneralizedTime from then on.
fn time(now: Timestamp) -> Vec<u8> {
    match jiff::tz::Offset::UTC.to_datetime(now).year() {
        1950..2050 => element(UTC_TIME, now.strftime("%y%m%d%H%M%SZ").to_string().as_bytes()),
        _ => element(GENERALIZED_TIME, now.strftime("%Y%m%d%H%M%SZ").to_string().as_bytes()),
    }
}

/// Who issued a certificate under which number (RFC 5280 §4.1), as they stand in it.
fn issuer_and_serial(certificate: &[u8]) -> Option<Vec<u8>> {
    let (_, certificate, _) = read(certificate)?;
    let (_, body, _) = read(certificate)?;
    let (first, _, behind_version) = read(body)?;
    let body = if first.first() == Some(&CONTEXT_0) { behind_version } else { body };
    let (serial, _, body) = read(body)?;
    let (_signature, _, body) = read(body)?;
    let (issuer, _, _) = read(body)?;
    Some([issuer, serial].concat())
}

/// The first element: all of it, what is in it, and what comes behind it.
fn read(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (&short, rest) = bytes.get(1..)?.split_first()?;
    let (length, rest) = match short {
        0..=0x7f => (usize::from(short), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(short & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (inside, behind) = rest.split_at_checked(length)?;
    Some((bytes.get(..bytes.len() - behind.len())?, inside, behind))
}

/// An element with its tag and length.
fn element(tag: u8, inside: &[u8]) -> Vec<u8> {
    let length = inside.len().to_be_bytes();
    let digits = &length[length.iter().take_while(|digit| **digit == 0).count()..];
    let mut bytes = vec![tag];
    match inside.len() {
        short @ 0..0x80 => bytes.push(short as u8),
        _ => {
            bytes.push(0x80 | digits.len() as u8);
            bytes.extend_from_slice(digits);
        }
    }
    bytes.extend_from_slice(inside);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_every_length_are_read_as_they_are_written() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536, 1 << 24] {
            let written = [element(SEQUENCE, &vec![7; length]), vec![1, 2]].concat();
            let (whole, inside, behind) = read(&written).unwrap();
            assert_eq!((whole.len() + 2, inside.len()), (written.len(), length));
            assert_eq!(behind, [1, 2]);
        }
        assert_eq!(element(SET, &[1; 200])[..3], [SET, 0x81, 200]);
    }

    #[test]
    fn what_is_no_certificate_is_none() {
        for wrong in
            [&b""[..], b"0", b"0\x80", b"0\x03\x02\x01", b"0\x88\x01", b"0\x84\xff\xff\xff\xff"]
        {
            assert_eq!(issuer_and_serial(wrong), None);
        }
    }

    #[test]
    fn times_are_written_in_the_form_of_their_year() {
        let at = |text: &str| time(text.parse().unwrap());
        assert_eq!(at("2026-11-28T12:05:09Z")[2..], *b"261128120509Z");
        assert_eq!(at("2050-01-01T00:00:00Z")[2..], *b"20500101000000Z");
    }
}
