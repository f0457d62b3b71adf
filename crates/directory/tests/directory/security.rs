//! What keeps accounts safe besides the password: app passwords, the second factor, recovery
//! addresses, and the log of all that.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::common::{self, PASSWORD, address, after_crash, create, login, unlimited};
use directory::{
    Act, AuditRecord, AuthError, CodeOutcome, Directory, DirectoryError, Factor, LetterKind,
    Requester, Service, TotpSecret,
};
use mail_store::tables::directory::account_slice;
use mail_store::tables::security::{Audit, AuditEnds, AuditRow};
use mail_store::{Batch, Store};
use mail_types::AccountId;

/// A directory whose clock the test moves.
async fn timed() -> (Store, Directory, Arc<AtomicI64>) {
    let store = Store::memory();
    let time = Arc::new(AtomicI64::new(1_780_000_000));
    let clock = Arc::clone(&time);
    let directory = Directory::open_at(
        store.clone(),
        unlimited(),
        Arc::new(move || clock.load(Ordering::Relaxed)),
    )
    .await
    .unwrap();
    common::found(&directory).await;
    (store, directory, time)
}

fn browser() -> Requester {
    Requester {
        request: 7,
        peer: Some("192.0.2.9".parse().unwrap()),
        user_agent: format!("Mozilla/5.0\r\n{}", "x".repeat(500)),
        language: "fr".into(),
    }
}

async fn log_in(directory: &Directory, password: &str, service: Service) -> Result<(), AuthError> {
    let peer = "192.0.2.1".parse().unwrap();
    directory.authenticate("marie@ac.test", &password.into(), service, peer).await.map(drop)
}

async fn lines(directory: &Directory) -> Vec<AuditRecord> {
    let mut lines = Vec::new();
    directory
        .audit_lines(|record| {
            // How the schools and accounts came to be is not looked at.
            lines.extend(record.doer.is_none().then(|| record.clone()));
            true
        })
        .await
        .unwrap();
    lines
}

#[tokio::test]
async fn an_app_password_opens_mail_but_not_the_webmail_until_it_is_revoked() {
    let (store, directory, _) = timed().await;
    let marie = create(&directory, "marie", 1).await;
    let other = create(&directory, "paul", 2).await;
    let phone = directory.add_app_password(marie.id, " Téléphone ", &browser()).await.unwrap();
    let tablet = directory.add_app_password(marie.id, "Tablette", &browser()).await.unwrap();
    let hashes = directory.password_hashes();
    log_in(&directory, phone.expose(), Service::Imap).await.unwrap();
    log_in(&directory, &phone.expose().to_uppercase(), Service::Submission).await.unwrap();
    assert_eq!(directory.password_hashes(), hashes, "random passwords need no slow hash");
    assert!(log_in(&directory, phone.expose(), Service::Webmail).await.is_err());
    assert_eq!(directory.password_hashes(), hashes + 1, "what does not fit costs a hash");
    log_in(&directory, PASSWORD, Service::Imap).await.unwrap();
    let peer = "192.0.2.1".parse().unwrap();
    let as_paul = directory.authenticate("paul@ac.test", &phone, Service::Imap, peer).await;
    assert!(as_paul.is_err(), "nobody else's");
    drop(other);

    let overview = directory.security_overview(marie.id).await.unwrap();
    let names: Vec<_> = overview.app_passwords.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["Téléphone", "Tablette"]);
    let mut changes = directory.subscribe_credential_changes();
    let number = overview.app_passwords[0].number;
    directory.remove_app_password(marie.id, number, &browser()).await.unwrap();
    assert_eq!(changes.recv().await.unwrap(), marie.id, "its connections end");
    assert!(log_in(&directory, phone.expose(), Service::Imap).await.is_err());
    log_in(&directory, tablet.expose(), Service::Imap).await.unwrap();
    let recent = directory.recent_logins(marie.id).await.unwrap();
    assert!(recent.iter().any(|one| one.app_password == Some(number + 1)), "{recent:?}");

    let (_, after) = after_crash(&store).await;
    assert!(log_in(&after, phone.expose(), Service::Imap).await.is_err());
    log_in(&after, tablet.expose(), Service::Imap).await.unwrap();
}

