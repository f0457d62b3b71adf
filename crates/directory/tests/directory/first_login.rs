//! The temporary secret opens the change page, once and for a while; then there is a password.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::common::{
    self, PASSWORD, START, address, create, directory_at, login_from, new, unlimited,
};
use directory::{
    AccountState, Act, AuthError, Choice, Directory, FirstLogin, LetterKind, LimitSettings,
    NewAccount, Rate, Requester, Settings, Sheet, TotpSecret, Weakness,
};

const DAY: i64 = 86_400;
const OWN: &str = "girafe bleue sous la pluie";

fn browser() -> Requester {
    let peer = Some("192.0.2.1".parse().unwrap());
    Requester { peer, language: "fr".into(), ..Requester::default() }
}

async fn provision(directory: &Directory) -> Sheet {
    let new = NewAccount { name: "Marie Martin".into(), ..new("marie.martin", 1) };
    directory.provision(new).await.unwrap()
}

/// What this login is told: the right to choose a password, or nothing.
async fn try_secret(directory: &Directory, login: &str, secret: &str) -> Option<FirstLogin> {
    match login_from(directory, login, secret, "192.0.2.1").await {
        Err(AuthError::MustChangePassword(right)) => Some(right),
        Err(AuthError::Refused) => None,
        outcome => panic!("{outcome:?}"),
    }
}

#[tokio::test]
async fn the_secret_leads_to_a_password_and_is_used_up() {
    let (_, directory) = directory_at(unlimited()).await;
    let sheet = provision(&directory).await;
    assert_eq!(sheet.expires_at.as_second(), START + 7 * DAY);
    let secret = sheet.secret.expose().clone();
    let mut rights = Vec::new();
    for login in ["00000001", "marie.martin@ac.test", "Marie.Martin@AC.test"] {
        for typed in [secret.clone(), secret.to_uppercase(), secret.replace('-', " ")] {
            rights.push(try_secret(&directory, login, &typed).await.expect(login));
        }
    }
    assert!(rights.iter().all(|right| *right == rights[0]), "looking at the page uses nothing up");
    assert_eq!(directory.password_hashes(), 0);
    let mut changes = directory.subscribe_credential_changes();
    let choice = directory.choose_password(rights[0], &OWN.into(), &browser()).await.unwrap();
    assert!(matches!(choice, Choice::Accepted(strength) if strength.bits >= 50));
    assert_eq!(changes.try_recv().unwrap(), sheet.id);
    let account = directory.account(sheet.id).await.unwrap().unwrap();
    assert_eq!(account.state, AccountState::Active);
    assert_eq!(common::login(&directory, "00000001", OWN).await, Some(sheet.id));
    assert_eq!(try_secret(&directory, "00000001", &secret).await, None, "used");
    let again =
        directory.choose_password(rights[0], &"une autre girafe verte".into(), &browser()).await;
    assert_eq!(again.unwrap(), Choice::TooLate);
    assert_eq!(common::login(&directory, "00000001", OWN).await, Some(sheet.id));
}

#[tokio::test]
async fn a_secret_ends_after_seven_days_or_one_when_it_replaces_a_password() {
    let (now, directory) = directory_at(unlimited()).await;
    let sheet = provision(&directory).await;
    let secret = sheet.secret.expose().clone();
    now.store(START + 7 * DAY - 1, Ordering::Relaxed);
    let right = try_secret(&directory, "00000001", &secret).await.unwrap();
    now.store(START + 7 * DAY, Ordering::Relaxed);
    assert_eq!(try_secret(&directory, "00000001", &secret).await, None, "expired");
    let late = directory.choose_password(right, &OWN.into(), &browser()).await.unwrap();
    assert_eq!(late, Choice::TooLate, "also for whoever has the page open");

    // A new one for a first login, and the old one stays closed.
    let second = directory.issue_secret(sheet.id).await.unwrap();
    assert_eq!(second.expires_at.as_second(), START + 14 * DAY);
    assert_eq!(try_secret(&directory, "00000001", &secret).await, None, "replaced");
    let right = try_secret(&directory, "00000001", second.secret.expose()).await.unwrap();
    directory.choose_password(right, &OWN.into(), &browser()).await.unwrap();

    // A lost password: the old one ends at once, and with it every session.
    let before = directory.account(sheet.id).await.unwrap().unwrap().credential_version;
    let third = directory.issue_secret(sheet.id).await.unwrap();
    assert_eq!(third.expires_at.as_second(), START + 8 * DAY);
    assert_eq!(common::login(&directory, "00000001", OWN).await, None);
    let account = directory.account(sheet.id).await.unwrap().unwrap();
    assert!(account.credential_version > before);
    let right = try_secret(&directory, "00000001", third.secret.expose()).await.unwrap();
    let suspended = AccountState::Suspended;
    directory.set_state(sheet.id, suspended).await.unwrap();
    assert_eq!(try_secret(&directory, "00000001", third.secret.expose()).await, None);
    assert_eq!(
        directory.choose_password(right, &OWN.into(), &browser()).await.unwrap(),
        Choice::TooLate
    );
    assert!(directory.issue_secret(sheet.id).await.is_err(), "suspended");
    directory.set_state(sheet.id, AccountState::Active).await.unwrap();
    assert!(try_secret(&directory, "00000001", third.secret.expose()).await.is_some());
}

