//! STARTTLS, LOGIN, AUTHENTICATE.

use std::io;

use directory::{AuthError, Authenticated, Service};
use imap_session::respond;
use mail_types::{AccountId, Secret};
use tokio::sync::broadcast;

use crate::connection::{Connection, User};

/// A running AUTHENTICATE.
pub(crate) struct Sasl {
    tag: String,
    stage: Stage,
}

enum Stage {
    Plain,
    LoginUser,
    LoginPassword(String),
}

/// Longest SASL response, decoded.
const RESPONSE_BYTES_MAX: usize = 2048;

impl Connection {
    pub(crate) async fn start_tls(&mut self, tag: &str) -> io::Result<()> {
        if self.is_tls || self.server.tls.is_none() {
            self.tagged(tag, "BAD TLS is active or not available");
            return Ok(());
        }
        self.tagged(tag, "OK Begin TLS negotiation now");
        self.flush().await?;
        // Whatever came behind STARTTLS came in plaintext, perhaps from somebody else.
        self.session.start_tls();
        self.handshake().await
    }

    pub(crate) async fn login(&mut self, tag: &str, user: &str, password: &Secret<String>) {
        if self.refuses_plaintext(tag) {
            return;
        }
        let (peer, mail) = (self.peer_ip(), self.mail());
        // From before the password is checked: a change in between ends this session too.
        let changes = mail.directory().subscribe_credential_changes();
        match mail.directory().authenticate(user, password, Service::Imap, peer).await {
            Ok(authenticated) => self.logged_in(tag, authenticated, changes),
            Err(error) => self.login_failed(tag, &error),
        }
    }

    pub(crate) async fn authenticate(
        &mut self,
        tag: &str,
        mechanism: &str,
        initial: Option<Secret<String>>,
    ) {
        if self.refuses_plaintext(tag) {
            return;
        }
        let stage = match mechanism {
            "PLAIN" => Stage::Plain,
            "LOGIN" => Stage::LoginUser,
            _ => return self.tagged(tag, "NO [CANNOT] That mechanism is not offered"),
        };
        self.sasl = Some(Sasl { tag: tag.to_owned(), stage });
        match initial {
            // RFC 4959 §3: "=" is an empty response.
            Some(response) => {
                let response = if response.expose() == "=" { Secret::from("") } else { response };
                self.respond_sasl(Some(response)).await;
            }
            None => self.challenge(),
        }
    }

    pub(crate) async fn sasl_response(
        &mut self,
        response: Option<Secret<String>>,
    ) -> io::Result<()> {
        self.respond_sasl(response).await;
        Ok(())
    }

    fn challenge(&mut self) {
        let text = match self.sasl.as_ref().map(|sasl| &sasl.stage) {
            Some(Stage::LoginUser) => "+ VXNlcm5hbWU6",
            Some(Stage::LoginPassword(_)) => "+ UGFzc3dvcmQ6",
            _ => "+ ",
        };
        respond::line(&mut self.out, text);
        self.session.begin_sasl();
    }

    async fn respond_sasl(&mut self, response: Option<Secret<String>>) {
        let Some(Sasl { tag, stage }) = self.sasl.take() else { return };
        let Some(response) = response else { return self.tagged(&tag, "BAD Cancelled") };
        let Some(text) = decode_base64(response.expose()) else {
            return self.tagged(&tag, "BAD The response is not base64");
        };
        match stage {
            Stage::Plain => match plain(text.expose()) {
                Some((user, password)) => self.login(&tag, &user, &password).await,
                None => self.tagged(&tag, "NO [AUTHENTICATIONFAILED] Authentication failed"),
            },
            Stage::LoginUser => {
                let stage = Stage::LoginPassword(text.expose().clone());
                self.sasl = Some(Sasl { tag, stage });
                self.challenge();
            }
            Stage::LoginPassword(user) => self.login(&tag, &user, &text).await,
        }
    }

    fn refuses_plaintext(&mut self, tag: &str) -> bool {
        let refuses = !self.may_log_in();
        if refuses {
            self.tagged(tag, "NO [PRIVACYREQUIRED] Use TLS: port 993, or STARTTLS first");
        }
        refuses
    }

