//! What administrators do: names that stay reserved, pages in number order, updates.

use crate::common::{self, address, after_crash, create, directory, new};
use directory::{
    ACCOUNTS_PER_PAGE_MAX, ALIASES_MAX, AccountState, AccountUpdate, Act, DirectoryError, Doer,
    ImportMode, LetterKind, NewPassword, Person, Requester, Settings,
};
use mail_types::{AccountId, Role};

fn taken<T: std::fmt::Debug>(outcome: Result<T, DirectoryError>) {
    assert!(matches!(outcome, Err(DirectoryError::Taken { .. })), "{outcome:?}");
}

fn invalid<T: std::fmt::Debug>(outcome: Result<T, DirectoryError>) {
    assert!(matches!(outcome, Err(DirectoryError::Invalid(_))), "{outcome:?}");
}

#[tokio::test]
async fn an_address_and_an_academic_id_belong_to_one_account_for_ever() {
    let (store, directory) = directory().await;
    let marie = create(&directory, "marie", 1).await;
    directory.add_alias(marie.id, &address("m@ac.test")).await.unwrap();
    let names_are_taken = async |directory: &directory::Directory| {
        taken(directory.create_account(new("marie", 2)).await);
        taken(directory.create_account(new("MARIE", 2)).await);
        taken(directory.create_account(new("m", 2)).await);
        taken(directory.create_account(new("other", 1)).await);
    };
    names_are_taken(&directory).await;
    directory.delete_account(marie.id).await.unwrap();
    names_are_taken(&directory).await;
    let (_, directory) = after_crash(&store).await;
    names_are_taken(&directory).await;
    let other = create(&directory, "other", 2).await;
    taken(directory.add_alias(other.id, &address("marie@ac.test")).await);
    assert!(directory.verify().await.unwrap().is_clean());
}

#[tokio::test]
async fn a_refused_account_leaves_its_free_names_free_and_its_number_unused() {
    let (_, directory) = directory().await;
    let marie = create(&directory, "marie", 1).await;
    taken(directory.create_account(new("jean", 1)).await);
    let jean = create(&directory, "jean", 2).await;
    assert!(jean.id.0 > marie.id.0 + 1, "numbers are never given twice");
    assert!(directory.verify().await.unwrap().is_clean());
}

#[tokio::test]
async fn what_cannot_be_an_account_is_refused_with_a_reason() {
    let (_, directory) = directory().await;
    for (change, reason) in [
        (("marie+x@ac.test", "Marie", None), "subaddress"),
        (("marie@example.org", "Marie", None), "not hosted"),
        (("\"a b\"@ac.test", "Marie", None), "quoted"),
        (("marie@ac.test", " ", None), "empty"),
        (("marie@ac.test", "Marie\r\nBcc: x", None), "control"),
        (("marie@ac.test", &"x".repeat(300), None), "longer"),
        (("marie@ac.test", "Marie", Some("0759999Z")), "no such unit"),
    ] {
        let (primary, name, unit) = change;
        let mut new = new("marie", 1);
        new.primary_address = address(primary);
        new.name = name.to_owned();
        new.units = unit.into_iter().map(common::unit).collect();
        let error = directory.create_account(new).await.unwrap_err();
        assert!(error.to_string().contains(reason), "{primary} {name}: {error}");
    }
}

#[tokio::test]
async fn errors_do_not_spell_an_academic_id_out() {
    let (_, directory) = directory().await;
    create(&directory, "marie", 12345678).await;
    let error = directory.create_account(new("jean", 12345678)).await.unwrap_err();
    assert_eq!(error.to_string(), "academic ID …78 is already taken");
}

#[tokio::test]
async fn a_deleted_account_forgets_its_person_and_keeps_its_number() {
    let (_, directory) = directory().await;
    let marie = create(&directory, "marie", 1).await;
    directory.delete_account(marie.id).await.unwrap();
    let gone = directory.account(marie.id).await.unwrap().unwrap();
    assert_eq!(gone.state, AccountState::Deleted);
    assert_eq!((gone.name.as_str(), gone.units.len()), ("", 0));
    let again = directory.delete_account(marie.id).await;
    assert!(matches!(again, Err(DirectoryError::NotFound { .. })));
    assert_eq!(directory.find("marie@ac.test").await.unwrap(), None);
    assert_eq!(directory.find("00000001").await.unwrap(), None);
    assert_eq!(directory.find(&marie.id.to_string()).await.unwrap().unwrap().id, marie.id);
}