#[tokio::test]
async fn unknown_expired_used_and_wrong_cost_the_same_hash_and_say_the_same() {
    let (now, directory) = directory_at(unlimited()).await;
    let used = provision(&directory).await;
    let right = try_secret(&directory, "00000001", used.secret.expose()).await.unwrap();
    directory.choose_password(right, &OWN.into(), &browser()).await.unwrap();
    let expired = directory.provision(new("expired", 2)).await.unwrap();
    now.store(START + 8 * DAY, Ordering::Relaxed);
    let waiting = directory.provision(new("waiting", 3)).await.unwrap();
    let none = NewAccount { password: None, ..new("none", 4) };
    directory.create_account(none).await.unwrap();
    for (login, secret) in [
        ("00000099", waiting.secret.expose().as_str()),
        ("nobody@ac.test", "kf7mx-pdh3r-zwt6c"),
        ("00000001", used.secret.expose()),
        ("00000002", expired.secret.expose()),
        ("00000003", "kf7mx-pdh3r-zwt6c"),
        ("00000003", used.secret.expose()),
        ("00000003", ""),
        ("00000003", &"k".repeat(2000)),
        ("00000004", "kf7mx-pdh3r-zwt6c"),
        ("00000004", ""),
    ] {
        let before = directory.password_hashes();
        assert_eq!(try_secret(&directory, login, secret).await, None, "{login}");
        assert_eq!(directory.password_hashes() - before, 1, "{login}");
    }
}

#[tokio::test]
async fn a_phone_that_tries_the_secret_all_day_does_not_close_the_way_in() {
    let few = Rate { burst: 3, per_hour: 1 };
    let limits = LimitSettings {
        per_login_and_address: few,
        per_login: few,
        per_address: few,
        ..LimitSettings::default()
    };
    let (_, directory) = directory_at(Settings { limits, ..Settings::default() }).await;
    let sheet = provision(&directory).await;
    for _ in 0..20 {
        assert!(try_secret(&directory, "00000001", sheet.secret.expose()).await.is_some());
    }
    for _ in 0..3 {
        assert!(try_secret(&directory, "00000001", "kf7mx-pdh3r-zwt6c").await.is_none());
    }
    let guess = login_from(&directory, "00000001", "kf7mx-pdh3r-zwt6d", "192.0.2.1").await;
    assert!(matches!(guess, Err(AuthError::TooMany)), "{guess:?}");
}

