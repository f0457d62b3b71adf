//! `facteur account add`, `import` and `secret`: how people come in.

use directory::{ImportEvent, ImportMode, NewAccount, NewPassword, Sheet};
use mail_types::{AccountId, EmailAddress, Secret};
use webmail::HandOut;

use super::account::{find, report_import, text};
use super::{Reporter, Services};
use crate::cli::{AddAccount, ImportAccounts, IssueSecrets};

/// How often an address made of names is tried when others are faster.
const ADDRESS_TRIES: usize = 5;
/// Accounts read at once when secrets are given to many.
const PAGE: usize = 500;

fn hand_out(services: &Services, sheet: &Sheet) -> HandOut {
    HandOut::new(&services.directory, &services.mail.settings().time_zone, sheet)
}

/// `facteur account add`
pub(super) async fn add(
    services: &Services,
    add: AddAccount,
    reporter: &Reporter,
) -> Result<(), String> {
    let AddAccount { address: given, academic_id, units, role, quota_bytes, .. } = add;
    let is_temporary = add.temporary;
    let person = add.person.person();
    let name = add.name.or_else(|| person.display_name());
    let name = name.ok_or("give --name, or --given-name and --birth-name")?;
    let mut tries = ADDRESS_TRIES;
    let (id, address, sheet) = loop {
        let address = match &given {
            Some(address) => address.clone(),
            None => free_address(services, &person, add.domain.as_ref()).await?,
        };
        let new = NewAccount {
            primary_address: address.clone(),
            name: name.clone(),
            person: person.clone(),
            academic_id: academic_id.clone(),
            units: units.clone(),
            role,
            quota_bytes,
            password: (!is_temporary)
                .then(|| NewPassword::Plain(Secret::new(add.password.clone()))),
        };
        tries -= 1;
        match create(services, new, is_temporary).await {
            Ok((id, sheet)) => break (id, address, sheet),
            // Somebody of the same name was faster.
            Err(directory::DirectoryError::Taken { what })
                if given.is_none() && tries > 0 && what.starts_with("address") => {}
            Err(error) => return Err(error.to_string()),
        }
    };
    for alias in add.aliases {
        services.directory.add_alias(id, &alias).await.map_err(text)?;
    }
    reporter.line(format!("{id}: created {address}"));
    if let Some(sheet) = sheet {
        reporter.sheet(hand_out(services, &sheet));
    }
    Ok(())
}

async fn create(
    services: &Services,
    new: NewAccount,
    is_temporary: bool,
) -> Result<(AccountId, Option<Sheet>), directory::DirectoryError> {
    if is_temporary {
        let sheet = services.directory.provision(new).await?;
        return Ok((sheet.id, Some(sheet)));
    }
    Ok((services.directory.create_account(new).await?.id, None))
}

async fn free_address(
    services: &Services,
    person: &directory::Person,
    domain: Option<&mail_types::Domain>,
) -> Result<EmailAddress, String> {
    let directory = &services.directory;
    let local = person.local_part().map_err(text)?;
    let domain = match domain {
        Some(domain) => domain.clone(),
        None => directory.only_domain().map_err(text)?,
    };
    directory.free_address(&local, &domain).await.map_err(text)
}

/// `facteur account import`
pub(super) async fn import(
    services: &Services,
    import: ImportAccounts,
    reporter: &Reporter,
) -> Result<(), String> {
    let mode = if import.dry_run { ImportMode::DryRun } else { ImportMode::Apply };
    let total = import.content.lines().count().saturating_sub(1) as u64;
    let tell = |event| match event {
        ImportEvent::Lines(done) => reporter.progress(done, total),
        ImportEvent::Sheet(sheet) => reporter.sheet(hand_out(services, &sheet)),
    };
    let content = std::io::Cursor::new(import.content);
    let domain = import.domain.as_ref();
    let report = services.directory.import(content, mode, domain, tell).await.map_err(text)?;
    report_import(&report, mode, reporter)
}

/// `facteur account secret`
pub(super) async fn issue(
    services: &Services,
    issue: IssueSecrets,
    reporter: &Reporter,
) -> Result<(), String> {
    let mut ids = Vec::new();
    for who in &issue.who {
        ids.push(find(services, who).await?.id);
    }
    if issue.awaiting {
        ids = awaiting(services, &issue).await?;
    }
    let total = ids.len() as u64;
    for (done, id) in (1..).zip(ids) {
        let sheet = services.directory.issue_secret(id).await;
        let sheet = sheet.map_err(|error| format!("{id}: {error}"))?;
        reporter.sheet(hand_out(services, &sheet));
        reporter.progress(done, total);
    }
    let secrets = if total == 1 { "secret" } else { "secrets" };
    reporter
        .line(format!("{total} temporary {secrets}; earlier ones and passwords open nothing now"));
    Ok(())
}

/// Those who have never logged in, perhaps of one unit.
async fn awaiting(services: &Services, issue: &IssueSecrets) -> Result<Vec<AccountId>, String> {
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let page = services.directory.accounts(after, PAGE).await.map_err(text)?;
        let Some(last) = page.last() else { return Ok(ids) };
        after = Some(last.id);
        let waits = |account: &directory::Account| {
            account.state == directory::AccountState::AwaitingFirstLogin
                && issue.unit.as_ref().is_none_or(|unit| account.units.contains(unit))
        };
        ids.extend(page.iter().filter(|account| waits(account)).map(|account| account.id));
    }
}
