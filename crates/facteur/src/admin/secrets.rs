//! `facteur secrets …`: what keys there are, and newer ones. Works on the file; a running server
//! reads it again when it is told to.

use std::path::Path;

use mail_store::secrets::{DkimAlgorithm, DkimKey, DkimState, Purpose, Secrets};
use mail_types::Domain;

use crate::cli::{KeyKind, SecretsCommand, say};
use crate::config::{Config, Encryption};

const KEEP_A_COPY: &str = "copy the secrets file to a safe place away from the backups";

/// Runs a command on the secrets file. The error is one line for the person who typed it.
pub(crate) fn run(config: &Config, command: SecretsCommand) -> Result<(), String> {
    let path = &config.secrets_file;
    if !path.exists() {
        return Err(format!("{}: not there; the first start makes it", path.display()));
    }
    match command {
        SecretsCommand::List => list(path, config.storage.encryption),
        SecretsCommand::Rotate { kind: KeyKind::Data, .. } => rotate_data(path, config),
        SecretsCommand::Rotate { kind: KeyKind::Directory, .. } => rotate_directory(path),
        SecretsCommand::Rotate { kind: KeyKind::BlobNames, .. } => Err(
            "the key that names bodies cannot change: a body is found and stored once under the \
             name that this key gives it, so with another key every stored body would be lost to \
             its messages; the key encrypts nothing"
                .into(),
        ),
        SecretsCommand::Rotate { kind: KeyKind::Dkim, domain } => rotate_dkim(path, domain),
        SecretsCommand::Activate { domain } => activate(path, domain),
    }
}

/// Says what keys there are, never what they are.
fn list(path: &Path, encryption: Encryption) -> Result<(), String> {
    let secrets = load(path)?;
    for purpose in Purpose::ALL {
        let numbers = secrets.numbers(purpose);
        for number in &numbers {
            let is_newest = numbers.last() == Some(number);
            let what = match (purpose, is_newest) {
                (Purpose::Data, true) if encryption == Encryption::On => "seals new values",
                (Purpose::Data, true) => "would seal new values; encryption is off",
                (Purpose::Data, false) => "opens old values",
                (Purpose::Directory, true) => "makes new hashes",
                (Purpose::Directory, false) => "checks old hashes",
                (Purpose::BlobNames, _) => "names bodies",
            };
            say(&format!("{purpose}\t{number}\t{what}"));
        }
    }
    for key in secrets.dkim() {
        let algorithm = match key.algorithm() {
            DkimAlgorithm::Rsa2048 => "rsa-2048",
            DkimAlgorithm::Ed25519 => "ed25519",
        };
        let state = match key.state() {
            DkimState::Waiting => "waits for its DNS record",
            DkimState::Signing => "signs",
            DkimState::Retired => "retired; its DNS record stays for a week",
        };
        let (domain, selector) = (key.domain(), key.selector());
        say(&format!("dkim\t{}\t{domain} {selector} {algorithm}: {state}", key.number()));
    }
    Ok(())
}

fn rotate_data(path: &Path, config: &Config) -> Result<(), String> {
    let (_, number) = change(path, |secrets| secrets.add(Purpose::Data))?;
    say(&format!("data key {number} added to {}", path.display()));
    say(&format!("now {KEEP_A_COPY}, then restart Facteur: from then on it seals with this key"));
    say("what older keys sealed stays readable and is not sealed anew: the older keys must stay");
    if config.storage.encryption == Encryption::Off {
        say("note: storage.encryption is off, so nothing is sealed");
    }
    Ok(())
}

fn rotate_directory(path: &Path) -> Result<(), String> {
    let (_, number) = change(path, |secrets| secrets.add(Purpose::Directory))?;
    say(&format!("directory key {number} added to {}", path.display()));
    say(&format!("now {KEEP_A_COPY}, then restart Facteur"));
    say("new hashes (birth dates, temporary secrets) are made with this key; those made with an \
         older one are checked with it until they are set again, so the older keys must stay");
    Ok(())
}

fn rotate_dkim(path: &Path, domain: Option<Domain>) -> Result<(), String> {
    let (secrets, domains) = change(path, |secrets| {
        let domains = domains(secrets, domain, |_| true);
        if domains.is_empty() {
            return Err("there are no DKIM keys; the start makes them for each of `domains`".into());
        }
        domains.iter().try_for_each(|domain| secrets.rotate_dkim(domain)).map(|()| domains)
    })?;
    say("1. publish these records:");
    let waits = |key: &&DkimKey| key.state() == DkimState::Waiting;
    let added = secrets.dkim().iter().filter(|key| domains.contains(key.domain())).filter(waits);
    added.for_each(|key| say(&key.zone_line()));
    say(&format!("2. {KEEP_A_COPY}"));
    say("3. when every name server has the records: `facteur secrets activate`; until then the \
         older keys sign");
    Ok(())
}

fn activate(path: &Path, domain: Option<Domain>) -> Result<(), String> {
    let waits = |key: &DkimKey| key.state() == DkimState::Waiting;
    let (secrets, domains) = change(path, |secrets| {
        let domains = domains(secrets, domain, waits);
        domains.iter().try_for_each(|domain| secrets.activate_dkim(domain)).map(|()| domains)
    })?;
    if domains.is_empty() {
        return Err("no key waits; `facteur secrets rotate dkim` adds some".into());
    }
    for key in domains.iter().flat_map(|domain| secrets.dkim_signing(domain)) {
        say(&format!("{} signs for {}", key.selector(), key.domain()));
    }
    say(&format!("now send Facteur SIGHUP (systemctl reload facteur), and {KEEP_A_COPY}"));
    say("leave the records of the retired keys in the DNS for a week: mail that they signed may \
         still be under way");
    Ok(())
}

/// The one asked for, or all that have a key like that.
fn domains(
    secrets: &Secrets,
    asked: Option<Domain>,
    wanted: impl Fn(&DkimKey) -> bool,
) -> Vec<Domain> {
    if let Some(domain) = asked {
        return vec![domain];
    }
    let with_key = secrets.dkim().iter().filter(|key| wanted(key));
    let mut domains: Vec<_> = with_key.map(|key| key.domain().clone()).collect();
    domains.sort();
    domains.dedup();
    domains
}

fn load(path: &Path) -> Result<Secrets, String> {
    Secrets::load(path, false).map_err(|error| error.to_string())
}

fn change<T>(
    path: &Path,
    edit: impl FnOnce(&mut Secrets) -> Result<T, String>,
) -> Result<(Secrets, T), String> {
    Secrets::change(path, edit).map_err(|error| error.to_string())
}
