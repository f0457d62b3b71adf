//! Two thousand forms about lost passwords, of every kind of account and of none: nobody can tell
//! them apart, and each costs the same.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::Ordering;
use std::time::Duration;

use directory::{
    AccountState, Act, AuditRecord, NewAccount, NewPassword, Person, Requester, ResetClaim,
    ResetMode, TotpSecret,
};
use hyper::StatusCode;
use mail_types::{AccountId, Role};

use super::forgotten::{BORN, CODE, FORM, open_school};
use super::{Answer, Bench, Browser, PASSWORD, between};

/// People of each kind; each asks once in a round.
const PEOPLE: usize = 5;
const ROUNDS: u8 = 24;
/// So far apart that nobody asks more often than five times a week.
const BETWEEN_ROUNDS: i64 = 36 * 3600;
const SCHOOL: &str = "0750001A";

/// People about whom the form is filled in alike.
struct Kind {
    name: &'static str,
    /// What is typed: name and academic ID.
    typed: Vec<(String, String)>,
    born: [&'static str; 3],
    /// Whether a limit is reached before: then nothing is looked at.
    is_limited: bool,
}

impl Kind {
    fn of(name: &'static str, typed: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { name, typed: typed.into_iter().collect(), born: BORN, is_limited: false }
    }
}

/// Makes accounts, all with one password.
struct Staff<'a> {
    bench: &'a Bench,
    hash: String,
    next: u32,
}

impl Staff<'_> {
    /// Some more people: their names and IDs, and their numbers.
    async fn more(
        &mut self,
        edit: impl Fn(&mut NewAccount),
    ) -> (Vec<(String, String)>, Vec<AccountId>) {
        let (mut typed, mut ids) = (Vec::new(), Vec::new());
        for _ in 0..PEOPLE {
            self.next += 1;
            let (name, number) =
                (format!("Agent Numéro {}", self.next), format!("5{:06}", self.next));
            let mut account = NewAccount {
                primary_address: format!("agent{}@ac.test", self.next).parse().unwrap(),
                name: name.clone(),
                person: Person::default(),
                academic_id: number.parse().unwrap(),
                units: Vec::new(),
                role: Role::Agent,
                quota_bytes: None,
                password: Some(NewPassword::Hash(self.hash.clone())),
            };
            edit(&mut account);
            ids.push(self.bench.directory.create_account(account).await.unwrap().id);
            typed.push((name, number));
        }
        (typed, ids)
    }
}

fn in_school(account: &mut NewAccount) {
    account.units = vec![SCHOOL.parse().unwrap()];
    account.person.birth_date = Some("1985-03-21".parse().unwrap());
}