#[tokio::test]
async fn with_a_second_factor_the_password_alone_opens_nothing() {
    let (_, directory, time) = timed().await;
    let marie = create(&directory, "marie", 1).await;
    let secret = TotpSecret::generate();
    let now = || time.load(Ordering::Relaxed);
    let wrong = directory.turn_totp_on(marie.id, &secret, "000000", &browser()).await;
    assert!(matches!(wrong, Err(DirectoryError::Invalid(_))));
    let code = secret.code_at(now());
    let codes = directory.turn_totp_on(marie.id, &secret, &code, &browser()).await.unwrap();
    assert_eq!(codes.len(), 10);

    let imap = log_in(&directory, PASSWORD, Service::Imap).await;
    assert!(matches!(imap, Err(AuthError::Refused)), "{imap:?}");
    let Err(AuthError::NeedsSecondFactor(account)) =
        log_in(&directory, PASSWORD, Service::Webmail).await
    else {
        panic!("the webmail asks")
    };
    let phone = directory.add_app_password(marie.id, "Téléphone", &browser()).await.unwrap();
    log_in(&directory, phone.expose(), Service::Imap).await.unwrap();

    let verify =
        async |typed: &str| directory.verify_second_factor(&account, typed, &browser()).await;
    assert!(matches!(verify(&code).await, Err(AuthError::Refused)), "the code of the enrolment");
    time.fetch_add(30, Ordering::Relaxed);
    let code = secret.code_at(now());
    verify(&code).await.unwrap();
    assert!(matches!(verify(&code).await, Err(AuthError::Refused)), "used");
    verify(codes[3].expose()).await.unwrap();
    assert!(matches!(verify(codes[3].expose()).await, Err(AuthError::Refused)), "used");
    let overview = directory.security_overview(marie.id).await.unwrap();
    assert_eq!(overview.recovery_codes_left, 9);
    let renewed = directory.renew_recovery_codes(marie.id, &browser()).await.unwrap();
    assert!(matches!(verify(codes[4].expose()).await, Err(AuthError::Refused)), "replaced");
    verify(renewed[0].expose()).await.unwrap();

    directory.turn_totp_off(marie.id, &browser()).await.unwrap();
    log_in(&directory, PASSWORD, Service::Webmail).await.unwrap();
    assert!(matches!(verify(renewed[1].expose()).await, Err(AuthError::Refused)), "off");
}

#[tokio::test]
async fn the_second_factor_is_not_guessed() {
    // Tries are counted apart from those of the password, which whoever guesses here knows.
    let (_, directory) = common::directory_with(directory::Settings::default()).await;
    let marie = create(&directory, "marie", 1).await;
    let secret = TotpSecret::generate();
    let now = jiff_free_now();
    directory.turn_totp_on(marie.id, &secret, &secret.code_at(now), &browser()).await.unwrap();
    let account = directory.account(marie.id).await.unwrap().unwrap();
    let mut refused = 0;
    loop {
        match directory.verify_second_factor(&account, "wrong", &browser()).await {
            Err(AuthError::Refused) => refused += 1,
            Err(AuthError::TooMany) => break,
            other => panic!("{other:?}"),
        }
        assert!(refused < 100);
    }
    assert_eq!(refused, 10);
}

fn jiff_free_now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// The code in the only letter of its kind that is due; takes all letters away.
async fn mailed_code(directory: &Directory, kind: LetterKind) -> String {
    let letters = directory.due_letters(100).await.unwrap();
    let mut codes = Vec::new();
    for letter in &letters {
        if letter.kind == kind {
            codes.push(letter.code.as_ref().unwrap().expose().clone());
        }
        directory.letter_done(letter).await.unwrap();
    }
    assert_eq!(codes.len(), 1, "{letters:?}");
    codes.remove(0)
}