#[tokio::test]
async fn accounts_are_found_by_address_academic_id_and_number() {
    let (_, directory) = directory().await;
    let marie = create(&directory, "Marie", 1).await;
    for who in ["marie@ac.test", " MARIE@ac.test", "00000001", "a1"] {
        let found = directory.find(who).await.unwrap();
        assert_eq!(found.map(|account| account.id), Some(marie.id), "{who}");
    }
    for who in ["", "a", "a2", "1", "00000002", "marie", "marie+x@ac.test"] {
        assert_eq!(directory.find(who).await.unwrap(), None, "{who}");
    }
}

#[tokio::test]
async fn pages_run_through_all_accounts_in_number_order() {
    let (_, directory) = directory().await;
    let mut csv = String::from("address,name,academic_id\n");
    // More than two blocks, and so more than two partitions.
    for number in 0..2500 {
        csv += &format!("agent{number}@ac.test,Agent,{number:08}\n");
    }
    let report = directory.import(csv.as_bytes(), ImportMode::Apply, None, |_| {}).await.unwrap();
    assert_eq!(report.created, 2500);
    let (mut after, mut seen, mut pages) = (None, Vec::new(), 0);
    loop {
        let page = directory.accounts(after, 700).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        pages += 1;
        seen.extend(page.iter().map(|account| account.id.0));
    }
    assert_eq!(seen, (1..=2500).collect::<Vec<_>>());
    assert_eq!(pages, 4);
    assert_eq!(directory.accounts(None, usize::MAX).await.unwrap().len(), ACCOUNTS_PER_PAGE_MAX);
}

#[tokio::test]
async fn an_alias_taken_away_stays_reserved_for_its_account() {
    let (_, directory) = directory().await;
    let marie = create(&directory, "marie", 1).await;
    let jean = create(&directory, "jean", 2).await;
    let alias = address("m@ac.test");
    for _ in 0..2 {
        directory.add_alias(marie.id, &alias).await.unwrap();
    }
    assert_eq!(
        directory.account(marie.id).await.unwrap().unwrap().aliases,
        std::slice::from_ref(&alias)
    );
    for _ in 0..2 {
        directory.remove_alias(marie.id, &alias).await.unwrap();
    }
    assert_eq!(directory.find("m@ac.test").await.unwrap(), None);
    taken(directory.add_alias(jean.id, &alias).await);
    let strangers = directory.remove_alias(jean.id, &alias).await;
    assert!(matches!(strangers, Err(DirectoryError::NotFound { .. })));
    directory.add_alias(marie.id, &alias).await.unwrap();
    assert_eq!(directory.find("m@ac.test").await.unwrap().unwrap().id, marie.id);
    invalid(directory.remove_alias(marie.id, &address("marie@ac.test")).await);
    assert!(directory.verify().await.unwrap().is_clean());
}

#[tokio::test]
async fn aliases_have_a_limit() {
    let (_, directory) = directory().await;
    let marie = create(&directory, "marie", 1).await;
    for number in 0..ALIASES_MAX {
        directory.add_alias(marie.id, &address(&format!("m{number}@ac.test"))).await.unwrap();
    }
    invalid(directory.add_alias(marie.id, &address("m@ac.test")).await);
    assert!(directory.verify().await.unwrap().is_clean(), "the refused one is free again");
}

#[tokio::test]
async fn a_new_primary_address_makes_the_old_one_an_alias() {
    let (_, directory) = directory().await;
    let marie = create(&directory, "marie.martin", 1).await;
    let update = |text: &str| AccountUpdate {
        primary_address: Some(address(text)),
        ..AccountUpdate::default()
    };
    directory.update_account(marie.id, update("marie.durand@ac.test")).await.unwrap();
    let now = directory.account(marie.id).await.unwrap().unwrap();
    assert_eq!(now.primary_address, address("marie.durand@ac.test"));
    assert_eq!(now.aliases, [address("marie.martin@ac.test")]);
    // And back again: nothing is listed twice.
    directory.update_account(marie.id, update("Marie.Martin@ac.test")).await.unwrap();
    let now = directory.account(marie.id).await.unwrap().unwrap();
    assert_eq!(now.primary_address, address("Marie.Martin@ac.test"));
    assert_eq!(now.aliases, [address("marie.durand@ac.test")]);
    assert!(directory.verify().await.unwrap().is_clean());
}