    fn logged_in(
        &mut self,
        tag: &str,
        authenticated: Authenticated,
        changes: broadcast::Receiver<AccountId>,
    ) {
        let Authenticated { account, app_password } = authenticated;
        let max = self.settings.connections_per_account_max;
        let Some(place) = self.server.enter(account.id, self.peer_ip(), max) else {
            return self.tagged(tag, "NO [LIMIT] Too many connections of this account from there");
        };
        tracing::Span::current().record("account", tracing::field::display(account.id));
        tracing::info!(target: "mail", account = %account.id, peer = %self.peer, "login");
        let directory = self.server.mail.directory();
        let peer = self.peer_ip();
        let listed = directory.list_connection(account.id, Service::Imap, peer, app_password);
        self.user = Some(User { account, changes, _place: place, _listed: listed });
        self.session.login();
        let text = format!("OK [CAPABILITY {}] Logged in", self.capabilities());
        self.tagged(tag, &text);
    }

    fn login_failed(&mut self, tag: &str, error: &AuthError) {
        metrics::counter!("facteur_imap_logins_failed_total").increment(1);
        let change_first;
        let text = match error {
            // Only the webmail hears of a second factor.
            AuthError::Refused | AuthError::NeedsSecondFactor(_) => {
                "NO [AUTHENTICATIONFAILED] Authentication failed"
            }
            AuthError::MustChangePassword(_) => {
                // Mail programs show the text as it is, in whatever language they are.
                change_first = format!(
                    "NO [CONTACTADMIN] Choisissez d'abord votre mot de passe sur le webmail / \
                     Choose your password on the webmail first: {}",
                    self.server.mail.settings().webmail_url
                );
                &change_first
            }
            AuthError::TooMany => "NO [LIMIT] Too many attempts; wait and try again",
            // The directory's log says why.
            AuthError::TryAgain(_) => "NO [UNAVAILABLE] Try again later",
        };
        self.tagged(tag, text);
    }
}

/// RFC 4616: `[authzid] NUL authcid NUL passwd`; acting as somebody else is refused.
fn plain(text: &str) -> Option<(String, Secret<String>)> {
    let mut pieces = text.split('\0');
    let (authzid, user, password) = (pieces.next()?, pieces.next()?, pieces.next()?);
    let alone = pieces.next().is_none() && (authzid.is_empty() || authzid == user);
    (alone && !user.is_empty()).then(|| (user.to_owned(), Secret::from(password)))
}

/// Strict base64 of UTF-8 (RFC 4648 §4); `None` for anything else.
fn decode_base64(text: &str) -> Option<Secret<String>> {
    if !text.len().is_multiple_of(4) || text.len() > RESPONSE_BYTES_MAX * 4 / 3 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for (index, group) in text.as_bytes().chunks(4).enumerate() {
        let is_last = (index + 1) * 4 == text.len();
        let padding = group.iter().rev().take_while(|&&byte| byte == b'=').count();
        if padding > 2 || (padding > 0 && !is_last) {
            return None;
        }
        let mut bits = 0u32;
        for &byte in &group[..4 - padding] {
            bits = bits << 6 | u32::from(digit(byte)?);
        }
        bits <<= 6 * padding;
        let decoded = bits.to_be_bytes();
        if decoded[4 - padding..].iter().any(|&rest| rest != 0) {
            return None;
        }
        bytes.extend_from_slice(&decoded[1..4 - padding]);
    }
    String::from_utf8(bytes).ok().map(Secret::new)
}

fn digit(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_strict() {
        let decode = |text| decode_base64(text).map(|secret| secret.expose().clone());
        assert_eq!(decode("AG1hcmllAHB3").as_deref(), Some("\0marie\0pw"));
        assert_eq!(decode("YQ==").as_deref(), Some("a"));
        assert_eq!(decode("").as_deref(), Some(""));
        for wrong in ["YQ", "YQ=", "Y===", "YR==", "YQ==YQ==", "Y Q=", "/w==", "é==="] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn plain_acts_for_nobody_else() {
        assert!(plain("\0marie\0pw").is_some());
        assert!(plain("marie\0marie\0pw").is_some());
        for wrong in ["other\0marie\0pw", "\0\0pw", "marie\0pw", "\0a\0b\0c", ""] {
            assert!(plain(wrong).is_none(), "{wrong:?}");
        }
    }
}
