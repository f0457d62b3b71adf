//! Who acts: commands that an administrator or an officer answers for take that person's own
//! password and second factor, so that the audit log names who it was.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use directory::{Account, AuthError, Requester, Service};
use mail_types::Secret;

use super::Services;
use crate::cli::Acting;

/// The command line is on this machine.
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The person, proven; and the request, for the log.
pub(super) async fn prove(
    services: &Services,
    acting: &Acting,
) -> Result<(Arc<Account>, Requester), String> {
    let directory = &services.directory;
    let requester = Requester::console();
    let password = Secret::new(acting.password.clone());
    let account = match directory
        .authenticate(&acting.acting_as, &password, Service::Webmail, HERE)
        .await
    {
        Ok(authenticated) => authenticated.account,
        Err(AuthError::NeedsSecondFactor(account)) => {
            if acting.code.is_empty() {
                return Err("your account has a second factor: give its code with --code".into());
            }
            let verified = directory.verify_second_factor(&account, &acting.code, &requester).await;
            verified.map_err(|error| told(&error))?;
            account
        }
        Err(error) => return Err(told(&error)),
    };
    Ok((account, requester))
}

fn told(error: &AuthError) -> String {
    match error {
        AuthError::TooMany => "too many attempts: wait a while".into(),
        AuthError::TryAgain(source) => source.to_string(),
        _ => "that account, password or code is not right".into(),
    }
}
