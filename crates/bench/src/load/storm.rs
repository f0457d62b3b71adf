//! A storm of wrong passwords from many addresses, and people with right ones who log in meanwhile.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::{Clock, Users, join};
use crate::error::Error;
use crate::http::{Http, form_value, token};
use crate::imap::{Completion, Imap};
use crate::report::{Better, Report};
use crate::smtp::{Protocol, Smtp};
use crate::wire::Target;

/// How hard, and for how long.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) seconds: u32,
    /// Wrong passwords that are offered, whatever becomes of them.
    pub(crate) wrong_per_minute: u32,
    /// From so many addresses.
    pub(crate) addresses: u8,
    /// Logins of people with right passwords: every other one of somebody who has logged in from
    /// there before, the others for the first time.
    pub(crate) right_per_second: u32,
}

/// Where passwords are asked for.
#[derive(Clone)]
pub(crate) struct Doors {
    pub(crate) imap: Target,
    pub(crate) submission: Target,
    pub(crate) http: Target,
}

/// What became of a wrong password.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// It was compared.
    Hashed,
    /// A limit came before.
    HeldUp,
    /// The line of those who wait for a hash was full, or the wait too long.
    SentAway,
    /// Not even a connection, or no answer that says what happened.
    Else,
}

/// A right login.
struct Right {
    was_here: bool,
    took: Duration,
    entered: bool,
}

/// People who were here before the storm.
const HERE_BEFORE: usize = 100;
/// Logins that wrong passwords are tried with; every other one is nobody's.
const GUESSED: usize = 1000;

/// Lets the storm blow, and waits until all have their answer.
pub(crate) async fn run(doors: &Doors, users: &Users, options: &Options) -> Result<Report, Error> {
    for number in 0..HERE_BEFORE {
        let imap = doors.imap.reached_from(home(number, true));
        Imap::login(&imap, &users.name(number), &users.password).await?.logout().await?;
    }
    let clock = Clock::start();
    let storm = tokio::spawn(blow(doors.clone(), users.clone(), options.clone()));
    let right = log_in(doors, users, options).await?;
    let stopped = storm.await.map_err(|error| Error::NotPossible(format!("the storm: {error}")))?;
    let (wrong, took) = stopped?;
    let mut report = Report::of(wrong.len() + right.len(), "login");
    let entered = right.iter().filter(|one| one.entered);
    report.latency("right passwords", entered.clone().map(|one| one.took).collect());
    for (was_here, name) in [(true, "of people who were there before"), (false, "of newcomers")] {
        let those = entered.clone().filter(|one| one.was_here == was_here);
        report.latency(name, those.map(|one| one.took).collect());
    }
    let refused = right.iter().filter(|one| !one.entered).count();
    report.add("right passwords refused", refused as f64, "", Better::Lower);
    let per_minute = wrong.len() as f64 / took.as_secs_f64() * 60.0;
    report.add("wrong passwords a minute", per_minute, "", Better::Neither);
    for (what, name) in [
        (Wrong::Hashed, "of them compared"),
        (Wrong::HeldUp, "refused by limits"),
        (Wrong::SentAway, "told to try again later"),
        (Wrong::Else, "without an answer"),
    ] {
        let count = wrong.iter().filter(|one| **one == what).count();
        report.add(name, count as f64 * 100.0 / wrong.len().max(1) as f64, "%", Better::Neither);
    }
    clock.add_own_cpu(&mut report);
    Ok(report)
}

/// An address of somebody's own.
fn home(number: usize, was_here: bool) -> Ipv4Addr {
    let part = |number: usize| u8::try_from(number % 250 + 1).unwrap_or(1);
    Ipv4Addr::new(127, if was_here { 20 } else { 21 }, part(number / 250), part(number))
}

