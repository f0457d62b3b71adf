//! Power cuts at every commit, and several who want the same name.

use crate::common::{address, after_crash, create, directory, hash, new, unlimited};
use directory::{
    AccountState, AccountUpdate, Directory, DirectoryError, Fault, NewPassword, Resolution,
};
use mail_store::Store;
use mail_types::AccountId;

/// More commits than any one operation makes.
const COMMITS_MAX: u64 = 40;

/// What the world sees of a name.
async fn owner(directory: &Directory, text: &str) -> Option<AccountId> {
    match directory.resolve(&address(text)).await.unwrap() {
        Resolution::Account(account) => Some(account.id),
        _ => None,
    }
}

/// Runs `operation` with a power cut after 0, 1, 2 … of its commits, and `check` on what is left,
/// until it gets through.
async fn cut_everywhere(
    operation: impl AsyncFn(&Directory, AccountId) -> Result<(), DirectoryError>,
    check: impl AsyncFn(&Directory, AccountId),
) {
    for commits in 0..COMMITS_MAX {
        let (store, directory) = directory().await;
        let marie = create(&directory, "marie", 1).await.id;
        store.fail_after(commits);
        let got_through = operation(&directory, marie).await.is_ok();
        let (_, directory) = after_crash(&store).await;
        check(&directory, marie).await;
        directory.repair().await.unwrap();
        let report = directory.verify().await.unwrap();
        assert!(report.is_clean(), "after {commits} commits and a repair: {:?}", report.faults);
        check(&directory, marie).await;
        operation(&directory, marie).await.ok();
        check(&directory, marie).await;
        if got_through {
            assert!(commits > 0);
            return;
        }
    }
    panic!("it never gets through");
}

#[tokio::test]
async fn a_cut_creation_is_there_whole_or_not_at_all() {
    let whole_or_not = async |directory: &Directory, _: AccountId| {
        let by_address = owner(directory, "jean@ac.test").await;
        let by_id = directory.find("00000002").await.unwrap().map(|account| account.id);
        assert_eq!(by_address, by_id);
        let listed = directory.accounts(None, 100).await.unwrap();
        assert_eq!(listed.iter().any(|account| account.name == "jean"), by_address.is_some());
    };
    let creation = async |directory: &Directory, _: AccountId| {
        directory.create_account(new("jean", 2)).await.map(drop)
    };
    cut_everywhere(creation, whole_or_not).await;
}

#[tokio::test]
async fn after_a_cut_creation_the_next_attempt_settles_it_without_a_repair() {
    for commits in 0..COMMITS_MAX {
        let (store, directory) = directory().await;
        store.fail_after(commits);
        let got_through = directory.create_account(new("jean", 2)).await.is_ok();
        let (_, directory) = after_crash(&store).await;
        let existed = owner(&directory, "jean@ac.test").await;
        match directory.create_account(new("jean", 2)).await {
            Ok(account) => {
                assert_eq!(existed, None, "after {commits} commits");
                assert_eq!(owner(&directory, "jean@ac.test").await, Some(account.id));
            }
            Err(DirectoryError::Taken { .. }) => assert!(existed.is_some()),
            Err(error) => panic!("after {commits} commits: {error}"),
        }
        let report = directory.verify().await.unwrap();
        assert!(report.is_clean(), "after {commits} commits: {:?}", report.faults);
        if got_through {
            return;
        }
    }
    panic!("it never gets through");
}

#[tokio::test]
async fn a_cut_alias_belongs_to_its_account_or_to_nobody() {
    let alias = async |directory: &Directory, marie: AccountId| {
        directory.add_alias(marie, &address("m@ac.test")).await
    };
    let check = async |directory: &Directory, marie: AccountId| {
        let account = directory.account(marie).await.unwrap().unwrap();
        let listed = account.aliases.contains(&address("m@ac.test"));
        assert_eq!(owner(directory, "m@ac.test").await, listed.then_some(marie));
    };
    cut_everywhere(alias, check).await;
}

#[tokio::test]
async fn a_cut_removal_of_an_alias_never_frees_it() {
    let removal = async |directory: &Directory, marie: AccountId| {
        directory.add_alias(marie, &address("m@ac.test")).await?;
        directory.remove_alias(marie, &address("m@ac.test")).await?;
        directory.add_alias(marie, &address("m@ac.test")).await?;
        directory.remove_alias(marie, &address("m@ac.test")).await
    };
    let check = async |directory: &Directory, marie: AccountId| {
        assert_ne!(owner(directory, "m@ac.test").await, Some(AccountId(99)));
        assert!(owner(directory, "marie@ac.test").await == Some(marie));
    };
    cut_everywhere(removal, check).await;
    // Retired, then wanted again by its own account, then cut: still nobody else's.
    for commits in 0..COMMITS_MAX {
        let (store, directory) = directory().await;
        let marie = create(&directory, "marie", 1).await.id;
        directory.add_alias(marie, &address("m@ac.test")).await.unwrap();
        directory.remove_alias(marie, &address("m@ac.test")).await.unwrap();
        store.fail_after(commits);
        let got_through = directory.add_alias(marie, &address("m@ac.test")).await.is_ok();
        let (_, directory) = after_crash(&store).await;
        let outcome = directory.create_account(new("m", 2)).await;
        assert!(matches!(outcome, Err(DirectoryError::Taken { .. })), "{outcome:?}");
        if got_through {
            return;
        }
    }
}

