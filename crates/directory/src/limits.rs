//! Limits on failed logins, counted before any work is done for them.
//!
//! Each counter is a GCRA cell: one number, the time at which the counter would be empty again.
//! A try is charged first and taken back when it turns out right, which the usual limiters cannot
//! do; and the counters are kept in caches that drop the longest unused, so that memory has a
//! bound whatever addresses and logins strangers make up.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use mail_types::{AccountId, Network};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use tokio::time::Instant;

use crate::line::Standing;
use crate::settings::{LimitSettings, Rate};

/// An IPv6 site chooses freely among the addresses of its /64.
const IPV6_PREFIX_BITS: u8 = 64;
/// A counter unused for so long is full again under any sensible rate.
const COUNTER_IDLE: Duration = Duration::from_secs(24 * 3600);
/// How long an address from which an account logged in is remembered.
const KNOWN_FOR: Duration = Duration::from_secs(24 * 3600);

/// Where a try comes from, as far as limits tell addresses apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin(IpAddr);

impl Origin {
    pub(crate) fn of(peer: IpAddr) -> Self {
        match peer.to_canonical() {
            v4 @ IpAddr::V4(_) => Self(v4),
            v6 @ IpAddr::V6(_) => Self(Network::around(v6, IPV6_PREFIX_BITS).first()),
        }
    }
}

/// The login as it was typed, reduced to a fixed size under a key that dies with the process.
pub(crate) type LoginKey = [u8; 16];

/// An account as its credentials were when somebody logged in.
pub(crate) type Known = (AccountId, u64);

/// The counters.
pub(crate) struct Limits {
    /// Replaced by a reload.
    settings: ArcSwap<LimitSettings>,
    start: Instant,
    by_login_and_origin: Counters<(LoginKey, Origin)>,
    by_login: Counters<LoginKey>,
    by_origin: Counters<Origin>,
    known: Cache<(Known, Origin), ()>,
}

type Counters<K> = Cache<K, Arc<AtomicU64>>;

/// A try that has been counted. Dropping it leaves it counted, also when the peer hangs up.
#[must_use]
pub(crate) struct Charge {
    paid: Vec<(Arc<AtomicU64>, u64)>,
    standing: Standing,
}

impl Charge {
    /// Where the try stands in the line for a hash.
    pub(crate) fn standing(&self) -> Standing {
        self.standing
    }

    /// Takes the try back: it was right, or nobody looked at it.
    pub(crate) fn refund(self) {
        for (counter, cost) in &self.paid {
            let back = |empty_at: u64| Some(empty_at.saturating_sub(*cost));
            let _ = counter.fetch_update(Ordering::AcqRel, Ordering::Acquire, back);
        }
    }
}

impl Limits {
    pub(crate) fn new(settings: LimitSettings) -> Self {
        let max = settings.counters_max;
        Self {
            start: Instant::now(),
            by_login_and_origin: counters(max),
            by_login: counters(max),
            by_origin: counters(max),
            known: Cache::builder()
                .max_capacity(max)
                .time_to_idle(KNOWN_FOR)
                .eviction_policy(EvictionPolicy::lru())
                .build(),
            settings: ArcSwap::from_pointee(settings),
        }
    }

    /// The limits as they are now.
    pub(crate) fn settings(&self) -> Arc<LimitSettings> {
        self.settings.load_full()
    }

    /// Uses other limits; what was counted stays.
    pub(crate) fn reload(&self, settings: LimitSettings) {
        self.settings.store(Arc::new(settings));
    }

