//! What the tests of the directory share: one domain, accounts that cost no hashing.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use directory::{
    Account, AuthError, Authenticated, BelievedTime, ClockLook, Directory, DomainKind,
    LimitSettings, NewAccount, NewPassword, Person, Rate, Service, Settings, Unit, UnitCode,
    hash_password,
};
use mail_store::Store;
use mail_types::{AccountId, EmailAddress, Role};

/// The password of all accounts.
pub(crate) const PASSWORD: &str = "une phrase assez longue";

/// Its hash, computed once.
pub(crate) fn hash() -> String {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| hash_password(&PASSWORD.into()).unwrap()).clone()
}

pub(crate) fn address(text: &str) -> EmailAddress {
    text.parse().unwrap()
}

/// Settings whose limits are out of the way.
pub(crate) fn unlimited() -> Settings {
    let wide = Rate { burst: 1_000_000, per_hour: 1_000_000 };
    Settings {
        limits: LimitSettings {
            per_login_and_address: wide,
            per_login: wide,
            per_address: wide,
            ..LimitSettings::default()
        },
        ..Settings::default()
    }
}

/// A directory in memory that hosts `ac.test`.
pub(crate) async fn directory() -> (Store, Directory) {
    directory_with(unlimited()).await
}

pub(crate) async fn directory_with(settings: Settings) -> (Store, Directory) {
    let store = Store::memory();
    let directory = Directory::open(store.clone(), settings).await.unwrap();
    found(&directory).await;
    (store, directory)
}

/// A directory whose clock stands at this number of Unix seconds.
pub(crate) async fn directory_at(settings: Settings) -> (Arc<AtomicI64>, Directory) {
    let now = Arc::new(AtomicI64::new(START));
    let told = Arc::clone(&now);
    let clock: directory::Clock = Arc::new(move || told.load(Ordering::Relaxed));
    let directory = Directory::open_at(Store::memory(), settings, clock).await.unwrap();
    found(&directory).await;
    (now, directory)
}

/// 2026-11-28T12:00:00Z
pub(crate) const START: i64 = 1_795_867_200;

/// Lets days pass, with a look at the clock on each, as a running server has; the time after them.
pub(crate) async fn pass_days(directory: &Directory, now: &AtomicI64, days: u32) -> BelievedTime {
    for _ in 0..days {
        now.fetch_add(24 * 3600, Ordering::Relaxed);
        directory.look_at_clock().await.unwrap();
    }
    match directory.look_at_clock().await.unwrap() {
        ClockLook::Believed(time) => time,
        doubted => panic!("{doubted:?}"),
    }
}

pub(crate) async fn found(directory: &Directory) {
    directory.create_domain(&"ac.test".parse().unwrap(), DomainKind::Hosted).await.unwrap();
    for (code, name) in [("0750001A", "Collège Victor-Hugo"), ("0750002B", "École du Parc")] {
        let unit = Unit {
            code: code.parse().unwrap(),
            name: name.into(),
            officers: Vec::new(),
            contact: "secrétariat, 01 99 00 00 00".into(),
        };
        directory.create_unit(unit).await.unwrap();
    }
}

pub(crate) fn unit(code: &str) -> UnitCode {
    code.parse().unwrap()
}

/// The directory that another process would open after a power cut.
pub(crate) async fn after_crash(store: &Store) -> (Store, Directory) {
    let store = store.after_crash();
    let directory = Directory::open(store.clone(), unlimited()).await.unwrap();
    (store, directory)
}

/// `local@ac.test` with an academic ID.
pub(crate) fn new(local: &str, academic_id: u64) -> NewAccount {
    NewAccount {
        primary_address: address(&format!("{local}@ac.test")),
        name: local.to_owned(),
        academic_id: format!("{academic_id:08}").parse().unwrap(),
        person: Person::default(),
        units: vec![unit("0750001A")],
        role: Role::Agent,
        quota_bytes: None,
        password: Some(NewPassword::Hash(hash())),
    }
}

pub(crate) async fn create(directory: &Directory, local: &str, academic_id: u64) -> Arc<Account> {
    directory.create_account(new(local, academic_id)).await.unwrap()
}

pub(crate) async fn login_from(
    directory: &Directory,
    login: &str,
    password: &str,
    peer: &str,
) -> Result<Authenticated, AuthError> {
    directory.authenticate(login, &password.into(), Service::Imap, peer.parse().unwrap()).await
}

pub(crate) async fn login(directory: &Directory, login: &str, password: &str) -> Option<AccountId> {
    match login_from(directory, login, password, "192.0.2.1").await {
        Ok(authenticated) => Some(authenticated.account.id),
        Err(AuthError::Refused) => None,
        Err(error) => panic!("{error}"),
    }
}