#[tokio::test]
async fn a_cut_deletion_is_done_or_not() {
    let deletion =
        async |directory: &Directory, marie: AccountId| directory.delete_account(marie).await;
    let check = async |directory: &Directory, marie: AccountId| {
        let deleted =
            directory.account(marie).await.unwrap().unwrap().state == AccountState::Deleted;
        assert_eq!(owner(directory, "marie@ac.test").await, (!deleted).then_some(marie));
        let outcome = directory.create_account(new("marie", 3)).await;
        assert!(matches!(outcome, Err(DirectoryError::Taken { .. })), "{outcome:?}");
    };
    cut_everywhere(deletion, check).await;
}

#[tokio::test]
async fn a_cut_change_of_the_primary_address_keeps_the_old_one() {
    let change = async |directory: &Directory, marie: AccountId| {
        let update = AccountUpdate {
            primary_address: Some(address("durand@ac.test")),
            name: Some("Marie Durand".into()),
            ..AccountUpdate::default()
        };
        directory.update_account(marie, update).await
    };
    let check = async |directory: &Directory, marie: AccountId| {
        assert_eq!(owner(directory, "marie@ac.test").await, Some(marie));
    };
    cut_everywhere(change, check).await;
}

#[tokio::test]
async fn a_repair_tells_what_it_found() {
    let (store, directory) = directory().await;
    // The counter, two reservations at most; then the power goes.
    store.fail_after(2);
    directory.create_account(new("jean", 2)).await.unwrap_err();
    let (_, directory) = after_crash(&store).await;
    let report = directory.repair().await.unwrap();
    assert!(!report.is_clean());
    assert!(report.faults.iter().all(|fault| matches!(fault, Fault::UnfinishedReservation(_))));
    assert!(directory.verify().await.unwrap().is_clean());
}

/// Several directories over one store share no lock, as several nodes would.
async fn strangers(store: &Store, count: usize) -> Vec<Directory> {
    let mut directories = Vec::new();
    for _ in 0..count {
        directories.push(Directory::open(store.clone(), unlimited()).await.unwrap());
    }
    directories
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_who_want_an_address_exactly_one_gets_it() {
    for share_a_lock in [true, false] {
        let (store, directory) = directory().await;
        for round in 0..10 {
            let directories = match share_a_lock {
                true => vec![directory.clone(); 4],
                false => strangers(&store, 4).await,
            };
            let attempts: Vec<_> = directories
                .into_iter()
                .enumerate()
                .map(|(number, directory)| {
                    let new = new(&format!("wanted{round}"), round * 10 + number as u64);
                    tokio::spawn(async move { directory.create_account(new).await })
                })
                .collect();
            let mut winners = Vec::new();
            for attempt in attempts {
                match attempt.await.unwrap() {
                    Ok(account) => winners.push(account.id),
                    Err(DirectoryError::Taken { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            let found = owner(&directory, &format!("wanted{round}@ac.test")).await;
            assert_eq!(winners.len(), 1, "round {round}");
            assert_eq!(found, Some(winners[0]));
        }
        directory.repair().await.unwrap();
        let report = directory.verify().await.unwrap();
        assert!(report.is_clean(), "{:?}", report.faults);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alias_and_an_account_racing_for_a_name_never_both_have_it() {
    let (store, directory) = directory().await;
    let marie = create(&directory, "marie", 1).await.id;
    for round in 0..20 {
        let wanted = format!("wanted{round}");
        let mut nodes = strangers(&store, 2).await;
        let (one, other) = (nodes.remove(0), nodes.remove(0));
        let alias = address(&format!("{wanted}@ac.test"));
        let alias = tokio::spawn(async move { one.add_alias(marie, &alias).await });
        let new = new(&wanted, 100 + round);
        let account = tokio::spawn(async move { other.create_account(new).await });
        let (alias, account) = (alias.await.unwrap(), account.await.unwrap());
        let listed = directory.account(marie).await.unwrap().unwrap();
        let listed = listed.aliases.iter().any(|alias| alias.local_part() == wanted);
        assert_eq!(alias.is_ok(), listed, "round {round}: {alias:?}");
        assert!(!(alias.is_ok() && account.is_ok()), "round {round}");
        assert!(alias.is_ok() || account.is_ok(), "round {round}: {alias:?} {account:?}");
        if listed {
            directory.remove_alias(marie, &address(&format!("{wanted}@ac.test"))).await.unwrap();
        }
    }
    directory.repair().await.unwrap();
    let report = directory.verify().await.unwrap();
    assert!(report.is_clean(), "{:?}", report.faults);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_one_account_at_once_are_all_kept() {
    let (store, directory) = directory().await;
    let marie = create(&directory, "marie", 1).await.id;
    let changes: Vec<_> = strangers(&store, 8)
        .await
        .into_iter()
        .map(|directory| {
            tokio::spawn(async move {
                directory.set_password(marie, NewPassword::Hash(hash())).await.unwrap();
            })
        })
        .collect();
    for change in changes {
        change.await.unwrap();
    }
    assert_eq!(directory.account(marie).await.unwrap().unwrap().credential_version, 9);
}