#[tokio::test]
async fn a_display_name_made_of_the_names_follows_them_and_one_of_its_own_stays() {
    // `account edit --usage-name` once left the old name on everything its owner wrote.
    let (_, directory) = directory().await;
    let marie = create(&directory, "marie", 1).await;
    let update = async |name: Option<&str>, person: Person| {
        let update = AccountUpdate { name: name.map(str::to_owned), person, ..Default::default() };
        directory.update_account(marie.id, update).await.unwrap();
        directory.account(marie.id).await.unwrap().unwrap().name.clone()
    };
    let named = |given: &str, usage: &str| Person {
        given_name: (!given.is_empty()).then(|| given.to_owned()),
        birth_name: (!given.is_empty()).then(|| "Martin".to_owned()),
        usage_name: (!usage.is_empty()).then(|| usage.to_owned()),
        ..Person::default()
    };
    assert_eq!(update(Some("Marie Martin"), named("Marie", "")).await, "Marie Martin");
    assert_eq!(update(None, named("", "Durand")).await, "Marie Durand");
    assert_eq!(update(None, named("Marie-Anne", "")).await, "Marie-Anne Durand");
    assert_eq!(update(Some("M. Durand"), Person::default()).await, "M. Durand");
    assert_eq!(update(None, named("", "Petit")).await, "M. Durand");
}

#[tokio::test]
async fn an_update_changes_what_it_names_and_keeps_sessions() {
    let (_, directory) = directory().await;
    let marie = create(&directory, "marie", 1).await;
    let mut changes = directory.subscribe_credential_changes();
    let update = AccountUpdate {
        name: Some("Marie Durand".into()),
        units: Some(Vec::new()),
        role: Some(Role::ItOfficer),
        ..AccountUpdate::default()
    };
    directory.update_account(marie.id, update).await.unwrap();
    let now = directory.account(marie.id).await.unwrap().unwrap();
    assert_eq!(
        (now.name.as_str(), now.units.len(), now.role),
        ("Marie Durand", 0, Role::ItOfficer)
    );
    assert_eq!(now.credential_version, marie.credential_version);
    assert!(changes.try_recv().is_err());
    let missing = directory.update_account(AccountId(99), AccountUpdate::default()).await;
    assert!(missing.is_ok(), "nothing to change");
    let missing = directory.set_quota(AccountId(99), None).await;
    assert!(matches!(missing, Err(DirectoryError::NotFound { .. })));
}

#[tokio::test]
async fn a_quota_is_its_own_or_the_default_or_none() {
    let (_, directory) = directory().await;
    let marie = create(&directory, "marie", 1).await;
    for (own, comes_to) in [(Some(100), Some(100)), (Some(0), None), (None, Some(5 << 30))] {
        directory.set_quota(marie.id, own).await.unwrap();
        let now = directory.account(marie.id).await.unwrap().unwrap();
        assert_eq!(now.quota_bytes, comes_to);
    }
}

#[tokio::test]
async fn another_default_quota_counts_at_once_for_who_has_none_of_their_own() {
    let (_, directory) = directory().await;
    let (marie, paul) = (create(&directory, "marie", 1).await, create(&directory, "paul", 2).await);
    directory.set_quota(paul.id, Some(100)).await.unwrap();
    for (default, comes_to) in [(5 << 30, Some(5 << 30)), (1000, Some(1000)), (0, None)] {
        let other = Settings { quota_bytes_default: default, ..Settings::default() };
        directory.reload(&other);
        let quota = async |id| directory.account(id).await.unwrap().unwrap().quota_bytes;
        assert_eq!((quota(marie.id).await, quota(paul.id).await), (comes_to, Some(100)));
        let listed = directory.accounts(None, 10).await.unwrap();
        assert_eq!(listed[0].quota_bytes, comes_to);
    }
}

