//! Outlook's autodiscover: the XML that names servers (MS-OXDSCLI), and the JSON that says where
//! the XML is.

use std::sync::Arc;
use std::time::Duration;

use hyper::{Response, StatusCode};
use mail_types::EmailAddress;

use super::discover::{address_in_query, domain, xml};
use crate::error::Error;
use crate::headers::{self, Fence};
use crate::http::{Body, Input, Reader, Visit};
use crate::settings::Settings;

/// Largest question; Outlook's has about 400 bytes.
const QUESTION_BYTES_MAX: u64 = 8 * 1024;
/// Longest wait for it.
const QUESTION_TIME_MAX: Duration = Duration::from_secs(20);
/// How questions and answers about IMAP and SMTP are named. Phones that ask for ActiveSync use
/// another.
const OUTLOOK: &str =
    "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

#[derive(askama::Template)]
#[template(path = "autodiscover.xml")]
struct Autodiscover {
    address: EmailAddress,
    settings: Arc<Settings>,
}

/// Why there is no answer, in the protocol's own numbers.
#[derive(Clone, Copy, askama::Template)]
#[template(path = "autodiscover_error.xml")]
struct Refusal {
    code: u16,
    message: &'static str,
}

const NOT_OURS: Refusal = Refusal { code: 500, message: "The email address can't be found." };
const INVALID: Refusal = Refusal { code: 600, message: "Invalid Request" };
const NO_PROVIDER: Refusal = Refusal { code: 601, message: "Provider is not available" };

/// `/autodiscover/autodiscover.xml`. The address comes back as the login name, for without it
/// Outlook would log in with the part before the `@`; nothing else depends on the person.
pub(super) async fn answer(visit: &Visit, input: Option<Input>) -> Result<Response<Body>, Error> {
    let asked = match input {
        Some(input) => {
            let bytes = Reader::new(input, QUESTION_BYTES_MAX, QUESTION_TIME_MAX).all().await?;
            read(&String::from_utf8_lossy(&bytes))
        }
        None => Err(INVALID),
    };
    let settings = visit.webmail.settings();
    let address = asked.and_then(|address| match domain(visit, Some(address.domain().as_str())) {
        Some(_) if settings.programs.incoming.is_empty() => Err(NO_PROVIDER),
        Some(_) => Ok(address),
        None => Err(NOT_OURS),
    });
    match address {
        Ok(address) => xml(visit, StatusCode::OK, &Autodiscover { address, settings }),
        Err(refusal) => xml(visit, StatusCode::OK, &refusal),
    }
}

/// `/autodiscover/autodiscover.json`: the XML is the one protocol we speak.
pub(super) fn answer_json(visit: &Visit) -> Result<Response<Body>, Error> {
    let named = |wanted: &str| {
        let found = visit.query.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.as_str())
    };
    let in_path = visit.path.get(3).map(String::as_str);
    let known = domain(visit, address_in_query(visit).or(in_path)).is_some();
    let protocol = named("protocol").unwrap_or_default();
    let (status, value) = if !protocol.eq_ignore_ascii_case("AutodiscoverV1") {
        let message = "The given protocol value is invalid. Supported values are 'AutodiscoverV1'.";
        let error = serde_json::json!({ "ErrorCode": "InvalidProtocol", "ErrorMessage": message });
        (StatusCode::BAD_REQUEST, error)
    } else if !known {
        let message = "The domain of the address is not served here.";
        let error = serde_json::json!({ "ErrorCode": "UserNotFound", "ErrorMessage": message });
        (StatusCode::NOT_FOUND, error)
    } else {
        let url = format!("{}/autodiscover/autodiscover.xml", visit.webmail.settings().public_url);
        (StatusCode::OK, serde_json::json!({ "Protocol": "AutodiscoverV1", "Url": url }))
    };
    let text = value.to_string();
    Ok(headers::text(visit, status, Fence::Part, "application/json", text.into()))
}

/// The address in a question for IMAP and SMTP.
fn read(question: &str) -> Result<EmailAddress, Refusal> {
    let schema = content(question, "AcceptableResponseSchema");
    if schema.as_deref().is_some_and(|schema| schema.trim() != OUTLOOK) {
        return Err(NO_PROVIDER);
    }
    let address = content(question, "EMailAddress").ok_or(INVALID)?;
    address.trim().parse().map_err(|_| INVALID)
}

/// The text of the first element of this name. Not a parser: the question has two elements that
/// matter, in this spelling, and a wrong reading costs no more than an answer about another domain
/// of ours.
fn content(xml: &str, name: &str) -> Option<String> {
    let mut rest = xml;
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, text) = after.split_once('>')?;
        let tag = tag.split_ascii_whitespace().next().unwrap_or_default();
        // With or without a prefix.
        if tag.rsplit(':').next() == Some(name) {
            return unescape(text.split('<').next()?);
        }
        rest = text;
    }
    None
}

/// The five entities of XML; a question has no others.
fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        let (entity, after) = after.split_once(';')?;
        out.push_str(before);
        out.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" | "#39" => '\'',
            _ => return None,
        });
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_read_with_entities_prefixes_and_attributes() {
        let schema = format!("<AcceptableResponseSchema>{OUTLOOK}</AcceptableResponseSchema>");
        for (address, wanted) in [
            ("<EMailAddress>a@b.test</EMailAddress>", Some("a@b.test")),
            ("<x:EMailAddress>\n a@b.test </x:EMailAddress>", Some("a@b.test")),
            ("<EMailAddress lang='fr'>o&apos;neil@b.test</EMailAddress>", Some("o'neil@b.test")),
            ("<EMailAddressX>a@b.test</EMailAddressX>", None),
            ("<EMailAddress>&boom;@b.test</EMailAddress>", None),
            ("<EMailAddress>a@b.test", Some("a@b.test")),
            ("<EMailAddress", None),
            ("<EMailAddress>a</EMailAddress>", None),
            ("", None),
        ] {
            let question = format!("<A><Request>{address}{schema}</Request></A>");
            let read = read(&question).ok().map(|address| address.to_string());
            assert_eq!(read.as_deref(), wanted, "{address}");
        }
    }

    #[test]
    fn a_phone_that_asks_for_activesync_is_told_that_there_is_none() {
        let question = "<EMailAddress>a@b.test</EMailAddress><AcceptableResponseSchema>\
                        http://schemas.microsoft.com/exchange/autodiscover/mobilesync/\
                        responseschema/2006</AcceptableResponseSchema>";
        assert_eq!(read(question).unwrap_err().code, 601);
    }
}
