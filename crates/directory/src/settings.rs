//! What an operator may set about accounts and logins.

use mail_types::{EmailAddress, Network};
use serde::{Deserialize, Serialize};

/// What an operator may set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Quota of an account that has none of its own, in bytes; 0 is unlimited.
    pub quota_bytes_default: u64,
    /// Who reads mail to `postmaster` and `abuse` of the hosted domains that name nobody
    /// themselves.
    pub postmaster: Option<EmailAddress>,
    /// Accounts and names kept in memory.
    pub cached_accounts_max: u64,
    /// Password verifications at the same time, 19 MiB each; 0 is half of the processors.
    pub hashes_at_once_max: usize,
    /// Logins that may wait for their verification.
    pub hashes_waiting_max: usize,
    /// Seconds a login waits for its verification before it is told to try again.
    pub hash_wait_seconds_max: u64,
    /// Seconds for which a right password need not be hashed again; at most 600, 0 is never.
    pub verified_seconds_max: u64,
    /// How many wrong passwords are let through, from where and for whom.
    pub limits: LimitSettings,
    /// Lost passwords.
    pub reset: ResetSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            quota_bytes_default: 5 << 30,
            postmaster: None,
            cached_accounts_max: 50_000,
            hashes_at_once_max: 0,
            hashes_waiting_max: 256,
            hash_wait_seconds_max: 10,
            verified_seconds_max: VERIFIED_SECONDS_MAX,
            limits: LimitSettings::default(),
            reset: ResetSettings::default(),
        }
    }
}

impl Settings {
    /// These with what of others counts from one moment to the next; the rest is for a start.
    #[must_use]
    pub fn with_living_parts_of(&self, other: &Self) -> Self {
        let counters_max = self.limits.counters_max;
        Self {
            quota_bytes_default: other.quota_bytes_default,
            postmaster: other.postmaster.clone(),
            limits: LimitSettings { counters_max, ..other.limits.clone() },
            reset: other.reset.clone(),
            ..self.clone()
        }
    }
}

/// The longest that a right password may be remembered.
pub(crate) const VERIFIED_SECONDS_MAX: u64 = 600;

/// Lost passwords.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResetSettings {
    /// The academy's own networks: only from there is identity alone enough, in units that two
    /// administrators opened. None, and it is enough nowhere.
    pub academy_networks: Vec<Network>,
}

/// Limits on failed logins. A try is counted before the password is looked at and taken back
/// when it was right, so a school full of people behind one address is not limited by their
/// number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitSettings {
    /// For one login from one address.
    pub per_login_and_address: Rate,
    /// For one login from everywhere. An address from which the account lately logged in is not
    /// held up by it.
    pub per_login: Rate,
    /// From one IPv4 address or IPv6 /64 for all logins.
    pub per_address: Rate,
    /// Networks in which many share an address (schools): `per_address` times the factor.
    pub shared_networks: Vec<Network>,
    /// See `shared_networks`.
    pub shared_networks_factor: u32,
    /// Networks without any limit on logins.
    pub exempt_networks: Vec<Network>,
    /// Counters kept in memory, of each kind; the longest unused make room for new ones.
    pub counters_max: u64,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            per_login_and_address: Rate { burst: 10, per_hour: 60 },
            per_login: Rate { burst: 50, per_hour: 120 },
            per_address: Rate { burst: 100, per_hour: 600 },
            shared_networks: Vec::new(),
            shared_networks_factor: 20,
            exempt_networks: Vec::new(),
            counters_max: 65_536,
        }
    }
}

/// So many at once, and so many an hour in the long run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// So many at once; at least 1.
    pub burst: u32,
    /// So many come back in an hour; at least 1.
    pub per_hour: u32,
}
