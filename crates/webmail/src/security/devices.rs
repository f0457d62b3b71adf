//! What is open now and what was used lately, in words that people recognise.

use std::time::Instant;

use directory::{RecentLogin, Service};

use crate::account::Signed;
use crate::locale::Locale;
use crate::session::Limits;

/// Logins that are shown.
const LOGINS_MAX: usize = 15;

/// A session of the webmail.
pub(crate) struct SessionShown {
    /// Names it in forms.
    pub(crate) label: String,
    pub(crate) browser: String,
    pub(crate) peer: String,
    pub(crate) since: String,
    pub(crate) is_current: bool,
}

/// A connection of a mail program.
pub(crate) struct ConnectionShown {
    pub(crate) program: String,
    pub(crate) peer: String,
    pub(crate) since: String,
}

/// A way in that was lately used.
pub(crate) struct LoginShown {
    pub(crate) how: String,
    pub(crate) peer: String,
    pub(crate) at: String,
}

/// Open sessions, this one first.
pub(crate) fn sessions(signed: &Signed) -> Vec<SessionShown> {
    let webmail = &signed.visit.webmail;
    let limits = Limits::from(&*webmail.settings());
    let calendar = signed.calendar();
    let open = webmail.sessions.of(&signed.account, &limits, Instant::now());
    let shown = open.into_iter().map(|(session, _)| SessionShown {
        label: session.label(),
        browser: browser(signed.locale(), &session.browser.user_agent),
        peer: session.browser.peer.to_string(),
        since: calendar.short(session.browser.since),
        is_current: session.key == signed.session.key,
    });
    let mut shown: Vec<_> = shown.collect();
    shown.sort_by_key(|session| !session.is_current);
    shown
}

/// Open connections of mail programs.
pub(crate) fn connections(signed: &Signed, names: &[(u32, String)]) -> Vec<ConnectionShown> {
    let calendar = signed.calendar();
    let open = signed.service().directory().connections(signed.owner()).into_iter();
    open.map(|one| ConnectionShown {
        program: program(signed.locale(), one.app_password, names),
        peer: one.peer.to_string(),
        since: calendar.short(one.since),
    })
    .collect()
}

/// What was lately used.
pub(crate) fn logins(
    signed: &Signed,
    recent: Vec<RecentLogin>,
    names: &[(u32, String)],
) -> Vec<LoginShown> {
    let (locale, calendar) = (signed.locale(), signed.calendar());
    let shown = recent.into_iter().take(LOGINS_MAX).map(|one| LoginShown {
        how: match one.service {
            Service::Webmail => locale.text("login-by-webmail"),
            Service::Imap => {
                locale.with("login-by-imap", "program", program(locale, one.app_password, names))
            }
            Service::Submission => locale.with(
                "login-by-submission",
                "program",
                program(locale, one.app_password, names),
            ),
        },
        peer: one.peer.to_string(),
        at: calendar.short(one.at),
    });
    shown.collect()
}

/// The device's name, or with what it logged in instead.
fn program(locale: &Locale, app_password: Option<u32>, names: &[(u32, String)]) -> String {
    let Some(number) = app_password else { return locale.text("device-own-password") };
    let name = names.iter().find(|(known, _)| *known == number).map(|(_, name)| name.clone());
    name.unwrap_or_else(|| locale.text("device-revoked"))
}

/// `Firefox, Windows`: what people know of their browser.
fn browser(locale: &Locale, user_agent: &str) -> String {
    let find = |known: &[(&str, &'static str)]| {
        known.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
    };
    // The order matters: each calls itself by the names of those before it.
    let program = find(&[
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = find(&[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("CrOS", "ChromeOS"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (program, system) {
        (Some(program), Some(system)) => format!("{program}, {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => locale.text("browser-unknown"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locale::Locales;

    #[test]
    fn a_browser_is_called_what_people_call_it() {
        let locales = Locales::load();
        for (agent, wanted) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0",
                "Firefox, Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 \
                 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
                "Safari, iPhone",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0",
                "Edge, Windows",
            ),
            ("Lynx/2.9", "navigateur inconnu"),
        ] {
            assert_eq!(browser(locales.default(), agent), wanted, "{agent}");
        }
    }
}
