//! What an operator may set about the webmail.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::notices::Notices;
use crate::setup::MailPrograms;
use crate::theme::Theme;

/// The webmail's part of the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where people reach the webmail: `https://` and a host, perhaps a port, nothing after it.
    /// Links, redirects and the check of `Origin` use it; the `Host` a browser sends is ignored.
    pub public_url: Origin,
    /// A second host name of this service from which message bodies and attachments come, so that
    /// a mistake in their isolation cannot reach the session. Needs a certificate for it.
    pub content_url: Option<Origin>,
    /// The file of the theme; without one the pages look like Facteur's own.
    pub theme_file: Option<PathBuf>,
    /// What is in that file.
    #[serde(skip)]
    pub theme: Theme,
    /// Who answers for this service, on its public pages.
    pub notices: Notices,
    /// What the port without TLS does.
    pub plain_http: PlainHttp,
    /// Minutes without a click after which a session ends.
    pub session_idle_minutes: u32,
    /// Hours after which a session ends in any case.
    pub session_absolute_hours: u32,
    /// Sessions of all accounts; beyond it the one unused for longest ends.
    pub sessions_max: usize,
    /// Sessions of one account; beyond it the one unused for longest ends.
    pub sessions_per_account_max: usize,
    /// Messages on one page of a list.
    pub rows_per_page: usize,
    /// Bytes of the files one message may carry.
    pub upload_bytes_max: u64,
    /// Bytes of files that are being written into messages, all accounts together.
    pub upload_memory_bytes_max: u64,
    /// Bytes of text in one form.
    pub form_bytes_max: usize,
    /// Bytes of a message's HTML; a longer one is shown as text.
    pub html_bytes_max: usize,
    /// Recipients of one message.
    pub recipients_max: usize,
    /// Seconds for which a message waits after the button, so that its sender can think better of
    /// it; 0 sends it at once.
    pub undo_seconds: u32,
    /// How far ahead a message can be scheduled, in seconds; 0 not at all. It is the limit of
    /// FUTURERELEASE.
    #[serde(skip)]
    pub schedule_seconds_max: u64,
    /// How mail programs reach this server.
    #[serde(skip)]
    pub programs: MailPrograms,
    /// Seconds within which a request's header must be complete.
    pub header_seconds: u64,
    /// Seconds within which a request's body must be complete.
    pub body_seconds: u64,
    /// Seconds that a connection may stay open without a request.
    pub idle_seconds: u64,
    /// Requests at the same time on one HTTP/2 connection.
    pub streams_max: u32,
    /// Live lists one account may keep open.
    pub events_per_account_max: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: Origin("https://mail.example.test".into()),
            content_url: None,
            theme_file: None,
            theme: Theme::default(),
            notices: Notices::default(),
            plain_http: PlainHttp::Redirect,
            session_idle_minutes: 30,
            session_absolute_hours: 12,
            sessions_max: 100_000,
            sessions_per_account_max: 20,
            rows_per_page: 50,
            upload_bytes_max: 25 << 20,
            upload_memory_bytes_max: 512 << 20,
            form_bytes_max: 1 << 20,
            html_bytes_max: 1 << 20,
            recipients_max: 200,
            undo_seconds: 10,
            schedule_seconds_max: 365 * 24 * 3600,
            programs: MailPrograms::default(),
            header_seconds: 15,
            body_seconds: 600,
            idle_seconds: 75,
            streams_max: 64,
            events_per_account_max: 8,
        }
    }
}

/// What is answered on the port without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlainHttp {
    /// Pages are sent on to `public_url`.
    Redirect,
    /// Peers on the same machine are served without TLS (for the demo); others are sent on.
    ServeLoopback,
}

/// Scheme, host and perhaps port: `https://webmail.ac-paris.fr`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin(String);

impl Origin {
    /// The origin as browsers send it, without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Origin {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let origin = text.strip_suffix('/').unwrap_or(&text).to_ascii_lowercase();
        let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        let valid = host.is_some_and(|host| {
            !host.is_empty()
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b))
        });
        if valid {
            Ok(Self(origin))
        } else {
            Err(format!("{text:?} is not https:// and a host name"))
        }
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> String {
        origin.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        let origin = |text: &str| Origin::try_from(text.to_owned());
        assert_eq!(
            origin("https://Webmail.AC-Paris.fr/").unwrap().as_str(),
            "https://webmail.ac-paris.fr"
        );
        for text in
            ["", "webmail", "https://", "https://a/b", "javascript:x", "https://a\r\nb", "ftp://a"]
        {
            assert!(origin(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn settings_read_what_they_write() {
        let text = serde_json::to_string(&Settings::default()).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), Settings::default());
        assert!(serde_json::from_str::<Settings>(r#"{"rows":1}"#).is_err());
    }
}
