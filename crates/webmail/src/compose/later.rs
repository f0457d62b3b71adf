//! "Send later": the times that are offered, and the one that was chosen.

use jiff::{SignedDuration, Timestamp};

use super::form::Typed;
use super::{Mistake, mistake};
use crate::account::Signed;

/// The hour of the times that are offered.
const MORNING: i8 = 8;

/// What the form offers.
pub(crate) struct Later {
    pub(crate) choices: Vec<Choice>,
    /// The time zone in which times are meant.
    pub(crate) zone: String,
}

/// A time that needs no typing.
pub(crate) struct Choice {
    /// As the form spells it.
    pub(crate) value: String,
    pub(crate) label: String,
    /// The day.
    pub(crate) date: String,
}

impl Later {
    /// What is offered now; `None` when nothing can be scheduled.
    pub(crate) fn offer(signed: &Signed) -> Option<Self> {
        let until = limit(signed)?;
        let calendar = signed.calendar();
        let monday = calendar.days_to_monday();
        let mut days = vec![(1, "compose-later-tomorrow"), (monday, "compose-later-monday")];
        days.dedup_by_key(|(days, _)| *days);
        let choices = days.into_iter().filter_map(|(days, name)| {
            let at = calendar.at_hour(days, MORNING).filter(|at| *at <= until)?;
            let date = calendar.short(at.as_second());
            Some(Choice { value: calendar.field(at), label: signed.locale().text(name), date })
        });
        let zone = signed.service().settings().time_zone.clone();
        Some(Self { choices: choices.collect(), zone })
    }
}

/// The latest time, which is that of FUTURERELEASE (RFC 4865 §4).
fn limit(signed: &Signed) -> Option<Timestamp> {
    let seconds = signed.visit.webmail.settings().schedule_seconds_max;
    let seconds = i64::try_from(seconds).ok().filter(|seconds| *seconds > 0)?;
    signed.service().now().checked_add(SignedDuration::from_secs(seconds)).ok()
}

/// When the message is to leave, if the button that was pressed says that it is to leave later.
pub(crate) fn chosen(signed: &Signed, typed: &Typed) -> Option<Result<Timestamp, Mistake>> {
    let chosen = typed.get("action").strip_prefix("programmer")?;
    let text = chosen.strip_prefix('-').unwrap_or_else(|| typed.get("quand"));
    Some(read(signed, text).map_err(|text| mistake("quand", text)))
}

fn read(signed: &Signed, text: &str) -> Result<Timestamp, String> {
    let locale = signed.locale();
    let calendar = signed.calendar();
    let until = limit(signed).ok_or_else(|| locale.text("error-bad-request"))?;
    let at = calendar.parse_field(text).ok_or_else(|| locale.text("compose-later-missing"))?;
    let shown = |at: Timestamp| calendar.long(at.as_second());
    if at <= signed.service().now() {
        return Err(locale.with("compose-later-past", "date", shown(at)));
    }
    if at > until {
        return Err(locale.with("compose-later-far", "date", shown(until)));
    }
    Ok(at)
}
