//! What an operator may set about accounts and logins.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use mail_types::EmailAddress;
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
        }
    }
}

/// The longest that a right password may be remembered.
pub(crate) const VERIFIED_SECONDS_MAX: u64 = 600;

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

/// An address block such as `10.0.0.0/8` or `2001:db8::/32`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

impl Network {
    /// Whether the address lies in it. An IPv4 address written in IPv6 is that IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.address.is_ipv4() == address.is_ipv4()
            && masked(address, self.prefix_bits) == masked(self.address, self.prefix_bits)
    }
}

/// The address with all but its first bits cleared.
pub(crate) fn masked(address: IpAddr, prefix_bits: u8) -> IpAddr {
    let shift = |width: u32| width.saturating_sub(u32::from(prefix_bits));
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(shift(32)).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(shift(128)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || format!("{text:?} is not a network: write 10.0.0.0/8 or 2001:db8::/32");
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| refuse())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match bits {
            Some(bits) => bits.parse().map_err(|_| refuse())?,
            None => width,
        };
        if prefix_bits > width || masked(address, prefix_bits) != address {
            return Err(refuse());
        }
        Ok(Self { address, prefix_bits })
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> String {
        network.to_string()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_what_shares_its_prefix() {
        for (network, address, inside) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.1.1.1", true),
            ("10.0.0.0/8", "a00::1", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::/0", "2001:db9::1", true),
        ] {
            let parsed: Network = network.parse().unwrap();
            assert_eq!(parsed.contains(address.parse().unwrap()), inside, "{network} {address}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "10", "10.0.0.0/33", "10.0.0.1/8", "::1/129", "10.0.0.0/", "a/8"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_network_prints_as_it_is_read() {
        for text in ["10.0.0.0/8", "2001:db8::/32"] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), text);
        }
    }
}
