//! Names that are unique over all partitions: addresses and academic IDs.
//!
//! A name and the account it points to lie in different partitions, and a commit never spans
//! two. So an account gets a name in three steps, each safe to repeat:
//!
//! 1. **reserve**: the name's row says which account (not yet there) wants it, under a token;
//! 2. **publish**: the account's row lists the name; this alone decides, and it is refused when
//!    the token has been fenced;
//! 3. **confirm**: the name's row says that it is held.
//!
//! Whoever finds a reservation that is not theirs settles it first: when the account lists the
//! name it is confirmed, else the token is fenced in the account's partition, so that step 2 can
//! never happen any more, and the name is free again. No clock is involved, and a crash between
//! any two steps leaves something that the next attempt or a repair settles.

use std::collections::BTreeMap;

use mail_store::tables::directory::{
    self as tables, ClaimRow, ClaimState, account_slice, name_slice,
};
use mail_store::{Partition, StoreError};
use mail_types::{AcademicId, AccountId, EmailAddress};

use crate::account;
use crate::error::DirectoryError;
use crate::rows::{Change, REBUILDS_MAX, Rows};

/// Something unique that points to an account, in its look-up form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Name {
    /// [`EmailAddress::lookup_key`].
    Address(String),
    /// The digits.
    AcademicId(String),
}

impl Name {
    pub(crate) fn of_address(address: &EmailAddress) -> Self {
        Name::Address(address.lookup_key())
    }

    pub(crate) fn of_academic_id(id: &AcademicId) -> Self {
        Name::AcademicId(id.as_str().to_owned())
    }

    pub(crate) fn slice(&self) -> Partition {
        match self {
            Name::Address(key) | Name::AcademicId(key) => name_slice(key),
        }
    }

    /// For error texts; an academic ID is masked, because they end up in logs.
    pub(crate) fn taken(&self) -> DirectoryError {
        let what = match self {
            Name::Address(key) => format!("address {key}"),
            Name::AcademicId(id) => {
                let tail = id.get(id.len().saturating_sub(2)..).unwrap_or_default();
                format!("academic ID …{tail}")
            }
        };
        DirectoryError::Taken { what }
    }
}

/// What one attempt wants: names for accounts, under one token.
pub(crate) struct Wanted {
    pub(crate) token: u64,
    pub(crate) names: Vec<(Name, AccountId)>,
}

impl Wanted {
    fn by_slice(&self) -> BTreeMap<Partition, Vec<&(Name, AccountId)>> {
        let mut slices: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for wanted in &self.names {
            slices.entry(wanted.0.slice()).or_default().push(wanted);
        }
        slices
    }
}

impl Rows {
    /// Step 1. Returns the names that others hold; all the others are now reserved.
    pub(crate) async fn reserve(&self, wanted: &Wanted) -> Result<Vec<Name>, DirectoryError> {
        let slices = wanted.by_slice();
        let slices =
            slices.iter().map(|(slice, names)| self.reserve_in(*slice, names, wanted.token));
        Ok(all(slices).await?.into_iter().flatten().collect())
    }

    async fn reserve_in(
        &self,
        slice: Partition,
        names: &[&(Name, AccountId)],
        token: u64,
    ) -> Result<Vec<Name>, DirectoryError> {
        for _ in 0..REBUILDS_MAX {
            let version = self.version(slice).await?;
            let mut change = Change::of(slice).expect(version);
            let (mut taken, mut unsettled) = (Vec::new(), false);
            for (name, account) in names {
                match self.claim(name).await? {
                    None => change.put_claim(name, &reserved(*account, token, false)),
                    Some(row) => match row.state {
                        ClaimState::Reserved { token: other, .. } if other == token => {}
                        ClaimState::Reserved { .. } => {
                            self.settle(name, &row).await?;
                            unsettled = true;
                        }
                        ClaimState::Retired if row.account == *account => {
                            change.put_claim(name, &reserved(*account, token, true));
                        }
                        ClaimState::Held if row.account == *account => {}
                        ClaimState::Held | ClaimState::Retired => taken.push(name.clone()),
                    },
                }
            }
            if !unsettled && self.commit(change).await? {
                return Ok(taken);
            }
        }
        Err(DirectoryError::Busy { what: "reserving names" })
    }

    /// Step 3, for an attempt whose accounts are published.
    pub(crate) async fn confirm(&self, wanted: &Wanted) -> Result<(), DirectoryError> {
        self.finish(wanted, |row, _| Some(ClaimRow { state: ClaimState::Held, ..row })).await
    }

    /// Gives the attempt's reservations up.
    pub(crate) async fn release(&self, wanted: &Wanted) -> Result<(), DirectoryError> {
        self.finish(wanted, given_up).await
    }

