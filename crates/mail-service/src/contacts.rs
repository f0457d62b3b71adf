//! An account's address book: contacts, groups of them, and whom the account wrote to lately.
//!
//! Its rows lie in the account's partition and change nothing about mail: commits here do not let
//! the account's version rise. Writers hold the cell's lock of the address book over reading and
//! commit, so what they read is what they change.

use std::sync::Arc;

use mail_store::tables::contacts::{
    AddressBook, AddressBookRow, Contact, ContactGroup, Correspondent,
};
pub use mail_store::tables::contacts::{
    ContactId, ContactRow, CorrespondentRow, GroupId, GroupRow,
};
use mail_store::{Batch, account_partition};
use mail_types::{AccountId, Actor, EmailAddress};

use crate::account::Cell;
use crate::error::ServiceError;
use crate::fold::fold;
use crate::service::{MailService, Right};

/// Addresses of one contact.
pub const CONTACT_ADDRESSES_MAX: usize = 20;
/// Telephone numbers of one contact.
pub const CONTACT_PHONES_MAX: usize = 20;
/// Characters of a name, an organisation, a telephone number, a group's name.
pub const CONTACT_WORD_CHARS_MAX: usize = 200;
/// Characters of a contact's notes.
pub const CONTACT_NOTES_CHARS_MAX: usize = 4000;
/// People remembered because they were written to; the one longest ago goes.
const CORRESPONDENTS_MAX: usize = 500;
/// Contacts written by one commit.
const CONTACTS_PER_COMMIT: usize = 500;
/// Rows read at once.
const PAGE_ROWS: usize = 1000;

/// Everything in an address book, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Book {
    /// Contacts by name.
    pub contacts: Vec<(ContactId, ContactRow)>,
    /// Groups by name. Members that are gone are left out.
    pub groups: Vec<(GroupId, GroupRow)>,
}

impl Book {
    /// A contact.
    pub fn contact(&self, id: ContactId) -> Option<&ContactRow> {
        self.contacts.iter().find(|(found, _)| *found == id).map(|(_, row)| row)
    }

    /// A group.
    pub fn group(&self, id: GroupId) -> Option<&GroupRow> {
        self.groups.iter().find(|(found, _)| *found == id).map(|(_, row)| row)
    }
}

/// A text as names are compared and looked for: without case and accents.
pub fn folded(text: &str) -> String {
    fold(text)
}

