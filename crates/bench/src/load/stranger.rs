//! What a stranger with a stopwatch learns: forms about lost passwords and wrong passwords, of every
//! kind of account and of none, in a shuffled order. Medians beside the median of all say whether
//! kinds can be told apart; two groups that are of one kind show how far chance alone carries.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use crate::corpus::Chance;
use crate::error::Error;
use crate::http::{Http, form_value, token};
use crate::imap::{Completion, Imap};
use crate::report::{Better, Report, percentile};
use crate::wire::Target;

/// People about whom the stranger guesses alike.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) people: Vec<Person>,
}

/// What the stranger types about one of them.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) academic_id: String,
    pub(crate) address: String,
}

/// Times of each kind, by its place in the list.
#[derive(Default)]
pub(crate) struct Times(Vec<Vec<Duration>>);

/// Times of the form, and of the request that follows it at once, while the form is worked on.
#[derive(Default)]
pub(crate) struct Forms {
    pub(crate) form: Times,
    pub(crate) next: Times,
}

const FORM: &str = "/mot-de-passe-oublie";
const CODE: &str = "/mot-de-passe-oublie/code";
const BORN: &str = "jour=21&mois=3&annee=1985";

impl Times {
    fn add(&mut self, kind: usize, time: Duration) {
        if self.0.len() <= kind {
            self.0.resize(kind + 1, Vec::new());
        }
        self.0[kind].push(time);
    }

    /// Each kind's median and ninth decile beside those of all.
    pub(crate) fn ratios(&mut self, what: &str, kinds: &[Kind], report: &mut Report) {
        let mut all: Vec<Duration> = self.0.iter().flatten().copied().collect();
        all.sort_unstable();
        let (Some(median), Some(high)) = (percentile(&all, 50), percentile(&all, 90)) else {
            return;
        };
        report.milliseconds(format!("{what}, median of all"), median);
        let mut medians = Vec::new();
        for (times, kind) in self.0.iter_mut().zip(kinds) {
            times.sort_unstable();
            let over = |percent, all: Duration| {
                let own = percentile(times, percent).unwrap_or_default();
                own.as_secs_f64() / all.as_secs_f64()
            };
            medians.push(over(50, median));
            let name = kind.name;
            report.add(format!("{what}, {name}, median"), over(50, median), "", Better::Neither);
            report.add(format!("{what}, {name}, 9 of 10"), over(90, high), "", Better::Neither);
        }
        let apart = |ratio: &f64| (ratio - 1.0).abs() * 100.0;
        let widest = medians.iter().map(apart).fold(0.0, f64::max);
        report.add(format!("{what}, farthest from all"), widest, "%", Better::Lower);
        if let [one, other, ..] = &*medians {
            let chance = (one - other).abs() * 100.0;
            report.add(format!("{what}, unknown beside unknown"), chance, "%", Better::Neither);
        }
    }
}

/// Every person of every kind so many times, in an order that no slow change of the machine favours.
fn shuffled<'a>(kinds: &'a [Kind], times: usize, chance: &mut Chance) -> Vec<(usize, &'a Person)> {
    let everybody = kinds
        .iter()
        .enumerate()
        .flat_map(|(at, kind)| kind.people.iter().map(move |person| (at, person)));
    let mut order: Vec<_> = everybody.flat_map(|one| std::iter::repeat_n(one, times)).collect();
    for last in (1..order.len()).rev() {
        order.swap(last, chance.below(last + 1));
    }
    order
}

/// Fills the form in, each time as a newcomer from a network of their own, so that no limit on one
/// address is what is measured.
pub(crate) async fn fill_in(
    http: &Target,
    kinds: &[Kind],
    times: usize,
    chance: &mut Chance,
    found: &mut Forms,
) -> Result<(), Error> {
    for (number, (kind, person)) in shuffled(kinds, times, chance).into_iter().enumerate() {
        let part = |number: usize| u8::try_from(number % 250 + 1).unwrap_or(1);
        let from = Ipv4Addr::new(127, 30 + part(number / 250) % 100, part(number), 7);
        let (form, next) = ask(&http.reached_from(from), person).await?;
        found.form.add(kind, form);
        found.next.add(kind, next);
    }
    Ok(())
}

async fn ask(http: &Target, person: &Person) -> Result<(Duration, Duration), Error> {
    let mut http = Http::connect(http).await?;
    let token_of_form = token(&http.get(FORM).await?)?;
    let (name, id) = (form_value(&person.name), form_value(&person.academic_id));
    let form = format!("jeton={token_of_form}&nom={name}&identifiant={id}&{BORN}");
    let started = Instant::now();
    let answer = http.post(FORM, &form).await?;
    let took = started.elapsed();
    let started = Instant::now();
    let page = http.get(CODE).await?;
    let code = format!("jeton={}&code=12345678", token(&page)?);
    let tried = http.post(CODE, &code).await?;
    let next = started.elapsed();
    match (answer.status, tried.status) {
        (303, 422) => Ok((took, next)),
        other => Err(Error::Protocol(format!("the form was answered {other:?}"))),
    }
}

/// A wrong password over IMAP, each on a connection of its own.
pub(crate) async fn guess(
    imap: &Target,
    kinds: &[Kind],
    times: usize,
    chance: &mut Chance,
) -> Result<Times, Error> {
    let mut found = Times::default();
    for (kind, person) in shuffled(kinds, times, chance) {
        let mut session = Imap::connect(imap).await?;
        let started = Instant::now();
        let login = format!("LOGIN {} motdepasse2024", person.address);
        let answer = session.run(&login, |_| {}).await?;
        found.add(kind, started.elapsed());
        if answer.completion != Completion::No || !answer.text.contains("AUTHENTICATIONFAILED") {
            return Err(Error::Refused { command: "LOGIN".into(), reply: answer.text });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &'static str, people: usize) -> Kind {
        let person = |n| Person {
            name: format!("{name} {n}"),
            academic_id: String::new(),
            address: String::new(),
        };
        Kind { name, people: (0..people).map(person).collect() }
    }

    #[test]
    fn everybody_comes_equally_often_in_an_order_that_a_seed_gives() {
        let kinds = [kind("a", 3), kind("b", 2)];
        let names = |seed| {
            let order = shuffled(&kinds, 4, &mut Chance::new(seed));
            order.into_iter().map(|(_, person)| person.name.clone()).collect::<Vec<_>>()
        };
        let one = names(1);
        assert_eq!(one.len(), 20);
        assert_eq!(one.iter().filter(|name| *name == "b 1").count(), 4);
        assert_eq!(one, names(1));
        assert_ne!(one, names(2));
    }

    #[test]
    fn a_kind_that_takes_longer_is_seen() {
        let kinds = [kind("unknown", 1), kind("unknown too", 1), kind("known", 1)];
        let mut times = Times::default();
        for (at, milliseconds) in [(0, 10), (1, 10), (2, 12), (0, 10), (1, 10), (2, 12)] {
            times.add(at, Duration::from_millis(milliseconds));
        }
        let mut report = Report::default();
        times.ratios("form", &kinds, &mut report);
        let figure = |name: &str| report.figures.iter().find(|one| one.name == name).unwrap().value;
        assert!((figure("form, known, median") - 1.2).abs() < 1e-9);
        assert!((figure("form, farthest from all") - 20.0).abs() < 1e-9);
        assert!(figure("form, unknown beside unknown").abs() < 1e-9);
    }
}
