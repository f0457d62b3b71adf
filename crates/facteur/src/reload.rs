//! What of a changed configuration a running server leaves for its next start.

use crate::config::{Config, Storage};

/// The parts of the file that differ in `new` and wait for a start.
pub(crate) fn waiting(running: &Config, new: &Config) -> Vec<&'static str> {
    // What a reload takes, and what stands in another part, is no difference.
    let mail = mail_service::Settings {
        hostname: new.mail.hostname.clone(),
        sends_out: new.mail.sends_out,
        ..running.mail.with_living_parts_of(&new.mail)
    };
    let directory = running.directory.with_living_parts_of(&new.directory);
    let backup_hours_max = new.storage.backup_hours_max;
    let storage = Storage { backup_hours_max, ..running.storage.clone() };
    let relay = smtp_relay::Settings { route: new.relay.route.clone(), ..running.relay.clone() };
    [
        ("hostname", running.hostname != new.hostname),
        ("domains", running.domains != new.domains),
        ("data_dir", running.data_dir != new.data_dir),
        ("secrets_file", running.secrets_file != new.secrets_file),
        ("admin_socket", running.admin_socket != new.admin_socket),
        ("shutdown_seconds", running.shutdown_seconds != new.shutdown_seconds),
        ("listen", running.listen != new.listen),
        ("log", running.log != new.log),
        ("storage", storage != new.storage),
        ("directory", directory != new.directory),
        ("mail", mail != new.mail),
        ("relay", relay != new.relay),
        ("dns", running.dns != new.dns),
    ]
    .into_iter()
    .filter_map(|(name, changed)| changed.then_some(name))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reload_leaves_alone_is_named_and_what_it_takes_is_not() {
        let running = Config::parse("").unwrap();
        for (text, named) in [
            ("", &[][..]),
            ("hostname = \"other.test\"", &["hostname"]),
            ("[storage]\nwrite_buffer_mib = 64", &["storage"]),
            ("[storage]\nbackup_hours_max = 24", &[]),
            ("[directory]\nhashes_waiting_max = 8", &["directory"]),
            ("[directory]\nquota_bytes_default = 1\npostmaster = \"a@b.test\"", &[]),
            ("[directory.limits]\ncounters_max = 1000", &["directory"]),
            ("[directory.limits]\nexempt_networks = [\"192.0.2.0/24\"]", &[]),
            ("[mail]\ntime_zone = \"Europe/Berlin\"", &["mail"]),
            ("[mail]\nmessage_bytes_max = 1000000\nmailboxes_max = 20", &[]),
            ("[mail]\nkeywords_per_mailbox_max = 9\nqueue_messages_max = 9", &[]),
            ("[mail]\ncontacts_max = 9\ncontact_groups_max = 9\naccounts_in_memory = 9", &[]),
            ("[directory.reset]\nacademy_networks = [\"192.0.2.0/24\"]", &[]),
            ("[relay]\nenabled = false", &["relay"]),
            ("[[relay.route]]\nrecipients = [\"*\"]\nvia = \"mx\"", &[]),
            ("[webmail]\npublic_url = \"https://other.test\"", &[]),
        ] {
            let changed = waiting(&running, &Config::parse(text).unwrap());
            assert_eq!(changed, named, "{text}");
        }
    }
}
