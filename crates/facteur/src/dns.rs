//! `facteur dns`: what the owner of the hosted domains publishes.

use mail_store::secrets::Secrets;
use mail_types::Domain;
use sender_auth::{DmarcPolicy, dmarc_record, mx_record, spf_record};

use crate::cli::say;
use crate::config::Config;

/// Prints the records, ready for a zone file. Works on the files, whether the server runs or not.
pub(crate) fn run(config: &Config, only: Option<&Domain>) -> Result<(), String> {
    let path = &config.secrets_file;
    let secrets = match path.exists() {
        true => Secrets::load(path, false).map_err(|error| error.to_string())?,
        false => return Err(format!("{}: not there; the first start makes it", path.display())),
    };
    let host: Domain =
        config.hostname.parse().map_err(|_| format!("{}: not a name", config.hostname))?;
    let mut domains: Vec<_> = config.domains.iter().collect();
    // One that is given up has its keys still.
    domains.extend(secrets.dkim().iter().map(|key| key.domain()));
    domains.sort();
    domains.dedup();
    for domain in domains.into_iter().filter(|domain| only.is_none_or(|only| only == *domain)) {
        say(&mx_record(domain, &host).to_string());
        say(&spf_record(domain, &[]).to_string());
        for key in secrets.dkim().iter().filter(|key| key.domain() == domain) {
            say(&key.zone_line());
        }
        // Nothing is asked of others until the owner is sure of all that sends in its name.
        say(&dmarc_record(domain, DmarcPolicy::None, None).to_string());
        crate::clients::records(config, domain).iter().for_each(|line| say(&line.to_string()));
    }
    Ok(())
}