/// Everybody whom `accounts.md` names, and nobody.
async fn kinds(bench: &Bench) -> Vec<Kind> {
    let directory = &bench.directory;
    let hash = directory::hash_password(&PASSWORD.into()).unwrap();
    let mut staff = Staff { bench, hash, next: 0 };
    let nobody = |first: &'static str| {
        (0..PEOPLE).map(move |n| ("Jean Personne".to_owned(), format!("{first}{n}")))
    };
    let mut kinds = vec![
        Kind::of("unknown", nobody("90000")),
        // All of them together are one ID to the limits.
        Kind { is_limited: true, ..Kind::of("no number", nobody("abc")) },
        Kind::of("no way back", staff.more(|_| {}).await.0),
    ];
    let (typed, _) = staff.more(|_| {}).await;
    let wrong = typed.into_iter().map(|(_, id)| ("Jean Personne".to_owned(), id));
    kinds.push(Kind::of("wrong name", wrong));
    kinds.push(Kind::of("awaiting the first login", staff.more(|new| new.password = None).await.0));
    let (typed, ids) = staff.more(|_| {}).await;
    for id in ids {
        recover(bench, id).await;
    }
    // After ten rounds these have failed ten proofs, and only an officer helps.
    kinds.push(Kind::of("a recovery address", typed));
    let (typed, ids) = staff.more(|_| {}).await;
    for id in ids {
        directory.set_state(id, AccountState::Suspended).await.unwrap();
    }
    kinds.push(Kind::of("suspended", typed));
    let (typed, ids) = staff.more(|_| {}).await;
    for id in ids {
        directory.set_leaving(id, Some("2999-12-31".parse().unwrap())).await.unwrap();
    }
    kinds.push(Kind::of("leaving", typed));
    let (typed, ids) = staff.more(|_| {}).await;
    for id in ids {
        directory.delete_account(id).await.unwrap();
    }
    kinds.push(Kind::of("deleted", typed));
    for (name, role) in [("an officer", Role::ItOfficer), ("an administrator", Role::Administrator)]
    {
        let privileged = |new: &mut NewAccount| {
            in_school(new);
            new.role = role;
        };
        kinds.push(Kind::of(name, staff.more(privileged).await.0));
    }
    let (typed, ids) = staff.more(in_school).await;
    for id in ids {
        let secret = TotpSecret::generate();
        let code = secret.code_at(bench.service.now().as_second());
        directory.turn_totp_on(id, &secret, &code, &Requester::default()).await.unwrap();
    }
    kinds.push(Kind::of("a second factor", typed));
    kinds.push(Kind::of("identity alone", staff.more(in_school).await.0));
    let wrong = Kind::of("a wrong birth date", staff.more(in_school).await.0);
    kinds.push(Kind { born: ["17", "5", "1990"], ..wrong });
    let elsewhere = |new: &mut NewAccount| {
        in_school(new);
        new.units.clear();
    };
    kinds.push(Kind::of("identity alone, closed", staff.more(elsewhere).await.0));
    let known = staff.more(|_| {}).await.0.into_iter().take(1);
    let known = Kind::of("asked too often", known.cycle().take(PEOPLE));
    kinds.push(Kind { is_limited: true, ..known });
    let unknown = ("Jean Personne".to_owned(), "77777".to_owned());
    let unknown = Kind::of("unknown, asked too often", vec![unknown; PEOPLE]);
    kinds.push(Kind { is_limited: true, ..unknown });
    kinds
}

/// Gives somebody a recovery address that is proven.
async fn recover(bench: &Bench, id: AccountId) {
    let (directory, requester) = (&bench.directory, Requester::default());
    let address = format!("prive{}@ailleurs.example", id.0).parse().unwrap();
    let number = directory.add_recovery_address(id, &address, &requester).await.unwrap();
    let mut code = None;
    for letter in directory.due_letters(10).await.unwrap() {
        code = letter.code.as_ref().map(|code| code.expose().clone()).or(code);
        directory.letter_done(&letter).await.unwrap();
    }
    let code = code.expect("a code was sent");
    directory.prove_recovery_address(id, number, &code, &requester).await.unwrap();
    for letter in directory.due_letters(10).await.unwrap() {
        directory.letter_done(&letter).await.unwrap();
    }
}

/// Everything of an answer that could tell something: what is random in each is covered.
type Seen = (StatusCode, Vec<(String, String)>, String);

fn seen(answer: &Answer) -> Seen {
    let headers = answer.headers.iter().map(|(name, value)| {
        let value = value.to_str().unwrap();
        let covered = match value.split_once("oubli=").and_then(|(_, rest)| rest.split_once(';')) {
            Some((ticket, _)) => value.replace(ticket, &"x".repeat(ticket.len())),
            None => value.to_owned(),
        };
        (name.to_string(), covered)
    });
    let body = answer.text();
    let covered = match between(&body, "name=\"jeton\" value=\"", "\"") {
        Some(token) => body.replace(&token, &"x".repeat(token.len())),
        None => body,
    };
    (answer.status, headers.collect(), covered)
}