    /// Counts a try; `None` when it is one too many, and then it is not counted.
    ///
    /// `account` is whom the login names, if anybody. An address from which they lately logged in
    /// is held only to the limit for the two together, so that nobody elsewhere locks them out, and
    /// goes before strangers. Those go in the order of what is held against their address: that
    /// tells nobody anything about the account.
    pub(crate) fn charge(
        &self,
        login: LoginKey,
        account: Option<Known>,
        origin: Origin,
    ) -> Option<Charge> {
        let settings = self.settings();
        let within = |networks: &[Network]| networks.iter().any(|net| net.contains(origin.0));
        let standing = Standing::stranger(1, origin, login);
        let mut charge = Charge { paid: Vec::new(), standing };
        if within(&settings.exempt_networks) {
            return Some(charge);
        }
        let now = self.now();
        let rate = settings.per_login_and_address;
        let pair = cell(&self.by_login_and_origin, (login, origin));
        let mut passed = charge.pay(pair, rate, now).is_some();
        if account.is_some_and(|account| self.known.contains_key(&(account, origin))) {
            charge.standing = Standing::KNOWN;
        } else if passed {
            let (mut rate, mut people) = (settings.per_address, 1);
            if within(&settings.shared_networks) {
                people = settings.shared_networks_factor;
                rate = times(rate, people);
            }
            let held = charge.pay(cell(&self.by_origin, origin), rate, now);
            let held_each = held.unwrap_or(0) / u64::from(people.max(1));
            charge.standing = Standing::stranger(held_each, origin, login);
            passed = held.is_some()
                && charge.pay(cell(&self.by_login, login), settings.per_login, now).is_some();
        }
        if passed {
            return Some(charge);
        }
        charge.refund();
        None
    }

