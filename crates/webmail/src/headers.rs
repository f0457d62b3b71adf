//! Responses with the headers every one of them carries, compressed where that helps.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use crate::http::{Body, Visit};
use crate::settings::Settings;
use crate::webmail::Port;

/// Shorter texts do not gain from compression.
const GZIP_BYTES_MIN: usize = 512;

/// What a response is, and so how it is fenced in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fence {
    /// A page of ours.
    Page,
    /// A message's body: a document that may do nothing but be read.
    Content,
    /// A part of a message: saved, or shown as a picture.
    Part,
    /// Our style sheet, script and icon.
    Asset,
}

/// A page.
pub(crate) fn page(visit: &Visit, status: StatusCode, html: String) -> Response<Body> {
    text(visit, status, Fence::Page, "text/html; charset=utf-8", html.into())
}

/// A text of any kind, compressed when the browser can read that.
pub(crate) fn text(
    visit: &Visit,
    status: StatusCode,
    fence: Fence,
    media_type: &'static str,
    text: Bytes,
) -> Response<Body> {
    let compressed = (text.len() >= GZIP_BYTES_MIN && accepts_gzip(visit)).then(|| gzip(&text));
    let mut response = Response::new(Body::Whole(Bytes::new()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding, Cookie"));
    if compressed.is_some() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    *response.body_mut() = Body::Whole(compressed.map_or(text, Bytes::from));
    fence_in(visit, fence, &mut response);
    response
}

/// `303 See Other`: after a form, the page that shows what became of it. `path` is one of ours.
pub(crate) fn see_other(visit: &Visit, path: &str) -> Response<Body> {
    let mut response = Response::new(Body::Whole(Bytes::new()));
    *response.status_mut() = StatusCode::SEE_OTHER;
    // A path of ours has no control characters; a path that did would lead home.
    let value = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, value);
    fence_in(visit, Fence::Page, &mut response);
    response
}

/// Adds what every response of this kind carries.
pub(crate) fn fence_in(visit: &Visit, fence: Fence, response: &mut Response<Body>) {
    let settings = visit.webmail.settings();
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.entry(name).or_insert(value);
        }
    };
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::CONTENT_SECURITY_POLICY, &content_security_policy(fence, &settings));
    set(
        HeaderName::from_static("cross-origin-resource-policy"),
        match fence {
            // A picture is asked for by a document of no origin; its signed address protects it.
            Fence::Part if visit.raw_path.starts_with("/contenu/") => "cross-origin",
            _ => "same-origin",
        },
    );
    set(header::CACHE_CONTROL, "no-store");
    match fence {
        Fence::Page => {
            set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
            // Not no-referrer: with it browsers send `Origin: null` from our own forms.
            set(header::REFERRER_POLICY, "same-origin");
            set(
                HeaderName::from_static("permissions-policy"),
                "camera=(), microphone=(), geolocation=()",
            );
            set(header::X_FRAME_OPTIONS, "DENY");
        }
        _ => set(header::REFERRER_POLICY, "no-referrer"),
    }
    // Not where plain HTTP is served too: the promise would lock it for the whole host.
    if visit.connection.port == Port::Https
        && settings.plain_http == crate::settings::PlainHttp::Redirect
    {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
}

fn content_security_policy(fence: Fence, settings: &Settings) -> String {
    let content = settings.content_url.as_ref().map(|url| url.as_str()).unwrap_or_default();
    match fence {
        Fence::Page | Fence::Asset => format!(
            "default-src 'self'; script-src 'self'; style-src 'self'; object-src 'none'; \
             frame-src 'self' {content}; form-action 'self'; base-uri 'none'; \
             frame-ancestors 'none'; require-trusted-types-for 'script'"
        )
        .replace("'self' ;", "'self';"),
        Fence::Content => format!(
            "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; \
             form-action 'none'; base-uri 'none'; frame-ancestors {}; \
             sandbox allow-popups allow-popups-to-escape-sandbox",
            if content.is_empty() { "'self'" } else { settings.public_url.as_str() }
        ),
        Fence::Part => "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; \
                        base-uri 'none'; sandbox"
            .into(),
    }
}

fn accepts_gzip(visit: &Visit) -> bool {
    let accepted = visit.header(header::ACCEPT_ENCODING).unwrap_or_default();
    accepted.split(',').any(|coding| {
        let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = matches!(parameters.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000");
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

/// Compresses; in memory it cannot fail, and if it did the text would be short, not wrong.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 3), Compression::new(6));
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// W3: a file name for `Content-Disposition`, plain and in RFC 5987 form. Whatever the sender
/// wrote, it stays one name in one header.
pub(crate) fn attachment_disposition(kind: &str, name: &str) -> String {
    let name = file_name(name);
    let plain: String =
        name.chars().map(|c| if c.is_ascii() && !"\"\\%".contains(c) { c } else { '_' }).collect();
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{}", crate::url::encode(&name))
}

/// A name that no file system takes for a path, a device or another kind of file.
pub(crate) fn file_name(name: &str) -> String {
    let name = crate::people::clean(name, 150);
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = last.chars().map(|c| if "<>:\"|?*".contains(c) { '_' } else { c }).collect();
    let kept = kept.trim_matches(|c: char| c == '.' || c.is_whitespace());
    let stem = kept.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let is_device = matches!(stem.as_str(), "con" | "prn" | "aux" | "nul")
        || ["com", "lpt"]
            .iter()
            .any(|device| stem.strip_prefix(device).is_some_and(|rest| rest.len() == 1));
    match (kept.is_empty(), is_device) {
        (true, _) => "fichier".into(),
        (_, true) => format!("_{kept}"),
        _ => kept.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_stays_a_name() {
        for (given, wanted) in [
            ("réunion.pdf", "réunion.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\temp\\x.doc", "x.doc"),
            ("x\r\nSet-Cookie: a=b", "x Set-Cookie_ a=b"),
            ("gnp.\u{202e}exe", "gnp.exe"),
            ("con", "_con"),
            ("COM1.txt", "_COM1.txt"),
            ("", "fichier"),
            ("...", "fichier"),
            ("a/", "fichier"),
        ] {
            assert_eq!(file_name(given), wanted, "{given:?}");
        }
        assert_eq!(file_name(&"x".repeat(5000)).len(), 150);
    }

    #[test]
    fn a_disposition_is_one_header_with_both_spellings() {
        assert_eq!(
            attachment_disposition("attachment", "été \"1\".pdf"),
            "attachment; filename=\"_t_ _1_.pdf\"; filename*=UTF-8''%C3%A9t%C3%A9%20_1_.pdf"
        );
        let evil = attachment_disposition("attachment", "a\r\nX: y\0\u{2028}");
        assert!(HeaderValue::from_str(&evil).is_ok(), "{evil}");
        assert_eq!(evil.matches("filename").count(), 2);
    }

    #[test]
    fn pages_may_run_our_script_only_and_bodies_none() {
        let settings = Settings::default();
        let page = content_security_policy(Fence::Page, &settings);
        assert!(page.contains("script-src 'self';") && !page.contains("unsafe"));
        assert!(page.contains("frame-ancestors 'none'") && page.contains("frame-src 'self';"));
        let body = content_security_policy(Fence::Content, &settings);
        assert!(body.starts_with("default-src 'none'") && !body.contains("script"));
        assert!(body.contains("sandbox allow-popups allow-popups-to-escape-sandbox"));
        assert!(!body.contains("allow-same-origin"));
    }
}
