//! From the greeting to the first transaction: EHLO, STARTTLS, AUTH.

use mail_types::Secret;

use super::Client;
use super::config::{Role, StartTls};
use super::extensions::Extensions;
use super::outcome::{Outcome, Reason, Stage};
use super::reply::{RawReply, ReplyFault};
use super::state::{Command, State};
use crate::sasl::encode_base64;

impl Client {
    pub(super) fn opening_reply(&mut self, command: Command, reply: RawReply) {
        match (command, reply.code) {
            (Command::Greeting, 220) => self.hello(),
            (Command::Ehlo, 200..=299) => {
                self.extensions = Extensions::read(&reply.lines);
                self.after_hello();
            }
            // RFC 5321 §3.2: "If the EHLO command is not acceptable to the SMTP server, 501, 500,
            // 502, or 550 failure replies MUST be returned as appropriate", and then HELO may do.
            (Command::Ehlo, 500..=599) if self.config.role == Role::Smtp => {
                let line = format!("HELO {}", self.config.hostname);
                self.command(&line, Command::Helo);
            }
            (Command::Helo, 200..=299) => {
                self.extensions = Extensions::default();
                self.after_hello();
            }
            (Command::StartTls, 220) => self.handshake(),
            // RFC 7435: the mail goes in the clear rather than not at all.
            (Command::StartTls, 400..=599) if self.config.start_tls == StartTls::WhenOffered => {
                self.tls_refused = true;
                self.after_hello();
            }
            (Command::AuthPlain | Command::AuthLoginPassword, 235) => self.state = State::Idle,
            (Command::AuthLogin, 334) => self.login_name(),
            (Command::AuthLoginName, 334) => self.login_password(),
            (_, 400..=599) => self.refused(command.stage(), reply),
            _ => self.break_off(Reason::Misbehaved(command.stage(), ReplyFault::Code)),
        }
    }

    /// RFC 5321 §3.2: who we are. RFC 2033 §4.1: LHLO in LMTP.
    pub(super) fn hello(&mut self) {
        let verb = if self.config.role == Role::Lmtp { "LHLO" } else { "EHLO" };
        let line = format!("{verb} {}", self.config.hostname);
        self.command(&line, Command::Ehlo);
    }

    /// What comes after the list of extensions.
    fn after_hello(&mut self) {
        let ask = self.config.start_tls != StartTls::Never && !self.tls_refused;
        if !self.secure && ask && self.extensions.start_tls {
            return self.command("STARTTLS", Command::StartTls);
        }
        if !self.secure && self.config.start_tls == StartTls::Required {
            return self.leave(Reason::StartTlsNotOffered);
        }
        self.authenticate();
    }

    fn handshake(&mut self) {
        // Threats S2: what is there already came in the clear and would be read as the server's
        // first words inside TLS.
        if !self.input.is_empty() || self.replies.is_inside() {
            return self.break_off(Reason::StartTlsInjection);
        }
        self.state = State::Handshake;
    }

    fn authenticate(&mut self) {
        let Some(credentials) = self.config.credentials.clone() else {
            self.state = State::Idle;
            return;
        };
        if !self.secure && !self.config.plaintext_auth {
            return self.leave(Reason::PasswordNeedsTls);
        }
        if self.extensions.auth_plain {
            // RFC 4616 §2: message = [authzid] UTF8NUL authcid UTF8NUL passwd
            let message = format!("\0{}\0{}", credentials.login, credentials.password.expose());
            let message = Secret::new(message);
            let response = Secret::new(encode_base64(message.expose().as_bytes()));
            let line = Secret::new(format!("AUTH PLAIN {}", response.expose()));
            self.command(line.expose(), Command::AuthPlain);
        } else if self.extensions.auth_login {
            self.command("AUTH LOGIN", Command::AuthLogin);
        } else {
            self.leave(Reason::AuthNotOffered);
        }
    }

    fn login_name(&mut self) {
        let Some(credentials) = self.config.credentials.clone() else { return };
        let line = encode_base64(credentials.login.as_bytes());
        self.command(&line, Command::AuthLoginName);
    }

    fn login_password(&mut self) {
        let Some(credentials) = self.config.credentials.clone() else { return };
        let line = Secret::new(encode_base64(credentials.password.expose().as_bytes()));
        self.command(line.expose(), Command::AuthLoginPassword);
    }

    /// The server wants nothing to do with us. Its 5yz is about us and this host, not about the
    /// recipients, and is mostly a mistake of configuration on one side: mail waits for it to be
    /// mended.
    fn refused(&mut self, stage: Stage, reply: RawReply) {
        // RFC 7504 §3: 521 in the greeting says that this host never takes mail.
        let never = stage == Stage::Greeting && reply.code == 521;
        let (reason, reply) = (Reason::Refused(stage), Some(reply.into()));
        self.report_all(if never {
            Outcome::Failed(reason, reply)
        } else {
            Outcome::Deferred(reason, reply)
        });
        self.say_quit();
    }

    /// The server does not do what we need.
    fn leave(&mut self, reason: Reason) {
        self.report_all(Outcome::Deferred(reason, None));
        self.say_quit();
    }
}
