//! Sessions: when they end, what opens them, how many there are.

use directory::AccountState;
use mail_types::Role;

use super::*;

fn account(number: u64) -> Account {
    Account {
        id: AccountId(number),
        primary_address: "a@ac.test".parse().unwrap(),
        aliases: Vec::new(),
        name: String::new(),
        academic_id: "1234".parse().unwrap(),
        units: Vec::new(),
        leaves_on: None,
        role: Role::Agent,
        quota_bytes: None,
        state: AccountState::Active,
        credential_version: 1,
        hold_until: None,
        mail_locked_before: None,
        has_second_factor: false,
    }
}

#[test]
fn with_a_second_factor_only_a_session_that_was_begun_with_it_stands() {
    let (sessions, limits, now) = (Sessions::new(), limits(), Instant::now());
    let account = Account { has_second_factor: true, ..account(1) };
    for (proof, stands) in [(Proof::Password, false), (Proof::SecondFactor, true)] {
        let browser = Browser { proof, ..browser() };
        let (session, _) = sessions.start(&account, browser, &limits, now);
        assert_eq!(sessions.check(&session, Some(&account)), stands, "{proof:?}");
    }
}

fn limits() -> Limits {
    let settings = Settings { sessions_max: 5, sessions_per_account_max: 2, ..Settings::default() };
    Limits::from(&settings)
}

fn browser() -> Browser {
    let proof = Proof::Password;
    Browser { peer: [192, 0, 2, 1].into(), user_agent: String::new(), since: 0, proof }
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_session_ends_when_idle_and_when_old() {
    let (sessions, limits, start) = (Sessions::new(), limits(), Instant::now());
    let (_, cookie) = sessions.start(&account(1), browser(), &limits, start);
    let mut now = start;
    for _ in 0..35 {
        now += 20 * MINUTE;
        assert!(sessions.find(&cookie, &limits, now, Touch::Click).is_some());
    }
    assert!(sessions.find(&cookie, &limits, start + 720 * MINUTE, Touch::Click).is_none());
    let (session, cookie) = sessions.start(&account(1), browser(), &limits, start);
    assert!(sessions.find(&cookie, &limits, start + 29 * MINUTE, Touch::Background).is_some());
    assert!(sessions.find(&cookie, &limits, start + 30 * MINUTE, Touch::Background).is_none());
    assert!(session.ended.is_cancelled());
}

#[test]
fn every_login_gets_an_id_of_its_own_and_no_other_opens_it() {
    let (sessions, limits, now) = (Sessions::new(), limits(), Instant::now());
    let (session, cookie) = sessions.start(&account(1), browser(), &limits, now);
    let (_, other) = sessions.start(&account(1), browser(), &limits, now);
    assert_ne!(cookie, other);
    assert_eq!(cookie.len(), 32);
    let first = if cookie.starts_with('0') { '1' } else { '0' };
    let changed = format!("{first}{}", &cookie[1..]);
    for wrong in ["", &cookie[1..], &changed, &hex(session.key)] {
        assert!(sessions.find(wrong, &limits, now, Touch::Click).is_none(), "{wrong}");
    }
    sessions.end(&session.key);
    assert!(sessions.find(&cookie, &limits, now, Touch::Click).is_none());
    assert!(sessions.find(&other, &limits, now, Touch::Click).is_some());
}

#[test]
fn sessions_are_bounded_and_the_one_unused_for_longest_goes() {
    let (sessions, limits, start) = (Sessions::new(), limits(), Instant::now());
    let (_, first) = sessions.start(&account(1), browser(), &limits, start);
    let (_, second) = sessions.start(&account(1), browser(), &limits, start + MINUTE);
    sessions.find(&first, &limits, start + 2 * MINUTE, Touch::Click);
    let (_, third) = sessions.start(&account(1), browser(), &limits, start + 3 * MINUTE);
    let alive = |cookie: &str| {
        sessions.find(cookie, &limits, start + 3 * MINUTE, Touch::Background).is_some()
    };
    assert_eq!((alive(&first), alive(&second), alive(&third)), (true, false, true));
    for number in 2..9 {
        sessions.start(&account(number), browser(), &limits, start + 3 * MINUTE);
    }
    assert_eq!(lock(&sessions.inner).by_key.len(), 5);
}

#[test]
fn a_changed_credential_ends_the_session() {
    let (sessions, limits, now) = (Sessions::new(), limits(), Instant::now());
    let changes: [fn(&mut Account); 2] =
        [|a| a.credential_version = 2, |a| a.state = AccountState::Suspended];
    for change in changes {
        let (session, cookie) = sessions.start(&account(1), browser(), &limits, now);
        assert!(sessions.check(&session, Some(&account(1))));
        let mut changed = account(1);
        change(&mut changed);
        assert!(!sessions.check(&session, Some(&changed)));
        assert!(sessions.find(&cookie, &limits, now, Touch::Click).is_none());
    }
}