    async fn finish(
        &self,
        wanted: &Wanted,
        after: impl Fn(ClaimRow, bool) -> Option<ClaimRow> + Copy,
    ) -> Result<(), DirectoryError> {
        let slices = wanted.by_slice();
        let slices = slices.iter().map(|(slice, names)| async move {
            for _ in 0..REBUILDS_MAX {
                let version = self.version(*slice).await?;
                let mut change = Change::of(*slice).expect(version);
                for (name, account) in names {
                    let Some(row) = self.claim(name).await? else { continue };
                    match row.state {
                        ClaimState::Reserved { token, retired }
                            if token == wanted.token && row.account == *account =>
                        {
                            change.set_claim(name, after(row, retired).as_ref());
                        }
                        _ => {}
                    }
                }
                if self.commit(change).await? {
                    return Ok(());
                }
            }
            Err(DirectoryError::Busy { what: "confirming names" })
        });
        all(slices).await.map(drop)
    }

    /// Ends somebody's reservation: confirmed when their account lists the name, else fenced and
    /// given up.
    pub(crate) async fn settle(&self, name: &Name, row: &ClaimRow) -> Result<(), DirectoryError> {
        let ClaimState::Reserved { token, retired } = row.state else { return Ok(()) };
        let home = account_slice(row.account);
        for _ in 0..REBUILDS_MAX {
            let version = self.version(home).await?;
            if let Some(owner) = self.load(row.account, 0).await?
                && account::lists(&owner.account, name)
            {
                let held = ClaimRow { state: ClaimState::Held, ..row.clone() };
                return self.replace_claim(name, row, Some(&held)).await;
            }
            let mut fence = Change::of(home).expect(version);
            fence.put::<tables::Fence>(&(row.account.0, token), &());
            if self.commit(fence).await? {
                let after = given_up(row.clone(), retired);
                return self.replace_claim(name, row, after.as_ref()).await;
            }
        }
        Err(DirectoryError::Busy { what: "settling a reservation" })
    }

    /// Writes what comes after this row, unless somebody else has already changed it.
    pub(crate) async fn replace_claim(
        &self,
        name: &Name,
        row: &ClaimRow,
        after: Option<&ClaimRow>,
    ) -> Result<(), DirectoryError> {
        for _ in 0..REBUILDS_MAX {
            let version = self.version(name.slice()).await?;
            if self.claim(name).await?.as_ref() != Some(row) {
                return Ok(());
            }
            let mut change = Change::of(name.slice()).expect(version);
            change.set_claim(name, after);
            if self.commit(change).await? {
                return Ok(());
            }
        }
        Err(DirectoryError::Busy { what: "changing a name" })
    }

    /// Writes a name's row where there is none.
    pub(crate) async fn record(&self, name: &Name, row: &ClaimRow) -> Result<(), DirectoryError> {
        let mut change = match name {
            Name::Address(key) => Change::of(name.slice()).absent::<tables::Address>(key),
            Name::AcademicId(key) => {
                Change::of(name.slice()).absent::<tables::AcademicIdentifier>(key)
            }
        };
        change.put_claim(name, row);
        // Somebody else's row came first: the next walk tells.
        self.commit(change).await.map(drop).map_err(DirectoryError::from)
    }

    /// Marks names that the account no longer answers to. Repeating it changes nothing.
    pub(crate) async fn retire(
        &self,
        account: AccountId,
        names: &[Name],
    ) -> Result<(), StoreError> {
        let mut slices: BTreeMap<Partition, Change> = BTreeMap::new();
        for name in names {
            let change = slices.entry(name.slice()).or_insert_with(|| Change::of(name.slice()));
            // Only the account's own names get here and nobody else may ever have them, so there
            // is nothing to assert.
            change.put_claim(name, &ClaimRow { account, state: ClaimState::Retired });
        }
        for change in slices.into_values() {
            self.commit(change).await?;
        }
        Ok(())
    }
}

impl Change {
    pub(crate) fn set_claim(&mut self, name: &Name, row: Option<&ClaimRow>) {
        match row {
            Some(row) => self.put_claim(name, row),
            None => self.delete_claim(name),
        }
    }
}

fn reserved(account: AccountId, token: u64, retired: bool) -> ClaimRow {
    ClaimRow { account, state: ClaimState::Reserved { token, retired } }
}

/// What is left of a reservation that came to nothing.
fn given_up(row: ClaimRow, retired: bool) -> Option<ClaimRow> {
    retired.then_some(ClaimRow { state: ClaimState::Retired, ..row })
}

/// Drives all of them at once, so that their commits share a sync; the first error after all
/// have ended.
async fn all<T, F>(futures: impl Iterator<Item = F>) -> Result<Vec<T>, DirectoryError>
where
    F: Future<Output = Result<T, DirectoryError>>,
{
    let mut running: Vec<_> = futures.map(Box::pin).collect();
    let mut done: Vec<Option<Result<T, DirectoryError>>> = running.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, done) in running.iter_mut().zip(&mut done) {
            if done.is_none()
                && let std::task::Poll::Ready(outcome) = future.as_mut().poll(context)
            {
                *done = Some(outcome);
            }
        }
        match done.iter().all(Option::is_some) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    done.into_iter().flatten().collect()
}
