//! What addresses and domains mean, and who may write as whom.

use crate::common::{address, create, directory, directory_with, unlimited};
use directory::{AccountState, Directory, DirectoryError, DomainKind, Resolution, Settings};
use mail_types::AccountId;

/// The account's number, `None` for an unknown user.
async fn resolve(directory: &Directory, text: &str) -> Option<AccountId> {
    match directory.resolve(&address(text)).await.unwrap() {
        Resolution::Account(account) => Some(account.id),
        Resolution::UnknownUser => None,
        Resolution::NotHosted => panic!("{text} is not hosted"),
    }
}

#[tokio::test]
async fn an_address_is_found_in_any_case_as_an_alias_and_with_a_subaddress() {
    let (_, directory) = directory().await;
    let marie = create(&directory, "Marie.Martin", 1).await;
    directory.add_alias(marie.id, &address("m.martin@ac.test")).await.unwrap();
    for (text, found) in [
        ("marie.martin@ac.test", true),
        ("MARIE.MARTIN@AC.TEST", true),
        ("marie.martin+classe@ac.test", true),
        ("m.martin@ac.test", true),
        ("M.Martin+a+b@ac.test", true),
        ("marie@ac.test", false),
        ("marie.martin.@ac.test", false),
        ("+classe@ac.test", false),
    ] {
        if let Ok(address) = text.parse() {
            let Resolution::Account(_) = directory.resolve(&address).await.unwrap() else {
                assert!(!found, "{text}");
                continue;
            };
            assert!(found, "{text}");
        }
    }
    let elsewhere = directory.resolve(&address("marie.martin@example.org")).await.unwrap();
    assert_eq!(elsewhere, Resolution::NotHosted);
}

#[tokio::test]
async fn an_unknown_address_is_known_the_moment_it_is_created() {
    // The cache of unknown names must not hold mail for a new account up.
    let (_, directory) = directory().await;
    assert_eq!(resolve(&directory, "marie@ac.test").await, None);
    let marie = create(&directory, "marie", 1).await;
    assert_eq!(resolve(&directory, "marie@ac.test").await, Some(marie.id));
}

#[tokio::test]
async fn a_change_made_through_another_handle_on_the_store_is_seen() {
    let (store, directory) = directory().await;
    let other = Directory::open(store, unlimited()).await.unwrap();
    let marie = create(&directory, "marie", 1).await;
    assert_eq!(resolve(&other, "marie@ac.test").await, Some(marie.id));
    assert_eq!(resolve(&other, "m@ac.test").await, None);
    directory.add_alias(marie.id, &address("m@ac.test")).await.unwrap();
    assert_eq!(resolve(&other, "m@ac.test").await, Some(marie.id));
    directory.delete_account(marie.id).await.unwrap();
    assert_eq!(resolve(&other, "marie@ac.test").await, None);
}

#[tokio::test]
async fn a_suspended_account_receives_and_a_deleted_one_does_not() {
    let (_, directory) = directory().await;
    let marie = create(&directory, "marie", 1).await;
    directory.set_state(marie.id, AccountState::Suspended).await.unwrap();
    assert_eq!(resolve(&directory, "marie@ac.test").await, Some(marie.id));
    directory.delete_account(marie.id).await.unwrap();
    assert_eq!(resolve(&directory, "marie@ac.test").await, None);
}

#[tokio::test]
async fn every_hosted_domain_has_a_postmaster_once_somebody_is_named() {
    // RFC 5321 §4.5.1: postmaster, in any case of letters, at every domain that takes mail.
    let settings = Settings { postmaster: Some(address("chef@ac.test")), ..unlimited() };
    let (_, directory) = directory_with(settings).await;
    let other = "lycee.test".parse().unwrap();
    directory.create_domain(&other, DomainKind::Hosted).await.unwrap();
    assert_eq!(
        resolve(&directory, "postmaster@ac.test").await,
        None,
        "the reader is not there yet"
    );
    let chef = create(&directory, "chef", 1).await;
    let ada = create(&directory, "ada", 2).await;
    for text in ["postmaster@ac.test", "PostMaster@lycee.test", "abuse@ac.test"] {
        assert_eq!(resolve(&directory, text).await, Some(chef.id), "{text}");
    }
    directory.set_postmaster(&other, Some(address("ada@ac.test"))).await.unwrap();
    assert_eq!(resolve(&directory, "postmaster@lycee.test").await, Some(ada.id));
    assert_eq!(resolve(&directory, "postmaster@ac.test").await, Some(chef.id));
    directory.add_alias(ada.id, &address("postmaster@ac.test")).await.unwrap();
    assert_eq!(resolve(&directory, "postmaster@ac.test").await, Some(ada.id), "a real one wins");
    directory.reload(&Settings { postmaster: Some(address("ada@ac.test")), ..unlimited() });
    assert_eq!(resolve(&directory, "abuse@ac.test").await, Some(ada.id), "another one is named");
}

#[tokio::test]
async fn an_account_writes_as_its_own_addresses_only_and_only_while_in_use() {
    let (_, directory) = directory().await;
    let marie = create(&directory, "marie", 1).await;
    create(&directory, "jean", 2).await;
    directory.add_alias(marie.id, &address("m@ac.test")).await.unwrap();
    for (text, may) in [
        ("marie@ac.test", true),
        ("Marie+liste@AC.test", true),
        ("m@ac.test", true),
        ("m+x@ac.test", true),
        ("jean@ac.test", false),
        ("jean+marie@ac.test", false),
        ("marie@example.org", false),
        ("postmaster@ac.test", false),
    ] {
        assert_eq!(directory.may_send_as(marie.id, &address(text)).await.unwrap(), may, "{text}");
    }
    directory.set_state(marie.id, AccountState::Suspended).await.unwrap();
    assert!(!directory.may_send_as(marie.id, &address("marie@ac.test")).await.unwrap());
    assert!(!directory.may_send_as(AccountId(99), &address("marie@ac.test")).await.unwrap());
}

#[tokio::test]
async fn domains_are_kept_and_creating_one_again_changes_nothing() {
    let (store, directory) = directory().await;
    let domain = "ac.test".parse().unwrap();
    directory.set_postmaster(&domain, Some(address("a@ac.test"))).await.unwrap();
    directory.create_domain(&domain, DomainKind::Hosted).await.unwrap();
    let again = Directory::open(store, unlimited()).await.unwrap();
    let domains = again.list_domains();
    assert_eq!(domains.len(), 1);
    assert_eq!(domains[0].postmaster, Some(address("a@ac.test")));
    assert_eq!(again.domain(&domain).await.unwrap(), Some(DomainKind::Hosted));
    let other = "b.test".parse().unwrap();
    assert_eq!(again.domain(&other).await.unwrap(), None);
    let error = again.set_postmaster(&other, None).await.unwrap_err();
    assert!(matches!(error, DirectoryError::NotFound { .. }));
}