#[tokio::test]
async fn a_recovery_address_counts_once_a_code_was_read_there() {
    let (_, directory, time) = timed().await;
    let id = create(&directory, "marie", 1).await.id;
    let private = address("marie@fournisseur.example");
    let ours = directory.add_recovery_address(id, &address("paul@ac.test"), &browser()).await;
    assert!(matches!(ours, Err(DirectoryError::Invalid(_))), "one that is lost as well");
    let number = directory.add_recovery_address(id, &private, &browser()).await.unwrap();
    let code = mailed_code(&directory, LetterKind::RecoveryCode).await;
    let wrong = if code == "00000000" { "00000001" } else { "00000000" };
    let prove = async |typed: &str| {
        directory.prove_recovery_address(id, number, typed, &browser()).await.unwrap()
    };
    assert_eq!(prove(wrong).await, CodeOutcome::Wrong);
    time.fetch_add(601, Ordering::Relaxed);
    assert_eq!(prove(&code).await, CodeOutcome::Gone, "too late");
    let number = directory.add_recovery_address(id, &private, &browser()).await.unwrap();
    let code = mailed_code(&directory, LetterKind::RecoveryCode).await;
    let prove = async |typed: &str| {
        directory.prove_recovery_address(id, number, typed, &browser()).await.unwrap()
    };
    for _ in 0..5 {
        assert_eq!(prove(wrong).await, CodeOutcome::Wrong);
    }
    assert_eq!(prove(&code).await, CodeOutcome::Gone, "too many wrong ones");
    let number = directory.add_recovery_address(id, &private, &browser()).await.unwrap();
    let code = mailed_code(&directory, LetterKind::RecoveryCode).await;
    let spaced = format!("{} {}", &code[..4], &code[4..]);
    let right = directory.prove_recovery_address(id, number, &spaced, &browser()).await.unwrap();
    assert_eq!(right, CodeOutcome::Right);
    let told = directory.due_letters(100).await.unwrap();
    let to: Vec<_> = told.iter().flat_map(|letter| &letter.to).map(ToString::to_string).collect();
    assert_eq!(to.len(), 2);
    assert!(to.contains(&"marie@ac.test".to_owned()) && to.contains(&private.to_string()));
    assert!(told.iter().all(|letter| letter.kind == LetterKind::RecoveryChanged));
}

#[tokio::test]
async fn an_alarm_leaves_nothing_that_opened_the_account_before() {
    let (_, directory, _) = timed().await;
    let marie = create(&directory, "marie", 1).await;
    let phone = directory.add_app_password(marie.id, "Téléphone", &browser()).await.unwrap();
    let mut changes = directory.subscribe_credential_changes();
    let new = "un perroquet sous la pluie".into();
    directory.raise_alarm(marie.id, &new, &browser()).await.unwrap();
    assert_eq!(changes.recv().await.unwrap(), marie.id);
    assert!(log_in(&directory, phone.expose(), Service::Imap).await.is_err());
    assert!(login(&directory, "marie@ac.test", PASSWORD).await.is_none());
    assert!(login(&directory, "marie@ac.test", new.expose()).await.is_some());
    let short = directory.change_password(marie.id, &"trop court".into(), &browser()).await;
    assert!(matches!(short, Err(DirectoryError::Invalid(_))));
}

#[tokio::test]
async fn every_change_leaves_a_line_that_holds_no_secret() {
    let (store, directory, _) = timed().await;
    let id = create(&directory, "marie", 1).await.id;
    let phone = directory.add_app_password(id, "Téléphone", &browser()).await.unwrap();
    directory.change_password(id, &"un perroquet sous la pluie".into(), &browser()).await.unwrap();
    let lines = lines(&directory).await;
    assert_eq!(lines.len(), 2);
    assert_eq!((lines[0].act, lines[1].act), (Act::AppPasswordAdded, Act::PasswordChanged));
    assert_eq!(lines[1].notices, ["mailbox"]);
    assert_eq!(lines[1].request, "0000000000000007");
    assert_eq!(lines[1].user_agent.chars().count(), 160);
    assert!(!lines[1].user_agent.contains('\r'));
    let slice = account_slice(id);
    let rows = store.scan::<Audit>(slice, None, 10).await.unwrap().rows;
    for (_, row) in rows {
        assert!(!row.text.contains(phone.expose()) && !row.text.contains("perroquet"));
    }
    assert_eq!(directory.verify_audit().await.unwrap().fault_count, 0);
}

/// An account, and ten lines about it, of which the first says how it came to be.
async fn ten_lines() -> (Store, Directory, AccountId) {
    let (store, directory, _) = timed().await;
    let id = create(&directory, "marie", 1).await.id;
    for n in 1..10 {
        directory.add_app_password(id, &format!("Appareil {n}"), &browser()).await.unwrap();
    }
    let report = directory.verify_audit().await.unwrap();
    assert_eq!((report.lines, report.fault_count), (2 + 10, 0), "{:?}", report.faults);
    (store, directory, id)
}