/// Offers wrong passwords at a steady rate, answered or not.
async fn blow(
    doors: Doors,
    users: Users,
    options: Options,
) -> Result<(Vec<Wrong>, Duration), Error> {
    let total = options.wrong_per_minute as usize * options.seconds as usize / 60;
    let mut pace = interval(Duration::from_secs(60) / options.wrong_per_minute.max(1));
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (doors, started) = (Arc::new(doors), Instant::now());
    let mut tries = JoinSet::new();
    for number in 0..total {
        pace.tick().await;
        let host = u8::try_from(number % usize::from(options.addresses.max(1)) + 1).unwrap_or(1);
        let from = Ipv4Addr::new(127, 0, 1, host);
        let login = match number % 2 {
            0 => users.name(number / 2 % GUESSED),
            _ => users.name(number % GUESSED).replace("agent", "nobody"),
        };
        let doors = Arc::clone(&doors);
        tries.spawn(async move {
            let tried = match number % 10 {
                7 => wrong_on_web(&doors.http.reached_from(from), &login).await,
                8 => wrong_on_submission(&doors.submission.reached_from(from), &login).await,
                _ => wrong_on_imap(&doors.imap.reached_from(from), &login).await,
            };
            Ok(tried.unwrap_or(Wrong::Else))
        });
    }
    let took = started.elapsed();
    Ok((join(tries).await?, took))
}

const WRONG: &str = "motdepasse2024";

async fn wrong_on_imap(target: &Target, login: &str) -> Result<Wrong, Error> {
    let mut imap = Imap::connect(target).await?;
    let answer = imap.run(&format!("LOGIN {login} {WRONG}"), |_| {}).await?;
    Ok(match (answer.completion, &answer.text) {
        (Completion::No, text) if text.contains("AUTHENTICATIONFAILED") => Wrong::Hashed,
        (Completion::No, text) if text.contains("LIMIT") => Wrong::HeldUp,
        (Completion::No, text) if text.contains("UNAVAILABLE") => Wrong::SentAway,
        _ => Wrong::Else,
    })
}

/// RFC 4954 §6: 535 for wrong credentials. Limits and a full line are both a temporary failure.
async fn wrong_on_submission(target: &Target, login: &str) -> Result<Wrong, Error> {
    let mut smtp = Smtp::connect(target, Protocol::Smtp).await?;
    Ok(match smtp.auth_plain(login, WRONG).await {
        Err(Error::Refused { reply, .. }) if reply.starts_with("535") => Wrong::Hashed,
        Err(Error::Refused { reply, .. }) if reply.starts_with('4') => Wrong::SentAway,
        _ => Wrong::Else,
    })
}

/// The page says the same to a wrong password and to one too many.
async fn wrong_on_web(target: &Target, login: &str) -> Result<Wrong, Error> {
    let mut http = Http::connect(target).await?;
    let token = token(&http.get("/").await?)?;
    let login = form_value(login);
    let form = format!("jeton={token}&identifiant={login}&mot-de-passe={WRONG}");
    Ok(match http.post("/connexion", &form).await?.status {
        401 => Wrong::Hashed,
        503 => Wrong::SentAway,
        _ => Wrong::Else,
    })
}

/// People who log in one after the other, at a steady rate.
async fn log_in(doors: &Doors, users: &Users, options: &Options) -> Result<Vec<Right>, Error> {
    let total = options.right_per_second as usize * options.seconds as usize;
    let mut pace = interval(Duration::from_secs(1) / options.right_per_second.max(1));
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut logins = JoinSet::new();
    for number in 0..total {
        pace.tick().await;
        let was_here = number % 2 == 0;
        // Nobody is a newcomer twice.
        let person = if was_here { number / 2 % HERE_BEFORE } else { HERE_BEFORE + number / 2 };
        let target =
            doors.imap.reached_from(home(if was_here { person } else { number }, was_here));
        let (user, password) = (users.name(person), users.password.clone());
        logins.spawn(async move {
            let started = Instant::now();
            let session = Imap::login(&target, &user, &password).await;
            let (took, entered) = (started.elapsed(), session.is_ok());
            if let Ok(session) = session {
                session.logout().await?;
            }
            Ok(Right { was_here, took, entered })
        });
    }
    join(logins).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_an_address_of_their_own_and_none_is_a_guessers() {
        let mut homes: Vec<_> = (0..HERE_BEFORE).map(|number| home(number, true)).collect();
        homes.extend((1..1200).step_by(2).map(|number| home(number, false)));
        assert!(homes.iter().all(|home| home.octets()[..3] != [127, 0, 1]));
        let count = homes.len();
        homes.sort_unstable();
        homes.dedup();
        assert_eq!(homes.len(), count);
    }
}
