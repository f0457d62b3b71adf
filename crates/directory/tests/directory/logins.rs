//! Logins: the same work and answer for everybody who may not, limits before hashing, and no
//! success that outlives its password.

use std::time::Duration;

use crate::common::{
    self, PASSWORD, address, create, directory, directory_with, hash, login, login_from, new,
};
use directory::{
    AccountState, AuthError, DirectoryError, LimitSettings, NewPassword, Rate, Requester, Service,
    Settings, TotpSecret,
};

const NEW_PASSWORD: &str = "une autre phrase, plus longue";

#[tokio::test]
async fn a_login_is_an_address_an_alias_or_an_academic_id() {
    let (_, directory) = directory().await;
    let marie = create(&directory, "Marie.Martin", 123).await;
    directory.add_alias(marie.id, &address("m@ac.test")).await.unwrap();
    for (name, found) in [
        ("marie.martin@ac.test", true),
        (" MARIE.Martin@AC.test ", true),
        ("m@ac.test", true),
        ("00000123", true),
        (" 00000123\n", true),
        ("123", false),
        ("marie.martin", false),
        ("marie.martin+x@ac.test", false),
        ("", false),
        ("a1", false),
        ("\0", false),
    ] {
        assert_eq!(login(&directory, name, PASSWORD).await.is_some(), found, "{name:?}");
    }
}

#[tokio::test]
async fn whoever_may_not_log_in_costs_one_hash_and_no_commit() {
    // threats S6: unknown, wrong, suspended and deleted look alike, also to a stopwatch.
    let (store, directory) = directory().await;
    create(&directory, "marie", 1).await;
    let suspended = create(&directory, "suspended", 2).await;
    directory.set_state(suspended.id, AccountState::Suspended).await.unwrap();
    let deleted = create(&directory, "deleted", 3).await;
    directory.delete_account(deleted.id).await.unwrap();
    let mut without = new("without", 4);
    without.password = None;
    directory.create_account(without).await.unwrap();
    let long = "x".repeat(5000);
    for (name, password) in [
        ("marie@ac.test", "wrong"),
        ("marie@ac.test", ""),
        ("marie@ac.test", long.as_str()),
        ("marie@ac.test", "with\0nul"),
        ("suspended@ac.test", PASSWORD),
        ("suspended@ac.test", "wrong"),
        ("deleted@ac.test", PASSWORD),
        ("without@ac.test", PASSWORD),
        ("unknown@ac.test", PASSWORD),
        ("unknown@example.org", PASSWORD),
        ("99999999", PASSWORD),
        ("not a login", PASSWORD),
    ] {
        let (hashes, syncs) = (directory.password_hashes(), store.syncs());
        let outcome = login_from(&directory, name, password, "192.0.2.1").await;
        assert!(matches!(outcome, Err(AuthError::Refused)), "{name}: {outcome:?}");
        assert_eq!(directory.password_hashes() - hashes, 1, "{name}");
        assert_eq!(store.syncs(), syncs, "{name}");
    }
}

#[tokio::test]
async fn a_right_password_is_hashed_once_and_a_wrong_one_each_time() {
    let (_, directory) = directory().await;
    create(&directory, "marie", 1).await;
    for (password, hashes) in [(PASSWORD, 1), (PASSWORD, 0), ("wrong", 1), ("wrong", 1)] {
        let before = directory.password_hashes();
        let found = login(&directory, "marie@ac.test", password).await;
        assert_eq!(found.is_some(), password == PASSWORD);
        assert_eq!(directory.password_hashes() - before, hashes, "{password}");
    }
}

#[tokio::test]
async fn connections_that_come_at_once_share_one_hash() {
    let settings = Settings { hashes_at_once_max: 1, ..common::unlimited() };
    let (_, directory) = directory_with(settings).await;
    create(&directory, "marie", 1).await;
    let before = directory.password_hashes();
    let logins: Vec<_> = (0..8)
        .map(|_| {
            let directory = directory.clone();
            tokio::spawn(async move { login(&directory, "marie@ac.test", PASSWORD).await })
        })
        .collect();
    for login in logins {
        assert!(login.await.unwrap().is_some());
    }
    assert_eq!(directory.password_hashes() - before, 1);
}

#[tokio::test]
async fn a_remembered_password_is_one_accounts_own() {
    // CVE-2025-30189: an authentication cache whose key was the same for everybody.
    let (_, directory) = directory().await;
    let marie = create(&directory, "marie", 1).await;
    let mut jean = new("jean", 2);
    jean.password = Some(NewPassword::Plain(NEW_PASSWORD.into()));
    let jean = directory.create_account(jean).await.unwrap();
    assert_eq!(login(&directory, "marie@ac.test", PASSWORD).await, Some(marie.id));
    assert_eq!(login(&directory, "jean@ac.test", PASSWORD).await, None);
    assert_eq!(login(&directory, "jean@ac.test", NEW_PASSWORD).await, Some(jean.id));
    assert_eq!(login(&directory, "marie@ac.test", NEW_PASSWORD).await, None);
}