#[tokio::test]
async fn a_weak_choice_changes_nothing_and_says_why() {
    let (_, directory) = directory_at(unlimited()).await;
    let sheet = provision(&directory).await;
    let right = try_secret(&directory, "00000001", sheet.secret.expose()).await.unwrap();
    for (password, weakness) in [
        ("court", Weakness::TooShort { chars: 5 }),
        ("martin.marie.martin", Weakness::OwnWords),
        ("college victor hugo", Weakness::OwnWords),
        ("00000001-00000001", Weakness::OwnWords),
        ("azertyuiop2026", Weakness::Common),
    ] {
        let choice = directory.choose_password(right, &password.into(), &browser()).await.unwrap();
        let Choice::Weak(strength) = choice else { panic!("{password}: {choice:?}") };
        assert_eq!(strength.weaknesses, [weakness], "{password}: {} bits", strength.bits);
    }
    assert!(directory.may_still_choose(right).await.unwrap());
    assert!(try_secret(&directory, "00000001", sheet.secret.expose()).await.is_some());
    let long = "phrase de passe sans fin, ".repeat(30);
    let choice = directory.choose_password(right, &long.as_str().into(), &browser()).await.unwrap();
    assert!(matches!(choice, Choice::Accepted(_)));
    assert_eq!(common::login(&directory, "00000001", &long).await, Some(sheet.id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_choices_at_once_exactly_one_wins() {
    let (_, directory) = directory_at(unlimited()).await;
    let directory = Arc::new(directory);
    let sheet = provision(&directory).await;
    let right = try_secret(&directory, "00000001", sheet.secret.expose()).await.unwrap();
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let directory = Arc::clone(&directory);
            tokio::spawn(async move {
                let password = format!("girafe numero {number} sous la pluie");
                match directory
                    .choose_password(right, &password.as_str().into(), &browser())
                    .await
                    .unwrap()
                {
                    Choice::Accepted(_) => Some(password),
                    Choice::TooLate => None,
                    weak => panic!("{weak:?}"),
                }
            })
        })
        .collect();
    let mut accepted = Vec::new();
    for task in tasks {
        accepted.extend(task.await.unwrap());
    }
    assert_eq!(accepted.len(), 1);
    assert_eq!(common::login(&directory, "00000001", &accepted[0]).await, Some(sheet.id));
}

#[tokio::test]
async fn an_administrator_cannot_set_a_weak_password_either() {
    let (_, directory) = directory_at(unlimited()).await;
    let marie = create(&directory, "marie.martin", 1).await;
    let weak = directory::NewPassword::Plain("marie.martin2026".into());
    let error = directory.set_password(marie.id, weak).await.unwrap_err();
    assert!(error.to_string().contains("belong to its owner"), "{error}");
    assert_eq!(common::login(&directory, "00000001", PASSWORD).await, Some(marie.id));
    assert_eq!(marie.primary_address, address("marie.martin@ac.test"));
}

/// Somebody who has a password, lost it, and is given a secret: the right that it leads to.
async fn replaced(directory: &Directory, sheet: &Sheet) -> FirstLogin {
    let secret = sheet.secret.expose();
    try_secret(directory, "00000001", secret).await.expect("the secret opens the page")
}

#[tokio::test]
async fn a_password_chosen_with_a_secret_needs_the_second_factor_that_there_was() {
    // A code that an administrator hands out, or a thief is handed, must not take it away.
    let (now, directory) = directory_at(unlimited()).await;
    let marie = create(&directory, "marie.martin", 1).await;
    let secret = TotpSecret::generate();
    let code = secret.code_at(now.load(Ordering::Relaxed));
    directory.turn_totp_on(marie.id, &secret, &code, &browser()).await.unwrap();
    let sheet = directory.issue_secret(marie.id).await.unwrap();
    let right = replaced(&directory, &sheet).await;
    let choice = directory.choose_password(right, &OWN.into(), &browser()).await.unwrap();
    assert!(matches!(choice, Choice::NeedsSecondFactor(_)), "{choice:?}");
    assert!(directory.account(marie.id).await.unwrap().unwrap().has_second_factor);
}

#[tokio::test]
async fn a_second_secret_for_a_lost_password_is_no_first_login() {
    let (_, directory) = directory_at(unlimited()).await;
    let marie = create(&directory, "marie.martin", 1).await;
    for _ in 0..2 {
        let sheet = directory.issue_secret(marie.id).await.unwrap();
        assert_eq!(sheet.expires_at.as_second(), START + DAY);
    }
    let letters = directory.due_letters(10).await.unwrap();
    let told = letters.iter().filter(|one| one.kind == LetterKind::ResetApproved);
    assert_eq!(told.count(), 2, "each is told");
}

#[tokio::test]
async fn a_password_chosen_with_a_secret_leaves_a_line_and_whose_it_replaces_is_told() {
    let (_, directory) = directory_at(unlimited()).await;
    let sheet = provision(&directory).await;
    for is_replaced in [false, true] {
        let sheet = match is_replaced {
            false => sheet.clone(),
            true => directory.issue_secret(sheet.id).await.unwrap(),
        };
        for letter in directory.due_letters(10).await.unwrap() {
            directory.letter_done(&letter).await.unwrap();
        }
        let right = replaced(&directory, &sheet).await;
        directory.choose_password(right, &OWN.into(), &browser()).await.unwrap();
        let letters = directory.due_letters(10).await.unwrap();
        let told: Vec<_> = letters.iter().map(|one| one.kind).collect();
        let expected = if is_replaced { vec![LetterKind::PasswordReset] } else { Vec::new() };
        assert_eq!(told, expected);
    }
    let mut chosen = Vec::new();
    let see = |record: &directory::AuditRecord| {
        chosen.extend((record.act == Act::PasswordChosen).then_some((record.account, record.peer)));
        true
    };
    directory.audit_lines(see).await.unwrap();
    assert_eq!(chosen, [(Some(sheet.id.0), browser().peer); 2]);
    assert_eq!(directory.verify_audit().await.unwrap().fault_count, 0);
}
