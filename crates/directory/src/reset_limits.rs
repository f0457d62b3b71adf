//! How many requests for a new password are looked at. Counted before any work and kept over
//! restarts, by what was typed and from where, whether or not there is such an account: a limit
//! that is reached tells nobody who exists.

use std::net::IpAddr;

use mail_store::tables::directory::ROSTER;
use mail_store::tables::security::{ResetCounter, ResetCounterRow};
use mail_types::Network;

use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::rows::{Change, REBUILDS_MAX};
use crate::vault::Use;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// Nothing older counts.
const WEEK: i64 = 7 * DAY;
/// Counters that one commit lets go.
const PRUNED_PER_COMMIT_MAX: usize = 1000;

/// So many within so many seconds.
type Limit = (usize, i64);

const PER_ID: [Limit; 2] = [(3, DAY), (5, WEEK)];
const PER_ADDRESS: [Limit; 1] = [(10, HOUR)];
/// A school full of people behind one address.
const PER_SHARED_ADDRESS: [Limit; 1] = [(60, HOUR)];
/// A /24 of IPv4, a /48 of IPv6.
const PER_NETWORK: [Limit; 1] = [(60, HOUR)];
const ALL: [Limit; 1] = [(500, HOUR)];

impl Directory {
    /// Counts a request; `false` when one of the limits is reached, and then nothing is counted
    /// or written.
    pub(crate) async fn charge_reset(
        &self,
        academic_id: &str,
        peer: Option<IpAddr>,
    ) -> Result<bool, DirectoryError> {
        let counted = self.counted(academic_id, peer);
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        for _ in 0..REBUILDS_MAX {
            let now = self.now().as_second();
            let mut change = Change::of(ROSTER).expect(inner.rows.version(ROSTER).await?);
            for (key, limits) in &counted {
                let row = inner.rows.get::<ResetCounter>(ROSTER, key).await?.unwrap_or_default();
                let Some(row) = charged(row, limits, now) else { return Ok(false) };
                change.put::<ResetCounter>(key, &row);
            }
            if inner.rows.commit(change).await? {
                return Ok(true);
            }
        }
        Err(DirectoryError::Busy { what: "counting requests" })
    }

    /// What a request counts against.
    fn counted(&self, academic_id: &str, peer: Option<IpAddr>) -> Vec<(Vec<u8>, &'static [Limit])> {
        let key = |kind: &[u8], value: &[u8]| {
            self.inner.vault.hash(Use::Counter, &[kind, value]).hash[..16].to_vec()
        };
        let mut counted =
            vec![(key(b"all", b""), &ALL[..]), (key(b"id", academic_id.as_bytes()), &PER_ID[..])];
        if let Some(peer) = peer {
            let (address_bits, network_bits) = if peer.is_ipv4() { (32, 24) } else { (64, 48) };
            let around = |bits| Network::around(peer, bits).first().to_string();
            let limits = self.inner.limits.settings();
            let is_shared = limits.shared_networks.iter().any(|network| network.contains(peer));
            let per_address = if is_shared { &PER_SHARED_ADDRESS[..] } else { &PER_ADDRESS[..] };
            counted.push((key(b"address", around(address_bits).as_bytes()), per_address));
            if !is_shared {
                counted.push((key(b"network", around(network_bits).as_bytes()), &PER_NETWORK[..]));
            }
        }
        counted
    }

    /// Lets go of counters in which nothing counts any more. Returns how many.
    pub async fn prune_reset_counters(&self) -> Result<u64, DirectoryError> {
        let inner = &self.inner;
        let mut from = None;
        let mut pruned = 0;
        loop {
            let page = {
                let _changing = inner.changing.lock().await;
                let mut change = Change::of(ROSTER).expect(inner.rows.version(ROSTER).await?);
                let page = inner
                    .rows
                    .scan::<ResetCounter>(ROSTER, from.as_ref(), PRUNED_PER_COMMIT_MAX)
                    .await?;
                let until = self.now().as_second() - WEEK;
                for (key, row) in &page.rows {
                    if row.at.last().is_none_or(|last| *last < until) {
                        change.delete::<ResetCounter>(key);
                        pruned += 1;
                    }
                }
                // A conflict leaves them for the next round.
                inner.rows.commit(change).await?;
                page
            };
            from = page.next;
            if from.is_none() {
                return Ok(pruned);
            }
        }
    }
}

/// The counter with one more in it, when every limit allows that.
fn charged(row: ResetCounterRow, limits: &[Limit], now: i64) -> Option<ResetCounterRow> {
    // What lies ahead was written under a clock that has been set back since: counted, it would
    // lock people out until then.
    let window = limits.iter().map(|(_, seconds)| *seconds).max().unwrap_or(WEEK);
    let mut at: Vec<i64> =
        row.at.into_iter().filter(|at| *at - now < HOUR && now - at < window).collect();
    let within = |seconds: i64| at.iter().filter(|at| now - **at < seconds).count();
    if limits.iter().any(|(max, seconds)| within(*seconds) >= *max) {
        return None;
    }
    at.push(now);
    Some(ResetCounterRow { at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_window_counts_by_itself_and_clocks_that_jump_lock_nobody_out() {
        let mut row = ResetCounterRow::default();
        for _ in 0..3 {
            row = charged(row, &PER_ID, 1000).unwrap();
        }
        assert!(charged(row.clone(), &PER_ID, 1000 + DAY - 1).is_none(), "three a day");
        for _ in 0..2 {
            row = charged(row, &PER_ID, 1000 + DAY).unwrap();
        }
        assert!(charged(row.clone(), &PER_ID, 1000 + 3 * DAY).is_none(), "five a week");
        assert!(charged(row.clone(), &PER_ID, 1000 + WEEK).is_some());
        assert!(charged(row.clone(), &PER_ID, 1000 + DAY - 60).is_none(), "a clock put right");
        let back = 1000 - 365 * DAY;
        assert_eq!(charged(row, &PER_ID, back).unwrap().at, [back], "set back by a year");
    }
}