#[tokio::test]
async fn a_changed_password_ends_the_old_one_at_once_and_is_announced() {
    let (_, directory) = directory().await;
    let marie = create(&directory, "marie", 1).await;
    let mut changes = directory.subscribe_credential_changes();
    assert!(login(&directory, "marie@ac.test", PASSWORD).await.is_some());
    let plain = NewPassword::Plain(NEW_PASSWORD.into());
    directory.set_password(marie.id, plain).await.unwrap();
    assert_eq!(changes.try_recv().unwrap(), marie.id);
    assert!(login(&directory, "marie@ac.test", PASSWORD).await.is_none());
    assert!(login(&directory, "marie@ac.test", NEW_PASSWORD).await.is_some());
    let version = directory.account(marie.id).await.unwrap().unwrap().credential_version;
    assert!(version > marie.credential_version);
}

#[tokio::test]
async fn suspending_ends_a_remembered_password_and_resuming_brings_it_back() {
    let (_, directory) = directory().await;
    let marie = create(&directory, "marie", 1).await;
    let mut changes = directory.subscribe_credential_changes();
    assert!(login(&directory, "marie@ac.test", PASSWORD).await.is_some());
    directory.set_state(marie.id, AccountState::Suspended).await.unwrap();
    assert!(login(&directory, "marie@ac.test", PASSWORD).await.is_none());
    directory.set_state(marie.id, AccountState::Active).await.unwrap();
    assert!(login(&directory, "marie@ac.test", PASSWORD).await.is_some());
    directory.delete_account(marie.id).await.unwrap();
    assert!(login(&directory, "marie@ac.test", PASSWORD).await.is_none());
    assert_eq!(
        [changes.try_recv(), changes.try_recv(), changes.try_recv()],
        std::array::from_fn(|_| Ok(marie.id))
    );
}

#[tokio::test]
async fn a_password_is_the_same_however_its_accents_are_typed() {
    // RFC 8265 §4.2.2: NFC; phones and computers differ in what they send.
    let (_, directory) = directory().await;
    let mut marie = new("marie", 1);
    marie.password = Some(NewPassword::Plain("l'école est finie".into()));
    directory.create_account(marie).await.unwrap();
    assert!(login(&directory, "marie@ac.test", "l'e\u{301}cole est finie").await.is_some());
    assert!(login(&directory, "marie@ac.test", "l'ecole est finie").await.is_none());
}

#[tokio::test]
async fn a_cheaper_hash_is_replaced_at_login_without_ending_sessions() {
    let (store, directory) = directory().await;
    let mut marie = new("marie", 1);
    // "une phrase assez longue" at m=64, t=1, made by `cheap_hash`.
    marie.password = Some(NewPassword::Hash(cheap_hash()));
    let marie = directory.create_account(marie).await.unwrap();
    let syncs = store.syncs();
    assert!(login(&directory, "marie@ac.test", "wrong").await.is_none());
    assert_eq!(store.syncs(), syncs, "a wrong password upgrades nothing");
    assert!(login(&directory, "marie@ac.test", PASSWORD).await.is_some());
    assert!(store.syncs() > syncs);
    let after = directory.account(marie.id).await.unwrap().unwrap();
    assert_eq!(after.credential_version, marie.credential_version);
    let (syncs, hashes) = (store.syncs(), directory.password_hashes());
    assert!(login(&directory, "marie@ac.test", PASSWORD).await.is_some());
    assert!(login(&directory, "marie@ac.test", PASSWORD).await.is_some());
    assert_eq!(store.syncs(), syncs, "once is enough");
    assert_eq!(directory.password_hashes() - hashes, 1);
}

fn cheap_hash() -> String {
    use argon2::password_hash::PasswordHasher;
    let params = argon2::Params::new(64, 1, 1, None).unwrap();
    let argon2 = argon2::Argon2::from(params);
    argon2.hash_password_with_salt(PASSWORD.as_bytes(), b"sixteen bytes ok").unwrap().to_string()
}

#[tokio::test]
async fn without_a_memory_every_login_is_hashed() {
    let settings = Settings { verified_seconds_max: 0, ..common::unlimited() };
    let (_, directory) = directory_with(settings).await;
    create(&directory, "marie", 1).await;
    let before = directory.password_hashes();
    for _ in 0..2 {
        assert!(login(&directory, "marie@ac.test", PASSWORD).await.is_some());
    }
    assert_eq!(directory.password_hashes() - before, 2);
}