impl MailService {
    /// The address book.
    ///
    /// # Errors
    /// When the store fails, or the actor may not see it.
    pub async fn address_book(&self, actor: Actor, owner: AccountId) -> Result<Book, ServiceError> {
        self.cell(actor, owner, Right::Read).await?;
        let (store, partition) = (&self.inner.store, account_partition(owner));
        let mut book = Book::default();
        let mut from = None;
        loop {
            let page = store.scan::<Contact>(partition, from.as_ref(), PAGE_ROWS).await?;
            book.contacts.extend(page.rows);
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        let known: std::collections::BTreeSet<ContactId> =
            book.contacts.iter().map(|(id, _)| *id).collect();
        book.contacts.sort_by_cached_key(|(id, row)| (fold(&row.name), *id));
        book.groups = store.scan::<ContactGroup>(partition, None, PAGE_ROWS).await?.rows;
        for (_, group) in &mut book.groups {
            group.members.retain(|id| known.contains(id));
        }
        book.groups.sort_by_cached_key(|(id, row)| (fold(&row.name), *id));
        Ok(book)
    }

    /// Writes a contact: a new one, or in place of this one; `None` when that is gone. Durable on
    /// return.
    ///
    /// # Errors
    /// [`ServiceError::TooMany`] beyond a limit.
    pub async fn save_contact(
        &self,
        actor: Actor,
        owner: AccountId,
        id: Option<ContactId>,
        row: ContactRow,
    ) -> Result<Option<ContactId>, ServiceError> {
        check(&row)?;
        let Some(id) = id else {
            let ids = self.add_contacts(actor, owner, vec![row]).await?;
            return Ok(ids.into_iter().next());
        };
        let cell = self.cell(actor, owner, Right::Write).await?;
        let _held = cell.address_book.lock().await;
        if cell.store.get::<Contact>(cell.partition(), &id).await?.is_none() {
            return Ok(None);
        }
        let mut batch = Batch::new();
        batch.put::<Contact>(&id, &row);
        cell.store.commit(cell.partition(), batch).await?;
        Ok(Some(id))
    }

    /// Adds contacts. Durable on return; of more than 500, those before a failure are there.
    ///
    /// # Errors
    /// [`ServiceError::TooMany`] beyond a limit.
    pub async fn add_contacts(
        &self,
        actor: Actor,
        owner: AccountId,
        rows: Vec<ContactRow>,
    ) -> Result<Vec<ContactId>, ServiceError> {
        rows.iter().try_for_each(check)?;
        let cell = self.cell(actor, owner, Right::Write).await?;
        let _held = cell.address_book.lock().await;
        let mut counters = counters(&cell).await?;
        let max = self.inner.settings.load().contacts_max as usize;
        if counters.contacts as usize + rows.len() > max {
            return Err(ServiceError::TooMany { what: "contacts" });
        }
        let mut ids = Vec::with_capacity(rows.len());
        for part in rows.chunks(CONTACTS_PER_COMMIT) {
            let mut batch = Batch::new();
            for row in part {
                let id = ContactId(take(&mut counters)?);
                counters.contacts += 1;
                batch.put::<Contact>(&id, row);
                ids.push(id);
            }
            batch.put::<AddressBook>(&(), &counters);
            cell.store.commit(cell.partition(), batch).await?;
        }
        Ok(ids)
    }

    /// Removes a contact, from its groups as well. Durable on return.
    ///
    /// # Errors
    /// When the store fails. One that is gone already is none.
    pub async fn delete_contact(
        &self,
        actor: Actor,
        owner: AccountId,
        id: ContactId,
    ) -> Result<(), ServiceError> {
        let cell = self.cell(actor, owner, Right::Write).await?;
        let _held = cell.address_book.lock().await;
        let partition = cell.partition();
        if cell.store.get::<Contact>(partition, &id).await?.is_none() {
            return Ok(());
        }
        let mut batch = Batch::new();
        batch.delete::<Contact>(&id);
        for (group, mut row) in
            cell.store.scan::<ContactGroup>(partition, None, PAGE_ROWS).await?.rows
        {
            if row.members.contains(&id) {
                row.members.retain(|member| *member != id);
                batch.put::<ContactGroup>(&group, &row);
            }
        }
        let mut counters = counters(&cell).await?;
        counters.contacts = counters.contacts.saturating_sub(1);
        batch.put::<AddressBook>(&(), &counters);
        cell.store.commit(partition, batch).await?;
        Ok(())
    }

    /// Writes a group: a new one, or in place of this one; `None` when that is gone. Durable on
    /// return.
    ///
    /// # Errors
    /// [`ServiceError::TooMany`] beyond a limit.
    pub async fn save_group(
        &self,
        actor: Actor,
        owner: AccountId,
        id: Option<GroupId>,
        mut row: GroupRow,
    ) -> Result<Option<GroupId>, ServiceError> {
        word(&row.name)?;
        row.members.sort_unstable();
        row.members.dedup();
        if row.members.len() > self.inner.settings.load().contacts_max as usize {
            return Err(ServiceError::TooMany { what: "members" });
        }
        let cell = self.cell(actor, owner, Right::Write).await?;
        let _held = cell.address_book.lock().await;
        let partition = cell.partition();
        let mut batch = Batch::new();
        let id = match id {
            Some(id) => {
                if cell.store.get::<ContactGroup>(partition, &id).await?.is_none() {
                    return Ok(None);
                }
                id
            }
            None => {
                let mut counters = counters(&cell).await?;
                if counters.groups >= self.inner.settings.load().contact_groups_max {
                    return Err(ServiceError::TooMany { what: "groups" });
                }
                let id = GroupId(take(&mut counters)?);
                counters.groups += 1;
                batch.put::<AddressBook>(&(), &counters);
                id
            }
        };
        batch.put::<ContactGroup>(&id, &row);
        cell.store.commit(partition, batch).await?;
        Ok(Some(id))
    }

    /// Removes a group; its contacts stay. Durable on return.
    ///
    /// # Errors
    /// When the store fails. One that is gone already is none.
    pub async fn delete_group(
        &self,
        actor: Actor,
        owner: AccountId,
        id: GroupId,
    ) -> Result<(), ServiceError> {
        let cell = self.cell(actor, owner, Right::Write).await?;
        let _held = cell.address_book.lock().await;
        if cell.store.get::<ContactGroup>(cell.partition(), &id).await?.is_none() {
            return Ok(());
        }
        let mut counters = counters(&cell).await?;
        counters.groups = counters.groups.saturating_sub(1);
        let mut batch = Batch::new();
        batch.delete::<ContactGroup>(&id);
        batch.put::<AddressBook>(&(), &counters);
        cell.store.commit(cell.partition(), batch).await?;
        Ok(())
    }

    /// Removes all of it for good; numbers are not given again.
    pub(crate) async fn clear_address_book(&self, owner: AccountId) -> Result<(), ServiceError> {
        let cell = self.cell(Actor::System, owner, Right::Write).await?;
        let _held = cell.address_book.lock().await;
        let AddressBookRow { next, .. } = counters(&cell).await?;
        let mut batch = Batch::new();
        batch.delete_prefix::<Contact, _>(&());
        batch.delete_prefix::<ContactGroup, _>(&());
        batch.delete_prefix::<Correspondent, _>(&());
        batch.put::<AddressBook>(&(), &AddressBookRow { next, contacts: 0, groups: 0 });
        cell.store.commit(cell.partition(), batch).await?;
        Ok(())
    }

    /// Whom the account wrote to, the latest first.
    ///
    /// # Errors
    /// When the store fails, or the actor may not see them.
    pub async fn correspondents(
        &self,
        actor: Actor,
        owner: AccountId,
    ) -> Result<Vec<CorrespondentRow>, ServiceError> {
        self.cell(actor, owner, Right::Read).await?;
        let partition = account_partition(owner);
        let page = self.inner.store.scan::<Correspondent>(partition, None, PAGE_ROWS).await?;
        let mut found: Vec<_> = page.rows.into_iter().map(|(_, row)| row).collect();
        found.sort_by_key(|row| std::cmp::Reverse(row.last));
        Ok(found)
    }

    /// Remembers that the account wrote to these people. Not synced: a power cut forgets a
    /// suggestion.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remember_correspondents(
        &self,
        actor: Actor,
        owner: AccountId,
        people: &[(String, EmailAddress)],
    ) -> Result<(), ServiceError> {
        let cell = self.cell(actor, owner, Right::Write).await?;
        let _held = cell.address_book.lock().await;
        let partition = cell.partition();
        let now = self.now().as_second();
        let known = cell.store.scan::<Correspondent>(partition, None, PAGE_ROWS).await?.rows;
        let mut all: std::collections::BTreeMap<_, _> = known.into_iter().collect();
        let mut batch = Batch::new().unsynced();
        for (name, address) in people.iter().take(CORRESPONDENTS_MAX) {
            let name: String = name.chars().take(CONTACT_WORD_CHARS_MAX).collect();
            let key = address.lookup_key();
            let times = all.get(&key).map_or(0, |row| row.times).saturating_add(1);
            let old = all.get(&key).map(|row| row.name.clone()).unwrap_or_default();
            let name = if name.is_empty() { old } else { name };
            let row = CorrespondentRow { name, address: address.clone(), last: now, times };
            batch.put::<Correspondent>(&key, &row);
            all.insert(key, row);
        }
        let mut oldest: Vec<_> = all.iter().map(|(key, row)| (row.last, key)).collect();
        oldest.sort();
        for (_, key) in oldest.iter().take(all.len().saturating_sub(CORRESPONDENTS_MAX)) {
            batch.delete::<Correspondent>(key);
        }
        cell.store.commit(partition, batch).await?;
        Ok(())
    }
}