#[tokio::test]
async fn the_command_line_and_the_server_leave_their_lines_too() {
    let (_, directory) = directory().await;
    let marie = directory.provision(new("marie", 1)).await.unwrap().id;
    let administrator =
        AccountUpdate { role: Some(Role::Administrator), ..AccountUpdate::default() };
    directory.update_account(marie, administrator).await.unwrap();
    directory.add_alias(marie, &address("m.martin@ac.test")).await.unwrap();
    directory.remove_alias(marie, &address("m.martin@ac.test")).await.unwrap();
    directory.set_password(marie, NewPassword::Hash(common::hash())).await.unwrap();
    directory.set_state(marie, AccountState::Suspended).await.unwrap();
    directory.set_state(marie, AccountState::Active).await.unwrap();
    directory.set_leaving(marie, Some("2099-08-31".parse().unwrap())).await.unwrap();
    directory.issue_secret(marie).await.unwrap();
    let paul = create(&directory, "paul", 2).await.id;
    directory.delete_account(marie).await.unwrap();
    directory.delete_leaver(paul).await.unwrap();
    let csv = "academic_id,address,name\n00000003,zoe@ac.test,Zoé\n";
    directory.import(csv.as_bytes(), ImportMode::Apply, None, |_| ()).await.unwrap();
    let (marie, paul) = (Some(marie.0), Some(paul.0));
    let mut found = Vec::new();
    let see = |record: &directory::AuditRecord| {
        assert_eq!((record.officer, record.peer), (None, None));
        found.push((record.act, record.account, record.doer, record.reason.clone()));
        true
    };
    directory.audit_lines(see).await.unwrap();
    let here = Some(Doer::CommandLine);
    for (act, account, doer, reason) in [
        (Act::UnitCreated, None, here, "name, contact, officers="),
        (Act::AccountCreated, marie, here, "role=agent, units=0750001A"),
        (Act::AccountChanged, marie, here, "role=administrator"),
        (Act::AliasAdded, marie, here, "m.martin@ac.test"),
        (Act::AliasRemoved, marie, here, "m.martin@ac.test"),
        (Act::PasswordChanged, marie, here, ""),
        (Act::AccountSuspended, marie, here, ""),
        (Act::AccountResumed, marie, here, ""),
        (Act::LeavingSet, marie, here, "2099-08-31"),
        (Act::SecretIssued, marie, here, ""),
        (Act::AccountDeleted, marie, here, ""),
        (Act::AccountDeleted, paul, Some(Doer::Server), ""),
        (Act::AccountCreated, Some(3), here, "role=agent, units="),
        (Act::AccountsImported, None, here, "created=1, updated=0, unchanged=0, refused=0"),
    ] {
        assert!(found.contains(&(act, account, doer, reason.to_owned())), "{act:?}: {found:?}");
    }
    assert_eq!(directory.verify_audit().await.unwrap().fault_count, 0);
}

#[tokio::test]
async fn a_password_replaced_at_the_command_line_is_told_and_ends_what_it_opened() {
    let (_, directory) = directory().await;
    for (number, by_secret) in [(1, true), (2, false)] {
        let marie = create(&directory, &format!("marie{number}"), number).await.id;
        directory.add_app_password(marie, "Téléphone", &Requester::default()).await.unwrap();
        for letter in directory.due_letters(10).await.unwrap() {
            directory.letter_done(&letter).await.unwrap();
        }
        match by_secret {
            true => drop(directory.issue_secret(marie).await.unwrap()),
            false => {
                let own = NewPassword::Plain("girafe bleue sous la pluie".into());
                directory.set_password(marie, own).await.unwrap();
            }
        }
        let letters = directory.due_letters(10).await.unwrap();
        let told: Vec<_> = letters.iter().map(|one| (one.kind, one.peer)).collect();
        let kind = if by_secret { LetterKind::ResetApproved } else { LetterKind::PasswordChanged };
        assert_eq!(told, [(kind, None)]);
        let overview = directory.security_overview(marie).await.unwrap();
        assert!(overview.app_passwords.is_empty());
        assert_eq!(overview.hold_until.is_some(), by_secret);
    }
}