#[tokio::test]
async fn an_account_without_a_password_waits_for_its_first() {
    let (_, directory) = directory().await;
    let mut marie = new("marie", 1);
    marie.password = None;
    let marie = directory.create_account(marie).await.unwrap();
    assert_eq!(marie.state, AccountState::AwaitingFirstLogin);
    let short = NewPassword::Plain("too short".into());
    let error = directory.set_password(marie.id, short).await.unwrap_err();
    assert!(matches!(error, DirectoryError::Invalid(_)), "{error}");
    directory.set_password(marie.id, NewPassword::Hash(hash())).await.unwrap();
    assert_eq!(login(&directory, "marie@ac.test", PASSWORD).await, Some(marie.id));
}

fn limited() -> Settings {
    Settings {
        limits: LimitSettings {
            per_login_and_address: Rate { burst: 2, per_hour: 60 },
            per_login: Rate { burst: 4, per_hour: 60 },
            per_address: Rate { burst: 6, per_hour: 60 },
            ..LimitSettings::default()
        },
        ..Settings::default()
    }
}

#[tokio::test]
async fn limits_come_before_hashing_and_do_not_tell_who_exists() {
    let (_, directory) = directory_with(limited()).await;
    create(&directory, "marie", 1).await;
    for name in ["marie@ac.test", "nobody@ac.test", "not a login"] {
        for _ in 0..2 {
            let outcome = login_from(&directory, name, "wrong", "192.0.2.1").await;
            assert!(matches!(outcome, Err(AuthError::Refused)), "{name}: {outcome:?}");
        }
        let hashes = directory.password_hashes();
        // The same login in another spelling is the same login.
        let shouted = name.to_uppercase();
        let outcome = login_from(&directory, &shouted, "wrong", "192.0.2.1").await;
        assert!(matches!(outcome, Err(AuthError::TooMany)), "{name}: {outcome:?}");
        assert_eq!(directory.password_hashes(), hashes);
    }
}

#[tokio::test]
async fn a_held_up_guesser_learns_nothing_from_the_memory_of_right_passwords() {
    let (_, directory) = directory_with(limited()).await;
    create(&directory, "marie", 1).await;
    login_from(&directory, "marie@ac.test", PASSWORD, "192.0.2.1").await.unwrap();
    for _ in 0..2 {
        let outcome = login_from(&directory, "marie@ac.test", "wrong", "203.0.113.1").await;
        assert!(matches!(outcome, Err(AuthError::Refused)));
    }
    let guess = login_from(&directory, "marie@ac.test", PASSWORD, "203.0.113.1").await;
    assert!(matches!(guess, Err(AuthError::TooMany)), "{guess:?}");
}

#[tokio::test]
async fn an_attack_from_elsewhere_does_not_lock_a_known_address_out() {
    let (_, directory) = directory_with(limited()).await;
    create(&directory, "marie", 1).await;
    login_from(&directory, "marie@ac.test", PASSWORD, "192.0.2.1").await.unwrap();
    for host in 1..20 {
        let peer = format!("203.0.113.{host}");
        login_from(&directory, "marie@ac.test", "wrong", &peer).await.unwrap_err();
    }
    let stranger = login_from(&directory, "marie@ac.test", PASSWORD, "198.51.100.1").await;
    assert!(matches!(stranger, Err(AuthError::TooMany)), "{stranger:?}");
    for _ in 0..10 {
        login_from(&directory, "marie@ac.test", PASSWORD, "192.0.2.1").await.unwrap();
    }
}

#[tokio::test]
async fn an_attack_from_elsewhere_does_not_lock_who_has_a_second_factor_out_either() {
    // Administrators have one, and theirs are the accounts that are attacked.
    let limits =
        LimitSettings { per_login: Rate { burst: 20, per_hour: 60 }, ..LimitSettings::default() };
    let settings = Settings { limits, ..Settings::default() };
    let (time, directory) = common::directory_at(settings).await;
    let marie = create(&directory, "marie", 1).await;
    let home = "198.51.100.9";
    let requester = Requester { peer: Some(home.parse().unwrap()), ..Requester::default() };
    let secret = TotpSecret::generate();
    let now = || time.load(std::sync::atomic::Ordering::Relaxed);
    directory.turn_totp_on(marie.id, &secret, &secret.code_at(now()), &requester).await.unwrap();
    let enter = async |peer: &str| {
        let (peer, password) = (peer.parse().unwrap(), PASSWORD.into());
        directory.authenticate("marie@ac.test", &password, Service::Webmail, peer).await
    };
    let Err(AuthError::NeedsSecondFactor(account)) = enter(home).await else { panic!("asked") };
    time.fetch_add(30, std::sync::atomic::Ordering::Relaxed);
    let code = secret.code_at(now());
    directory.verify_second_factor(&account, &code, &requester).await.unwrap();
    for n in 0..30 {
        let _ = login_from(&directory, "marie@ac.test", "wrong", &format!("203.0.113.{n}")).await;
    }
    let stranger = enter("203.0.113.200").await;
    assert!(matches!(stranger, Err(AuthError::TooMany)), "{stranger:?}");
    let own = enter(home).await;
    assert!(matches!(own, Err(AuthError::NeedsSecondFactor(_))), "{own:?}");
}

