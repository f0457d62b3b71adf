//! What the audit log tells of a month of lost passwords: how many were replaced and how, how long
//! people waited, and from where was asked most.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::Serialize;

use crate::audit_record::{Act, AuditRecord, Factor, ResetMode};
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::person::Day;

/// Addresses that a report names.
const ADDRESSES_MAX: usize = 10;
const DAY_SECONDS: i64 = 24 * 3600;

/// A month in UTC, such as `2026-11`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Month {
    first: Day,
    next: Day,
}

impl FromStr for Month {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || format!("{text:?} is not a month: write 2026-11");
        let first: Day = format!("{text}-01").parse().map_err(|_| refuse())?;
        // Every month is over 32 days after its first.
        let later = Day::numbered(first.number() + 32).to_string();
        let next = later.get(..8).map(|month| format!("{month}01"));
        let next = next.and_then(|day| day.parse().ok()).ok_or_else(refuse)?;
        Ok(Self { first, next })
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.first.to_string().get(..7).unwrap_or_default())
    }
}

impl Month {
    fn begins(self) -> i64 {
        i64::from(self.first.number()) * DAY_SECONDS
    }

    fn ends(self) -> i64 {
        i64::from(self.next.number()) * DAY_SECONDS
    }
}

/// How many, by what the reset rested on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ByMode {
    /// A code to a recovery address.
    pub code: u64,
    /// Approval by an IT officer.
    pub approval: u64,
    /// Identity alone.
    pub identity: u64,
}

impl ByMode {
    fn count(&mut self, mode: Option<ResetMode>) {
        match mode {
            Some(ResetMode::Code) => self.code += 1,
            Some(ResetMode::Approval) => self.approval += 1,
            Some(ResetMode::Identity) => self.identity += 1,
            None => {}
        }
    }
}

/// How long people waited from their request to the officer's code, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Waits {
    /// How many got a code.
    pub count: u64,
    /// Half of them waited no longer.
    pub median: i64,
    /// Nine of ten waited no longer.
    pub ninety_percent: i64,
    /// Nobody waited longer.
    pub longest: i64,
}

/// A month of lost passwords.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ResetReport {
    /// Forms that were filled in and looked at.
    pub asked: u64,
    /// Of these, forms that fitted nobody: unknown, another name, suspended.
    pub fitted_nobody: u64,
    /// What followed for those that did.
    pub followed: ByMode,
    /// Passwords that were replaced.
    pub done: ByMode,
    /// Codes that were wrong, and tries without one that were too early.
    pub wrong_codes: u64,
    /// Birth dates that did not fit.
    pub wrong_birth_dates: u64,
    /// Requests that an officer refused.
    pub refused: u64,
    /// Resets by identity alone that a login or the notice's link stopped.
    pub stopped: u64,
    /// Times that resets by identity alone were closed everywhere.
    pub closed_everywhere: u64,
    /// From the request to the officer's code.
    pub waits: Waits,
    /// Where forms came from most, and how many.
    pub addresses: Vec<(IpAddr, u64)>,
}

/// What is gathered while the log is read.
#[derive(Default)]
struct Gathering {
    report: ResetReport,
    /// Who waits, and since when.
    waiting: HashMap<u64, i64>,
    waits: Vec<i64>,
    addresses: HashMap<IpAddr, u64>,
}

impl Directory {
    /// Reads a month of lost passwords out of the audit log, which reaches a year back.
    pub async fn reset_report(&self, month: Month) -> Result<ResetReport, DirectoryError> {
        let mut gathering = Gathering::default();
        self.audit_lines(|record| {
            gathering.see(record, month);
            true
        })
        .await?;
        Ok(gathering.finish())
    }
}

impl Gathering {
    /// An account's lines come in their order: they lie in one slice.
    fn see(&mut self, record: &AuditRecord, month: Month) {
        let is_in = (month.begins()..month.ends()).contains(&record.at);
        self.follow(record, is_in);
        if !is_in {
            return;
        }
        let report = &mut self.report;
        let is_wrong = |wanted| record.factors.contains(&(wanted, false));
        match record.act {
            Act::ResetAsked => {
                report.asked += 1;
                report.fitted_nobody += u64::from(record.mode.is_none());
                report.followed.count(record.mode);
                report.wrong_birth_dates +=
                    u64::from(record.mode.is_some() && is_wrong(Factor::BirthDate));
                if let Some(peer) = record.peer {
                    *self.addresses.entry(peer).or_default() += 1;
                }
            }
            Act::ResetCodeTried => {
                report.wrong_codes += u64::from(record.factors.iter().any(|(_, right)| !right));
            }
            Act::ResetDone => report.done.count(record.mode),
            Act::ResetRefused => report.refused += 1,
            Act::ResetStopped => report.stopped += 1,
            Act::IdentityClosed => report.closed_everywhere += 1,
            _ => {}
        }
    }

    /// A request may be of the month before the code that answers it.
    fn follow(&mut self, record: &AuditRecord, is_in: bool) {
        let Some(account) = record.account else { return };
        match record.act {
            Act::ResetAsked if record.mode == Some(ResetMode::Approval) => {
                self.waiting.entry(account).or_insert(record.at);
            }
            Act::ActivationIssued => {
                if let Some(since) = self.waiting.remove(&account).filter(|_| is_in) {
                    self.waits.push((record.at - since).max(0));
                }
            }
            Act::ResetRefused | Act::ResetDone => {
                self.waiting.remove(&account);
            }
            _ => {}
        }
    }

    fn finish(mut self) -> ResetReport {
        self.waits.sort_unstable();
        let up_to = |percent: usize| {
            let place = (self.waits.len() * percent).div_ceil(100).saturating_sub(1);
            self.waits.get(place).copied().unwrap_or_default()
        };
        self.report.waits = Waits {
            count: self.waits.len() as u64,
            median: up_to(50),
            ninety_percent: up_to(90),
            longest: up_to(100),
        };
        let mut addresses: Vec<_> = self.addresses.into_iter().collect();
        addresses.sort_by_key(|(peer, count)| (std::cmp::Reverse(*count), *peer));
        addresses.truncate(ADDRESSES_MAX);
        self.report.addresses = addresses;
        self.report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_ends_where_the_next_one_begins() {
        for (text, days) in [("2026-11", 30), ("2026-12", 31), ("2028-02", 29), ("2027-02", 28)] {
            let month: Month = text.parse().unwrap();
            assert_eq!((month.ends() - month.begins()) / DAY_SECONDS, days, "{text}");
            assert_eq!(month.to_string(), text);
        }
        for text in ["", "2026", "2026-13", "11/2026", "2026-11-01"] {
            assert!(text.parse::<Month>().is_err(), "{text:?}");
        }
    }
}
