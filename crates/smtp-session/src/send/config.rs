//! What a client is told at its start: who we are, what the server must do, how long we wait.

use std::time::Duration;

use mail_types::Secret;

/// Which protocol the server speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Role {
    /// RFC 5321.
    #[default]
    Smtp,
    /// RFC 2033: one reply per recipient at the end of the content.
    Lmtp,
}

/// What to do about STARTTLS (RFC 3207) on a connection that begins in the clear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum StartTls {
    /// Never ask for it.
    Never,
    /// Ask for it when it is offered. A server that refuses it then is spoken to in the clear.
    #[default]
    WhenOffered,
    /// No mail without it.
    Required,
}

/// What to do with 8-bit content when the server does not offer 8BITMIME.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum EightBit {
    /// RFC 6152 §3: a client must not send it; the message fails with 5.6.3.
    #[default]
    Refuse,
    /// Deviation: send it as it is, for old servers known to be 8-bit clean.
    Send,
}

/// A login at a smarthost.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// RFC 4616 `authcid`.
    pub login: String,
    /// Goes out through TLS only, unless [`Config::plaintext_auth`] says otherwise.
    pub password: Secret<String>,
}

/// What is the same for all transactions on a connection.
#[derive(Clone, Debug)]
pub struct Config {
    /// Our name in EHLO (RFC 5321 §4.1.1.1).
    pub hostname: String,
    /// What the server speaks.
    pub role: Role,
    /// Whether TLS is asked for.
    pub start_tls: StartTls,
    /// Sent when given; then a server without AUTH gets no mail.
    pub credentials: Option<Credentials>,
    /// Whether a password may go out in the clear: a neighbour on loopback only.
    pub plaintext_auth: bool,
    /// Whether BDAT is used where CHUNKING is offered (RFC 3030).
    pub chunking: bool,
    /// What to do with 8-bit content where 8BITMIME is not offered.
    pub eight_bit: EightBit,
    /// How long we wait.
    pub timeouts: Timeouts,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            hostname: "localhost".into(),
            role: Role::Smtp,
            start_tls: StartTls::WhenOffered,
            credentials: None,
            plaintext_auth: false,
            chunking: true,
            eight_bit: EightBit::Refuse,
            timeouts: Timeouts::default(),
        }
    }
}

/// How long we wait for the server (RFC 5321 §4.5.3.2). Each is a total for one reply and not an
/// idle time, so that a byte now and then does not hold a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// §4.5.3.2.1: for the greeting.
    pub greeting: Duration,
    /// For EHLO, STARTTLS, AUTH and RSET, of which the RFC says nothing.
    pub hello: Duration,
    /// §4.5.3.2.2: for MAIL.
    pub mail: Duration,
    /// §4.5.3.2.3: for RCPT.
    pub recipient: Duration,
    /// From the first MAIL or RCPT to the content, in all: a thousand recipients must not make it
    /// days.
    pub envelope: Duration,
    /// §4.5.3.2.4: for DATA.
    pub data: Duration,
    /// §4.5.3.2.5: for a piece of content to be taken, or a BDAT chunk to be answered.
    pub data_block: Duration,
    /// Besides, content must be taken at this many bytes per second on the whole, after a first
    /// `data_block` of grace.
    pub data_bytes_per_second_min: u64,
    /// §4.5.3.2.6: for the end of the content. Giving up sooner delivers mail twice.
    pub content_end: Duration,
    /// For QUIT: mail no longer depends on it.
    pub quit: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            greeting: Duration::from_secs(300),
            hello: Duration::from_secs(300),
            mail: Duration::from_secs(300),
            recipient: Duration::from_secs(300),
            envelope: Duration::from_secs(1200),
            data: Duration::from_secs(120),
            data_block: Duration::from_secs(180),
            data_bytes_per_second_min: 500,
            content_end: Duration::from_secs(600),
            quit: Duration::from_secs(2),
        }
    }
}