#[tokio::test]
async fn a_school_behind_one_address_logs_in_however_many_they_are() {
    let (_, directory) = directory_with(limited()).await;
    for number in 0..10 {
        create(&directory, &format!("agent{number}"), number).await;
    }
    for number in 0..10 {
        let name = format!("agent{number}@ac.test");
        login_from(&directory, &name, PASSWORD, "192.0.2.1").await.unwrap();
    }
}

#[tokio::test]
async fn a_full_line_says_try_again_and_counts_as_no_try() {
    let settings = Settings {
        hashes_at_once_max: 1,
        hashes_waiting_max: 0,
        verified_seconds_max: 0,
        ..limited()
    };
    let (_, directory) = directory_with(settings).await;
    create(&directory, "marie", 1).await;
    let logins: Vec<_> = (0..4)
        .map(|_| {
            let directory = directory.clone();
            tokio::spawn(async move {
                login_from(&directory, "marie@ac.test", PASSWORD, "192.0.2.1").await
            })
        })
        .collect();
    let mut busy = 0;
    for login in logins {
        match login.await.unwrap() {
            Ok(_) | Err(AuthError::TooMany) => {}
            Err(AuthError::TryAgain(DirectoryError::Busy { .. })) => busy += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(busy > 0);
    login_from(&directory, "marie@ac.test", PASSWORD, "192.0.2.1").await.unwrap();
}

#[tokio::test]
async fn a_login_that_hangs_up_stays_counted() {
    let (_, directory) = directory_with(limited()).await;
    create(&directory, "marie", 1).await;
    for _ in 0..2 {
        let login = login_from(&directory, "marie@ac.test", "wrong", "192.0.2.1");
        let hung_up = tokio::time::timeout(Duration::ZERO, login).await;
        assert!(hung_up.is_err());
    }
    let outcome = login_from(&directory, "marie@ac.test", "wrong", "192.0.2.1").await;
    assert!(matches!(outcome, Err(AuthError::TooMany)), "{outcome:?}");
}

#[tokio::test]
async fn in_a_storm_of_wrong_passwords_right_ones_go_before_guessers() {
    // Hashed in the order of arrival a right password would wait behind every guess there is room
    // for, and when there is none it would be told to try again later.
    let limits = LimitSettings::default();
    let settings = Settings { hashes_at_once_max: 1, hashes_waiting_max: 60, limits, ..limited() };
    let (_, directory) = directory_with(settings).await;
    let marie = create(&directory, "marie", 1).await;
    create(&directory, "jean", 2).await;
    login_from(&directory, "jean@ac.test", PASSWORD, "192.0.2.2").await.unwrap();
    let guesses: Vec<_> = (0..100)
        .map(|number| {
            let directory = directory.clone();
            tokio::spawn(async move {
                let (login, peer) =
                    (format!("a{number}@ac.test"), format!("203.0.113.{}", number % 5));
                login_from(&directory, &login, "wrong", &peer).await
            })
        })
        .collect();
    while directory.password_hashes_waiting() < 60 {
        tokio::task::yield_now().await;
    }
    let hashed = directory.password_hashes();
    login_from(&directory, "marie@ac.test", PASSWORD, "192.0.2.1").await.unwrap();
    let ahead = directory.password_hashes() - hashed;
    assert!(ahead <= 8, "{ahead} before a stranger with a right password: one of each address");
    let hashed = directory.password_hashes();
    let wrong = login_from(&directory, "jean@ac.test", "wrong", "192.0.2.2").await;
    assert!(matches!(wrong, Err(AuthError::Refused)), "{wrong:?}");
    let ahead = directory.password_hashes() - hashed;
    assert!(ahead <= 3, "{ahead} before somebody who was here");
    let mut busy = 0;
    for guess in guesses {
        busy += usize::from(matches!(guess.await.unwrap(), Err(AuthError::TryAgain(_))));
    }
    assert!(busy > 0, "the line was full");
    assert!(login(&directory, "marie@ac.test", PASSWORD).await == Some(marie.id));
}
