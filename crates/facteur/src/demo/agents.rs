//! `agent1@…` to `agentN@…`: as many accounts as one wants, all with the same password.

use std::path::Path;

use directory::{Account, AccountState, NewPassword};
use mail_types::Secret;

use super::{DOMAIN, text};
use crate::admin::{Reporter, Services};
use crate::cli::say;

/// In the demo's directory: the password that all agents there were given.
const PASSWORD_FILE: &str = "agents.password";

/// Creates those that are missing. All get this password, and where all were given it before, one
/// who has chosen another since then keeps that.
pub(super) async fn create(
    services: &Services,
    dir: &Path,
    count: u32,
    password: &str,
) -> Result<(), String> {
    // One hash, made once: the demo is about mail, not about hashing.
    let hash = directory::hash_password(&Secret::from(password)).map_err(text)?;
    let file = dir.join(PASSWORD_FILE);
    if std::fs::read_to_string(&file).is_ok_and(|given| given == password) {
        return import(services, count, &hash).await;
    }
    // Gone until all have it: a start that is cut off is made up for by the next.
    let _ = std::fs::remove_file(&file);
    give(services, &hash).await?;
    import(services, count, &hash).await?;
    // Synced: a power cut must not make it another password.
    crate::tls::write_private(&file, password.as_bytes())
}

/// Gives the password to all agents that are there, also to more than are asked for now.
async fn give(services: &Services, hash: &str) -> Result<(), String> {
    let (mut after, mut changed) = (None, 0);
    loop {
        let page = services.directory.accounts(after, usize::MAX).await.map_err(text)?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        for account in page.iter().filter(|account| is_agent(account)) {
            let password = NewPassword::Hash(hash.to_owned());
            services.directory.set_password(account.id, password).await.map_err(text)?;
            changed += 1;
        }
    }
    if changed > 0 {
        say(&format!("{changed} agents have another password now"));
    }
    Ok(())
}

fn is_agent(account: &Account) -> bool {
    let address = &account.primary_address;
    let number = address.local_part().strip_prefix("agent");
    account.state != AccountState::Deleted
        && address.domain().as_str() == DOMAIN
        && number.is_some_and(|number| number.parse::<u32>().is_ok())
}

async fn import(services: &Services, count: u32, hash: &str) -> Result<(), String> {
    let mut csv = String::from("address,name,academic_id,password\n");
    for number in 1..=count {
        csv.push_str(&format!("agent{number}@{DOMAIN},Agent {number},9{number:09},\"{hash}\"\n"));
    }
    let (reporter, mut events) = Reporter::new();
    let total = u64::from(count);
    let screen = tokio::spawn(async move {
        let mut screen = crate::admin::client::Screen::default();
        while let Some(event) = events.recv().await {
            screen.show(event);
        }
    });
    let tell = |event| {
        if let directory::ImportEvent::Lines(done) = event {
            reporter.progress(done, total);
        }
    };
    let mode = directory::ImportMode::Apply;
    let report = services.directory.import(csv.as_bytes(), mode, None, tell).await.map_err(text)?;
    reporter.line(format!("{} agents created", report.created));
    drop(reporter);
    screen.await.map_err(text)?;
    match report.refused.first() {
        Some(refused) => Err(format!("agent on line {}: {}", refused.line, refused.reason)),
        None => Ok(()),
    }
}
