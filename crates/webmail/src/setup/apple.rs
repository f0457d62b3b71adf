//! The profile that sets up Mail on an iPhone, an iPad or a Mac (`com.apple.mail.managed`). It
//! holds no password: the device asks for it. It is signed with the server's certificate, so that
//! the device shows whose it is.

use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};

use super::programs::Access;
use crate::account::Signed;
use crate::csrf::hex;
use crate::error::Error;
use crate::headers::{self, Fence};
use crate::http::Body;
use crate::people::clean;

const MEDIA_TYPE: &str = "application/x-apple-aspen-config";
/// What the file is called.
const FILE_NAME: &str = "messagerie.mobileconfig";

#[derive(askama::Template)]
#[template(path = "mobileconfig.xml")]
struct Profile<'a> {
    product: String,
    description: String,
    name: String,
    address: String,
    incoming: &'a Access,
    outgoing: &'a Access,
    identifier: String,
    profile_uuid: String,
    account_uuid: String,
}

/// `GET /parametres/appareils/profil`
pub(super) fn answer(signed: &Signed) -> Result<Response<Body>, Error> {
    let settings = signed.visit.webmail.settings();
    let programs = &settings.programs;
    let (Some(incoming), Some(outgoing)) = (programs.incoming.first(), programs.outgoing.first())
    else {
        return Err(Error::NotFound);
    };
    let address = signed.account.primary_address.to_string();
    let name = clean(&signed.account.name, 100);
    // The same for the same account, so that a profile loaded again replaces the old one.
    let uuid = |what: &str| uuid(&format!("{what} {} {address}", incoming.host));
    let template = Profile {
        product: settings.theme.name.clone(),
        description: signed.locale().with("setup-profile-about", "address", address.as_str()),
        name: if name.is_empty() { address.clone() } else { name },
        identifier: format!("{}.{}", incoming.host, uuid("profile")),
        profile_uuid: uuid("profile"),
        account_uuid: uuid("account"),
        address,
        incoming,
        outgoing,
    };
    let text = askama::Template::render(&template)?;
    let visit = &signed.visit;
    // Without a certificate, or with a key that cannot: the device then says that nobody signed.
    let profile = visit.webmail.profile_signer.get().and_then(|sign| sign(text.as_bytes()));
    let profile = profile.unwrap_or_else(|| text.into_bytes());
    let mut response =
        headers::text(visit, StatusCode::OK, Fence::Part, MEDIA_TYPE, profile.into());
    let disposition = headers::attachment_disposition("attachment", FILE_NAME);
    if let Ok(value) = HeaderValue::from_str(&disposition) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

/// RFC 9562 §5.8: a UUID of our own making, here a hash of a name.
fn uuid(name: &str) -> String {
    let hash = blake3::hash(name.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_bytes()[..16]);
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = hex(bytes).to_ascii_uppercase();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_one_and_the_same_for_the_same_name() {
        let one = uuid("profile mail.ac.test marie@ac.test");
        assert_eq!(one, uuid("profile mail.ac.test marie@ac.test"));
        assert_ne!(one, uuid("account mail.ac.test marie@ac.test"));
        assert_eq!(one.len(), 36);
        assert_eq!(&one[14..15], "8");
        assert!(matches!(&one[19..20], "8" | "9" | "A" | "B"), "{one}");
    }
}
