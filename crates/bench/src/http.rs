//! The little of HTTP/1.1 (RFC 9112) that fetching pages takes.

use bytes::BytesMut;

use crate::error::{Error, excerpt};
use crate::wire::{Target, Wire};

/// A response.
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) body: Vec<u8>,
    /// Bytes on the wire, header included.
    pub(crate) bytes: usize,
}

/// A kept-alive connection with a browser's cookies.
pub(crate) struct Http {
    wire: Wire,
    host: String,
    cookies: Vec<(String, String)>,
    /// Browsers do; but what is to be read here must come as it is.
    pub(crate) accepts_gzip: bool,
}

impl Http {
    pub(crate) async fn connect(target: &Target) -> Result<Self, Error> {
        let host = format!("localhost:{}", target.port);
        let wire = Wire::connect(target).await?;
        Ok(Self { wire, host, cookies: Vec::new(), accepts_gzip: false })
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<Page, Error> {
        self.request("GET", path, "").await
    }

    /// Sends a form, already encoded.
    pub(crate) async fn post(&mut self, path: &str, form: &str) -> Result<Page, Error> {
        self.request("POST", path, form).await
    }

    async fn request(&mut self, method: &str, path: &str, form: &str) -> Result<Page, Error> {
        let host = &self.host;
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\n\
             Accept-Language: fr\r\n"
        );
        if self.accepts_gzip {
            head.push_str("Accept-Encoding: gzip\r\n");
        }
        if method == "POST" {
            head.push_str(&format!(
                "Origin: http://{host}\r\nSec-Fetch-Site: same-origin\r\n\
                 Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
                form.len()
            ));
        }
        if !self.cookies.is_empty() {
            let pairs: Vec<_> = self.cookies.iter().map(|(k, v)| format!("{k}={v}")).collect();
            head.push_str(&format!("Cookie: {}\r\n", pairs.join("; ")));
        }
        self.wire.send(format!("{head}\r\n{form}").as_bytes()).await?;
        self.response().await
    }

    async fn response(&mut self) -> Result<Page, Error> {
        let start = self.wire.line().await?;
        let status = parse_status(&start)?;
        let mut page = Page { status, location: None, body: Vec::new(), bytes: start.len() + 2 };
        let (mut length, mut chunked) = (0, false);
        loop {
            let line = self.wire.line().await?;
            page.bytes += line.len() + 2;
            if line.is_empty() {
                break;
            }
            let text = String::from_utf8_lossy(&line);
            let Some((name, value)) = text.split_once(':') else { continue };
            let value = value.trim();
            match &*name.to_ascii_lowercase() {
                "content-length" => length = value.parse().unwrap_or(0),
                "transfer-encoding" => chunked = value.eq_ignore_ascii_case("chunked"),
                "location" => page.location = Some(value.to_owned()),
                "set-cookie" => self.remember(value),
                _ => {}
            }
        }
        match chunked {
            true => self.chunks(&mut page).await?,
            false => {
                page.body = self.exactly(length).await?.to_vec();
                page.bytes += length;
            }
        }
        Ok(page)
    }

    /// RFC 9112 §7.1.
    async fn chunks(&mut self, page: &mut Page) -> Result<(), Error> {
        loop {
            let line = self.wire.line().await?;
            let digits = line[..].split(|&byte| byte == b';').next().unwrap_or_default();
            let size = std::str::from_utf8(digits)
                .ok()
                .and_then(|digits| usize::from_str_radix(digits.trim(), 16).ok())
                .ok_or_else(|| Error::Protocol(format!("chunk size {:?}", excerpt(&line))))?;
            page.bytes += line.len() + 2 + size + 2;
            page.body.extend_from_slice(&self.exactly(size).await?);
            self.exactly(2).await?;
            if size == 0 {
                return Ok(());
            }
        }
    }

    async fn exactly(&mut self, count: usize) -> Result<BytesMut, Error> {
        while self.wire.input().len() < count {
            self.wire.need().await?;
        }
        Ok(self.wire.take(count))
    }

    fn remember(&mut self, set_cookie: &str) {
        let pair = set_cookie.split(';').next().unwrap_or_default();
        let Some((name, value)) = pair.split_once('=') else { return };
        self.cookies.retain(|(known, _)| known != name);
        if !value.is_empty() {
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
    }
}

/// `status-line = HTTP-version SP status-code SP [ reason-phrase ]`
fn parse_status(line: &[u8]) -> Result<u16, Error> {
    let text = String::from_utf8_lossy(line);
    let mut words = text.split(' ');
    let version = words.next().is_some_and(|word| word.starts_with("HTTP/1."));
    let status = words.next().and_then(|word| word.parse().ok()).filter(|_| version);
    status.ok_or_else(|| Error::Protocol(format!("status line {:?}", excerpt(line))))
}

/// Values of an attribute in a page, without entities: enough for tokens and paths.
pub(crate) fn attributes<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!(" {name}=\"");
    html.split(&start).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

/// The token of the page's form, ready for a form.
pub(crate) fn token(page: &Page) -> Result<String, Error> {
    let html = String::from_utf8_lossy(&page.body);
    let token = html.split_once("name=\"jeton\"").map(|(_, rest)| attributes(rest, "value"));
    let token = token.and_then(|values| values.first().map(|value| form_value(value)));
    token.ok_or_else(|| Error::Protocol("a page without a form's token".into()))
}

/// `application/x-www-form-urlencoded` for one value.
pub(crate) fn form_value(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_lines_have_a_version_and_a_number() {
        assert_eq!(parse_status(b"HTTP/1.1 303 See Other").ok(), Some(303));
        assert_eq!(parse_status(b"HTTP/1.0 200").ok(), Some(200));
        for bad in [&b"SMTP 200 OK"[..], b"HTTP/1.1", b"HTTP/1.1 abc"] {
            assert!(parse_status(bad).is_err());
        }
    }

    #[test]
    fn attributes_and_form_values() {
        let html = "<a href=\"/m/INBOX/3\">x</a><link rel=\"s\" href=\"/statique/a.css\">";
        assert_eq!(attributes(html, "href"), ["/m/INBOX/3", "/statique/a.css"]);
        assert_eq!(form_value("a b+é@c"), "a%20b%2B%C3%A9%40c");
    }
}
