//! A school in which identity alone is enough, and short words for what the tests do there.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use directory::{
    Account, Act, AuditRecord, CodeVerdict, Day, Directory, LetterKind, Person, Requester,
    ResetClaim, ResetMode, ResetOutcome, ResetTicket, Service, Settings, UnitUpdate,
};
use mail_store::Store;
use mail_types::{AccountId, Role};

use crate::common::{self, new, unlimited};

pub(crate) const NEW: &str = "un perroquet sous la pluie";
pub(crate) const SCHOOL: &str = "0750001A";
pub(crate) const BORN: &str = "1985-03-21";
pub(crate) const DAY: i64 = 24 * 3600;
pub(crate) const HOUR: i64 = 3600;

pub(crate) struct Bench {
    pub(crate) store: Store,
    pub(crate) directory: Directory,
    pub(crate) time: Arc<AtomicI64>,
    pub(crate) anne: Arc<Account>,
    pub(crate) marie: AccountId,
}

pub(crate) fn settings() -> Settings {
    let mut settings = unlimited();
    settings.reset.academy_networks = vec!["10.0.0.0/8".parse().unwrap()];
    settings
}

/// A school that is open: Marie is known with her birth date, Paul without one.
pub(crate) async fn bench() -> Bench {
    let store = Store::memory();
    let time = Arc::new(AtomicI64::new(common::START));
    let clock = Arc::clone(&time);
    let clock: directory::Clock = Arc::new(move || clock.load(Ordering::Relaxed));
    let directory = Directory::open_at(store.clone(), settings(), clock).await.unwrap();
    common::found(&directory).await;
    let create = async |local: &str, number, role, born: Option<&str>| {
        let mut account = new(local, number);
        account.role = role;
        account.person =
            Person { birth_date: born.map(|day| day.parse().unwrap()), ..Person::default() };
        directory.create_account(account).await.unwrap()
    };
    let marie = create("marie", 1, Role::Agent, Some(BORN)).await.id;
    create("paul", 2, Role::Agent, None).await;
    let officer = create("officer", 3, Role::ItOfficer, Some(BORN)).await;
    let anne = create("anne", 4, Role::Administrator, Some(BORN)).await;
    let bruno = create("bruno", 5, Role::Administrator, None).await;
    let school = common::unit(SCHOOL);
    let update = UnitUpdate { officers: Some(vec![officer.id]), ..UnitUpdate::default() };
    directory.update_unit(&school, update).await.unwrap();
    let bench = Bench { store, directory, time, anne, marie };
    bench.open(&bruno).await;
    bench
}

pub(crate) fn from(peer: &str) -> Requester {
    Requester { peer: Some(peer.parse().unwrap()), language: "fr".into(), ..Requester::default() }
}

pub(crate) fn claim(name: &str, id: u64, born: Option<&str>) -> ResetClaim {
    ResetClaim {
        name: name.into(),
        academic_id: format!("{id:08}"),
        birth_date: born.map(|day| day.parse().unwrap()),
    }
}

impl Bench {
    pub(crate) async fn open(&self, second: &Account) {
        let (school, asked) = (common::unit(SCHOOL), Requester::console());
        let last_day: Day = "2027-02-20".parse().unwrap();
        let proposed =
            self.directory.propose_identity_reset(&self.anne, &school, last_day, "x", &asked);
        let number = proposed.await.unwrap();
        self.directory.approve_identity_reset(second, &school, number, &asked).await.unwrap();
    }

    pub(crate) async fn ask_as(&self, claim: &ResetClaim, peer: &str) -> Option<ResetTicket> {
        let (ticket, goes_on) = self.directory.ask_reset(claim, &from(peer)).await.unwrap();
        if goes_on {
            self.directory.decide_reset(claim, &ticket, &from(peer)).await.unwrap();
        }
        goes_on.then_some(ticket)
    }

    pub(crate) async fn ask(&self) -> ResetTicket {
        self.ask_as(&claim("marie", 1, Some(BORN)), "10.1.2.3").await.unwrap()
    }

    pub(crate) async fn go_on(&self, ticket: &ResetTicket) -> bool {
        let verdict = self.directory.try_reset_code(ticket, "", &from("10.1.2.3")).await.unwrap();
        verdict == CodeVerdict::Right
    }

    pub(crate) async fn enters(&self, service: Service) -> bool {
        let peer = "192.0.2.1".parse().unwrap();
        self.directory.authenticate("00000001", &NEW.into(), service, peer).await.is_ok()
    }

    pub(crate) async fn finish(&self, ticket: &ResetTicket) -> bool {
        let done = self.directory.finish_reset(ticket, &NEW.into(), &from("10.1.2.3")).await;
        done.unwrap() == ResetOutcome::Done
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.time.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Letters of this kind: to whom, and the link in the first of them. Takes all letters away.
    pub(crate) async fn letters(&self, kind: LetterKind) -> (Vec<String>, Option<String>) {
        let (mut to, mut link) = (Vec::new(), None);
        for letter in self.directory.due_letters(1000).await.unwrap() {
            if letter.kind == kind {
                assert!(!self.directory.is_stale(&letter));
                to.extend(letter.to.iter().map(ToString::to_string));
                link = link.or(letter.code.as_ref().map(|code| code.expose().clone()));
            }
            self.directory.letter_done(&letter).await.unwrap();
        }
        to.sort();
        (to, link)
    }

    pub(crate) async fn lines(&self, act: Act) -> Vec<AuditRecord> {
        let mut lines = Vec::new();
        let see = |record: &AuditRecord| {
            lines.extend((record.act == act).then(|| record.clone()));
            true
        };
        self.directory.audit_lines(see).await.unwrap();
        lines
    }

    /// The mode of the newest request.
    pub(crate) async fn mode(&self) -> Option<ResetMode> {
        let lines = self.lines(Act::ResetAsked).await;
        lines.into_iter().max_by_key(|line| line.at).and_then(|line| line.mode)
    }

    /// So many more of the school, all with Marie's birth date.
    pub(crate) async fn agents(&self, count: u64) {
        for number in 0..count {
            let mut account = new(&format!("agent{number}"), 1000 + number);
            let birth_date = Some(BORN.parse().unwrap());
            account.person = Person { birth_date, ..Person::default() };
            self.directory.create_account(account).await.unwrap();
        }
    }

    pub(crate) fn policy_is_over(&self) -> bool {
        self.directory.unit_policy(&common::unit(SCHOOL)).open.is_none()
    }

    /// Opens the unit again for another ninety days.
    pub(crate) async fn renew(&self) {
        let (school, asked) = (common::unit(SCHOOL), Requester::console());
        let last = self.time.load(Ordering::Relaxed) + 90 * DAY;
        let last = jiff::Timestamp::from_second(last).unwrap().to_string();
        let last: Day = last.split('T').next().unwrap().parse().unwrap();
        let bruno = self.directory.account(AccountId(5)).await.unwrap().unwrap();
        let proposed =
            self.directory.propose_identity_reset(&self.anne, &school, last, "x", &asked);
        let number = proposed.await.unwrap();
        self.directory.approve_identity_reset(&bruno, &school, number, &asked).await.unwrap();
    }
}
