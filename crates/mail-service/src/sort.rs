//! RFC 5256 §3 and RFC 5957: messages in an order.

use mail_types::{Actor, SortBy, SortKey, Uid};

use crate::columns::Line;
use crate::error::ServiceError;
use crate::message::OpenMailbox;
use crate::service::MailService;
use crate::snapshot::Snapshot;

impl MailService {
    /// Sorts messages of the snapshot, given with rising UIDs, by these criteria one after the
    /// other and at last by UID. Messages expunged since the snapshot may be left out.
    ///
    /// # Errors
    /// A store failure, or that the mailbox is gone.
    pub async fn sort(
        &self,
        actor: Actor,
        mailbox: &OpenMailbox,
        snapshot: &Snapshot,
        uids: &[Uid],
        order: &[SortKey],
    ) -> Result<Vec<Uid>, ServiceError> {
        let mut columns = self.columns(actor, mailbox, snapshot).await?;
        let ranks = columns.ranks().to_vec();
        let width = order.len();
        let mut keys: Vec<u64> = Vec::with_capacity(uids.len() * width);
        let mut found: Vec<(u32, Uid)> = Vec::with_capacity(uids.len());
        for line in columns.select(uids) {
            keys.extend(order.iter().map(|order| key(*order, line, snapshot, &ranks)));
            found.push((found.len() as u32, line.uid));
        }
        drop(columns);
        let key = |place: u32| {
            let start = place as usize * width;
            &keys[start..start + width]
        };
        // RFC 5256 §3: what is equal stays in the order of sequence numbers, reversed or not.
        match width {
            1 => found.sort_unstable_by_key(|&(place, _)| (keys[place as usize], place)),
            _ => found.sort_unstable_by(|a, b| key(a.0).cmp(key(b.0)).then(a.0.cmp(&b.0))),
        }
        Ok(found.into_iter().map(|(_, uid)| uid).collect())
    }
}

/// A number that sorts as the criterion says.
fn key(order: SortKey, line: &Line, snapshot: &Snapshot, ranks: &[u32]) -> u64 {
    let text = |number: u32| u64::from(ranks[number as usize]);
    // Shifted, so that dates before 1970 stay below later ones.
    let time = |seconds: i64| seconds.wrapping_sub(i64::MIN) as u64;
    let entry = || snapshot.get(line.uid);
    let key = match order.by {
        SortBy::Arrival => time(entry().map_or(0, |entry| entry.internal_date.unix_seconds())),
        SortBy::Size => entry().map_or(0, |entry| entry.size),
        SortBy::Date => time(line.sent),
        SortBy::Subject => text(line.subject),
        SortBy::From => text(line.from),
        SortBy::To => text(line.to),
        SortBy::Cc => text(line.cc),
        SortBy::DisplayFrom => text(line.display_from),
        SortBy::DisplayTo => text(line.display_to),
    };
    if order.reverse { !key } else { key }
}