/// What one sample showed, and what it cost in commits.
async fn sample(
    bench: &Bench,
    kind: &Kind,
    typed: &(String, String),
    door: &Browser<'_>,
) -> Sample {
    let mut browser = bench.browser();
    (browser.cookies, browser.peer) = (door.cookies.clone(), door.peer);
    let token = browser.get(FORM).await.token();
    let ((name, id), [day, month, year]) = (typed, kind.born);
    let form = [
        ("jeton", token.as_str()),
        ("nom", name.as_str()),
        ("identifiant", id.as_str()),
        ("jour", day),
        ("mois", month),
        ("annee", year),
    ];
    let before = bench.store.syncs();
    let asked = browser.post(FORM, &form).await;
    let counted = bench.store.syncs() - before;
    // The form is worked on after its answer.
    let decided = async {
        while counted > 0 && bench.store.syncs() - before < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), decided).await.expect("a second commit");
    let page = browser.get(CODE).await;
    let token = page.token();
    let form = [("jeton", token.as_str()), ("code", "1234 5678")];
    let tried = browser.post(CODE, &form).await;
    let commits = (counted, bench.store.syncs() - before);
    ([seen(&asked), seen(&page), seen(&tried)], commits)
}

type Sample = ([Seen; 3], (u64, u64));

#[tokio::test]
async fn two_thousand_forms_of_every_kind_look_alike_and_cost_the_same() {
    // ASVS 6.3.8: known, unknown, locked, without a way back and all others, interleaved.
    let bench = Bench::new().await;
    open_school(&bench).await;
    let kinds = kinds(&bench).await;
    let hashes = bench.directory.password_hashes();
    let mut door = bench.browser();
    door.get(FORM).await;
    let mut samples: BTreeMap<Sample, Vec<&str>> = BTreeMap::new();
    for round in 0..ROUNDS {
        bench.ahead.fetch_add(BETWEEN_ROUNDS, Ordering::Relaxed);
        for (name, academic_id) in
            kinds.iter().filter(|kind| kind.is_limited).flat_map(|k| &k.typed)
        {
            let claim = ResetClaim {
                name: name.clone(),
                academic_id: academic_id.clone(),
                ..Default::default()
            };
            let requester =
                Requester { peer: Some([10, 99, round, 1].into()), ..Default::default() };
            bench.directory.ask_reset(&claim, &requester).await.unwrap();
        }
        for person in 0..PEOPLE {
            for turn in 0..kinds.len() {
                let kind = &kinds[(turn + usize::from(round)) % kinds.len()];
                let place = u8::try_from(person * kinds.len() + turn).unwrap();
                door.peer = IpAddr::V4(Ipv4Addr::new(10, round, place, 7));
                let sample = sample(&bench, kind, &kind.typed[person], &door).await;
                let commits = if kind.is_limited { (0, 1) } else { (1, 3) };
                assert_eq!(sample.1, commits, "{} in round {round}", kind.name);
                samples.entry(sample).or_default().push(kind.name);
            }
        }
        if round == 0 {
            // Later on these have failed too many proofs, and their dates are not compared.
            assert_eq!(bench.directory.wrong_birth_dates().await.unwrap(), PEOPLE);
        }
    }
    let count: usize = samples.values().map(Vec::len).sum();
    assert!(count >= 2000, "{count}");
    // Only who asked too often cost less; what was seen is one and the same.
    let first = samples.keys().next().map(|(seen, _)| seen);
    for ((seen, _), names) in &samples {
        assert_eq!(Some(seen), first, "{:?}", names.first());
    }
    assert_eq!(samples.len(), 2);
    assert_eq!(bench.directory.password_hashes(), hashes, "no hash");
    let mut followed = Vec::new();
    let asked = |record: &AuditRecord| {
        followed.extend((record.act == Act::ResetAsked).then_some(record.mode));
        true
    };
    bench.directory.audit_lines(asked).await.unwrap();
    for mode in [ResetMode::Code, ResetMode::Approval, ResetMode::Identity].map(Some) {
        assert!(followed.contains(&mode), "{mode:?} was among what followed");
    }
    assert!(followed.contains(&None), "and nothing");
}