async fn counters(cell: &Arc<Cell>) -> Result<AddressBookRow, ServiceError> {
    Ok(cell.store.get::<AddressBook>(cell.partition(), &()).await?.unwrap_or_default())
}

fn take(counters: &mut AddressBookRow) -> Result<u32, ServiceError> {
    counters.next =
        counters.next.checked_add(1).ok_or(ServiceError::TooMany { what: "contacts" })?;
    Ok(counters.next)
}

fn word(text: &str) -> Result<(), ServiceError> {
    let fits = text.chars().count() <= CONTACT_WORD_CHARS_MAX;
    if fits { Ok(()) } else { Err(ServiceError::TooMany { what: "characters" }) }
}

/// Whether a contact is within its limits.
fn check(row: &ContactRow) -> Result<(), ServiceError> {
    let too_many = |what| Err(ServiceError::TooMany { what });
    word(&row.name)?;
    word(&row.organization)?;
    row.phones.iter().try_for_each(|phone| word(phone))?;
    if row.addresses.len() > CONTACT_ADDRESSES_MAX {
        return too_many("addresses");
    }
    if row.phones.len() > CONTACT_PHONES_MAX {
        return too_many("telephone numbers");
    }
    if row.notes.chars().count() > CONTACT_NOTES_CHARS_MAX {
        return too_many("characters");
    }
    Ok(())
}
