//! The academy's directory, as everybody in it may search it: names, addresses, schools.

use std::sync::Arc;
use std::time::{Duration, Instant};

use directory::AccountState;
use mail_service::MailService;
use mail_service::contacts::folded;
use mail_types::EmailAddress;
use tokio::sync::Mutex;

use super::fits;
use crate::error::Error;

/// How old what is searched may be.
const FRESH: Duration = Duration::from_secs(300);
/// Accounts read at once.
const PAGE: usize = 1000;

/// Somebody in the directory.
#[derive(Clone, Debug)]
pub(crate) struct Colleague {
    pub(crate) name: String,
    pub(crate) address: EmailAddress,
    /// Code of their school.
    pub(crate) unit: Option<String>,
}

/// Everybody, held in memory: 40,000 people are some ten megabytes, and a search reads them all in
/// a few milliseconds.
#[derive(Default)]
pub(crate) struct Staff {
    /// Held while it is read anew, so that one reads and the others wait for it.
    known: Mutex<Option<Known>>,
}

#[derive(Clone)]
struct Known {
    read: Instant,
    people: Arc<Vec<(String, Colleague)>>,
}

impl Staff {
    /// At most so many people whose names, addresses or schools begin with these words.
    pub(crate) async fn find(
        &self,
        service: &MailService,
        words: &[String],
        limit: usize,
    ) -> Result<Vec<Colleague>, Error> {
        // One letter is everybody.
        if words.iter().all(|word| word.chars().count() < 2) {
            return Ok(Vec::new());
        }
        let people = self.people(service).await?;
        let fit = people.iter().filter(|(text, _)| fits(text, words));
        Ok(fit.take(limit).map(|(_, person)| person.clone()).collect())
    }

    async fn people(&self, service: &MailService) -> Result<Arc<Vec<(String, Colleague)>>, Error> {
        let mut known = self.known.lock().await;
        if let Some(known) = known.as_ref().filter(|known| known.read.elapsed() < FRESH) {
            return Ok(Arc::clone(&known.people));
        }
        let mut people = Vec::new();
        let mut after = None;
        loop {
            let page = service.directory().accounts(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            for account in page.iter().filter(|account| account.state != AccountState::Deleted) {
                let person = Colleague {
                    name: account.name.clone(),
                    address: account.primary_address.clone(),
                    unit: account.units.first().map(|unit| unit.as_str().to_owned()),
                };
                let unit = person.unit.as_deref().unwrap_or_default();
                people
                    .push((folded(&format!("{} {} {unit}", person.name, person.address)), person));
            }
        }
        people.sort_by(|(one, _), (other, _)| one.cmp(other));
        let people = Arc::new(people);
        *known = Some(Known { read: Instant::now(), people: Arc::clone(&people) });
        Ok(people)
    }
}