    /// Remembers that this account logged in from there.
    pub(crate) fn remember(&self, account: Known, origin: Origin) {
        self.known.insert((account, origin), ());
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

impl Charge {
    /// GCRA: a try moves the time at which the counter is empty by its cost, unless that would
    /// then lie further ahead than a full burst. The tries in it, this one included.
    fn pay(&mut self, counter: Arc<AtomicU64>, rate: Rate, now: u64) -> Option<u64> {
        let cost = 3_600_000_000 / u64::from(rate.per_hour.max(1));
        let full = cost.saturating_mul(u64::from(rate.burst.max(1)));
        let after = |empty_at: u64| empty_at.max(now).saturating_add(cost);
        let paid = counter.fetch_update(Ordering::AcqRel, Ordering::Acquire, |empty_at| {
            let after = after(empty_at);
            (after - now <= full).then_some(after)
        });
        let before = paid.ok()?;
        self.paid.push((counter, cost));
        Some((after(before) - now).div_ceil(cost.max(1)))
    }
}

fn counters<K: std::hash::Hash + Eq + Send + Sync + 'static>(max: u64) -> Counters<K> {
    // Not the default policy: that one may refuse to keep a new key, and a counter that is not
    // kept limits nobody.
    Cache::builder()
        .max_capacity(max)
        .time_to_idle(COUNTER_IDLE)
        .eviction_policy(EvictionPolicy::lru())
        .build()
}

fn cell<K>(counters: &Counters<K>, key: K) -> Arc<AtomicU64>
where
    K: std::hash::Hash + Eq + Send + Sync + 'static,
{
    counters.get_with(key, Arc::default)
}

fn times(rate: Rate, factor: u32) -> Rate {
    let factor = factor.max(1);
    Rate {
        burst: rate.burst.saturating_mul(factor),
        per_hour: rate.per_hour.saturating_mul(factor),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGIN: LoginKey = [1; 16];
    const MARIE: Known = (AccountId(1), 1);

    fn limits() -> Limits {
        Limits::new(LimitSettings {
            per_login_and_address: Rate { burst: 3, per_hour: 60 },
            per_login: Rate { burst: 6, per_hour: 60 },
            per_address: Rate { burst: 5, per_hour: 60 },
            shared_networks: vec!["10.0.0.0/8".parse().unwrap()],
            shared_networks_factor: 2,
            exempt_networks: vec!["192.0.2.0/24".parse().unwrap()],
            counters_max: 1000,
        })
    }

    fn origin(text: &str) -> Origin {
        Origin::of(text.parse().unwrap())
    }

    /// Failed tries that are let through before one is refused, at most 100.
    fn failures(limits: &Limits, mut login: impl FnMut(u8) -> LoginKey, from: &str) -> usize {
        (0..100).take_while(|n| limits.charge(login(*n), None, origin(from)).is_some()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn each_limit_stops_what_it_is_for() {
        let limits = limits();
        assert_eq!(failures(&limits, |_| LOGIN, "198.51.100.1"), 3, "one login from one address");
        assert_eq!(failures(&limits, |n| [n; 16], "198.51.100.2"), 5, "one address");
        assert_eq!(failures(&limits, |n| [n; 16], "10.1.2.3"), 10, "a shared address");
        assert_eq!(failures(&limits, |_| LOGIN, "192.0.2.1"), 100, "an exempt address");
        let anywhere = (0..100u8)
            .take_while(|n| {
                limits.charge([200; 16], None, origin(&format!("203.0.113.{n}"))).is_some()
            })
            .count();
        assert_eq!(anywhere, 6, "one login from everywhere");
    }

    #[tokio::test(start_paused = true)]
    async fn a_reload_counts_at_once_and_forgets_nothing() {
        let limits = limits();
        assert_eq!(failures(&limits, |_| LOGIN, "198.51.100.1"), 3);
        let mut settings = LimitSettings::clone(&limits.settings());
        settings.per_login_and_address.burst = 5;
        limits.reload(settings.clone());
        assert_eq!(failures(&limits, |_| LOGIN, "198.51.100.1"), 2);
        settings.exempt_networks.push("198.51.100.0/24".parse().unwrap());
        limits.reload(settings);
        assert_eq!(failures(&limits, |_| LOGIN, "198.51.100.1"), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn tries_come_back_with_time() {
        let limits = limits();
        assert_eq!(failures(&limits, |_| LOGIN, "198.51.100.1"), 3);
        tokio::time::advance(Duration::from_secs(61)).await;
        assert_eq!(failures(&limits, |_| LOGIN, "198.51.100.1"), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_right_password_costs_nothing() {
        let limits = limits();
        for _ in 0..100 {
            limits.charge(LOGIN, None, origin("198.51.100.1")).unwrap().refund();
        }
        assert_eq!(failures(&limits, |_| LOGIN, "198.51.100.1"), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn an_attack_from_elsewhere_does_not_lock_a_known_address_out() {
        let limits = limits();
        let home = origin("198.51.100.9");
        limits.remember(MARIE, home);
        for n in 0..50 {
            let _ = limits.charge(LOGIN, Some(MARIE), origin(&format!("203.0.113.{n}")));
        }
        assert!(limits.charge(LOGIN, Some(MARIE), origin("198.51.100.8")).is_none());
        assert!(limits.charge(LOGIN, Some(MARIE), home).is_some());
        let after_a_change = (MARIE.0, MARIE.1 + 1);
        assert!(limits.charge(LOGIN, Some(after_a_change), home).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_known_goes_first_and_strangers_by_what_their_address_did() {
        let limits = limits();
        limits.remember(MARIE, origin("198.51.100.9"));
        let rank = |login, account, from: &str| {
            let charge = limits.charge([login; 16], account, origin(from));
            charge.map(|charge| charge.standing().rank())
        };
        assert_eq!(rank(1, Some(MARIE), "198.51.100.9"), Some(0));
        assert_eq!(rank(1, Some(MARIE), "198.51.100.8"), Some(1), "elsewhere");
        assert_eq!(rank(2, None, "198.51.100.8"), Some(2), "one address");
        assert_eq!(rank(3, None, "198.51.100.7"), Some(1));
        for login in 10..13 {
            assert_eq!(rank(login, None, "10.1.2.3"), Some(1), "two people's");
        }
        assert_eq!(rank(13, None, "10.1.2.3"), Some(2));
        limits.charge([4; 16], None, origin("198.51.100.7")).unwrap().refund();
        assert_eq!(rank(5, None, "198.51.100.7"), Some(2), "right ones count not");
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(rank(6, None, "198.51.100.8"), Some(1), "an hour later");
    }

    #[tokio::test(start_paused = true)]
    async fn an_ipv6_site_is_one_address_and_a_mapped_one_is_ipv4() {
        assert_eq!(origin("2001:db8::1"), origin("2001:db8::ffff:1"));
        assert_ne!(origin("2001:db8::1"), origin("2001:db8:0:1::1"));
        assert_eq!(origin("::ffff:192.0.2.1"), origin("192.0.2.1"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_try_is_counted_nowhere() {
        // The address's own limit is left alone by tries that the login's limit refused.
        let limits = limits();
        for _ in 0..50 {
            let _ = limits.charge(LOGIN, None, origin("198.51.100.1"));
        }
        assert_eq!(failures(&limits, |n| [n + 50; 16], "198.51.100.1"), 2);
    }
}