#[tokio::test]
async fn a_line_that_was_changed_removed_moved_or_added_is_found() {
    type Tamper = fn(&mut Batch, &[(u64, AuditRow)]);
    let tampers: [(&str, Tamper); 6] = [
        ("changed", |batch, rows| {
            let text = rows[4].1.text.replace("app-password-added", "alarm");
            assert_ne!(text, rows[4].1.text);
            batch.put::<Audit>(&4, &AuditRow { text, ..rows[4].1.clone() });
        }),
        ("first removed", |batch, _| batch.delete::<Audit>(&0)),
        ("removed", |batch, _| batch.delete::<Audit>(&5)),
        ("last removed", |batch, _| batch.delete::<Audit>(&9)),
        ("swapped", |batch, rows| {
            batch.put::<Audit>(&2, &rows[3].1);
            batch.put::<Audit>(&3, &rows[2].1);
        }),
        ("added", |batch, rows| batch.put::<Audit>(&10, &rows[9].1)),
    ];
    for (what, tamper) in tampers {
        let (store, directory, id) = ten_lines().await;
        let slice = account_slice(id);
        let rows = store.scan::<Audit>(slice, None, 100).await.unwrap().rows;
        let mut batch = Batch::new().bump();
        tamper(&mut batch, &rows);
        store.commit(slice, batch).await.unwrap();
        let report = directory.verify_audit().await.unwrap();
        assert!(report.fault_count > 0, "{what}");
    }
    // Whoever takes the newest lines away and says that the log ends earlier has no key for it.
    let (store, directory, id) = ten_lines().await;
    let slice = account_slice(id);
    let rows = store.scan::<Audit>(slice, None, 100).await.unwrap().rows;
    let mut ends = store.get::<AuditEnds>(slice, &()).await.unwrap().unwrap();
    (ends.next, ends.last) = (9, rows[8].1.chain);
    let mut batch = Batch::new().bump();
    batch.delete::<Audit>(&9);
    batch.put::<AuditEnds>(&(), &ends);
    store.commit(slice, batch).await.unwrap();
    assert_eq!(directory.verify_audit().await.unwrap().fault_count, 1);
}

/// It held everybody up for as long as all of a year's lines take.
#[tokio::test]
async fn while_the_log_is_verified_accounts_are_changed() {
    let (_, directory, id) = ten_lines().await;
    let over = std::cell::RefCell::new(Vec::new());
    let verify = async {
        let report = directory.verify_audit().await.unwrap();
        over.borrow_mut().push("verified");
        report
    };
    let change = async {
        directory.add_app_password(id, "Entre-temps", &browser()).await.unwrap();
        over.borrow_mut().push("changed");
    };
    let (report, ()) = tokio::join!(verify, change);
    assert_eq!(report.fault_count, 0, "{:?}", report.faults);
    assert_eq!(*over.borrow(), ["changed", "verified"]);
}

#[tokio::test]
async fn lines_are_let_go_after_a_year_and_the_rest_still_verifies() {
    let (_, directory, time) = timed().await;
    let id = create(&directory, "marie", 1).await.id;
    directory.add_app_password(id, "Ancien", &browser()).await.unwrap();
    directory.add_app_password(id, "Ancien aussi", &browser()).await.unwrap();
    let later = common::pass_days(&directory, &time, 200).await;
    directory.add_app_password(id, "Récent", &browser()).await.unwrap();
    assert_eq!(directory.prune_audit(later).await.unwrap(), 0);
    let later = common::pass_days(&directory, &time, 200).await;
    assert_eq!(directory.prune_audit(later).await.unwrap(), 3 + 2);
    let report = directory.verify_audit().await.unwrap();
    assert_eq!((report.lines, report.fault_count), (1, 0), "{:?}", report.faults);
    directory.add_app_password(id, "Nouveau", &browser()).await.unwrap();
    assert_eq!(directory.verify_audit().await.unwrap().fault_count, 0);
}

#[tokio::test]
async fn a_second_factor_try_says_which_factor_and_whether_it_matched() {
    let (_, directory, time) = timed().await;
    let marie = create(&directory, "marie", 1).await;
    let secret = TotpSecret::generate();
    let code = secret.code_at(time.load(Ordering::Relaxed));
    let codes = directory.turn_totp_on(marie.id, &secret, &code, &browser()).await.unwrap();
    let account = directory.account(marie.id).await.unwrap().unwrap();
    let _ = directory.verify_second_factor(&account, "123456", &browser()).await;
    directory.verify_second_factor(&account, codes[0].expose(), &browser()).await.unwrap();
    let tried: Vec<_> = lines(&directory).await.into_iter().flat_map(|line| line.factors).collect();
    assert_eq!(tried, [(Factor::Totp, false), (Factor::RecoveryCode, true)]);
}
