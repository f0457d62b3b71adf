//! A Facteur of its own with people of every kind, for a stranger with a stopwatch: forms about lost
//! passwords are limited to 500 an hour in all and three a day for one ID, over restarts. What was
//! prepared is therefore put back before each batch, and nobody else's row notices.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::debian::SMTP_SINK_OFFSET;
use super::facteur;
use super::server::{DOMAIN, PASSWORD, Server, write};
use crate::corpus::Chance;
use crate::error::Error;
use crate::http::{Http, form_value, token};
use crate::load::stranger::{Forms, Kind, Person, fill_in, guess};
use crate::report::Report;
use crate::sink::Sink;
use crate::smtp::Protocol;

/// How much of it.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Times the prepared state is put back.
    pub(crate) batches: usize,
    /// Wrong passwords for one person.
    pub(crate) guesses: usize,
}

/// People of each kind: asked about twice in a batch, all kinds stay below 500 forms.
const PEOPLE: usize = 22;
const FORMS_EACH: usize = 2;
/// The same once the hour's forms are used up: these are counted nowhere.
const LIMITED_FORMS_EACH: usize = 40;
/// People of a kind for whom passwords are tried.
const GUESSED: usize = 20;
/// From the row's own ports.
const PORT_OFFSET: u16 = 1000;
const UNIT: &str = "0750001A";

/// Loopback is the academy's network: from there the birth date may be enough.
const ACADEMY: (&str, &str) =
    ("[relay]\n", "[directory.reset]\nacademy_networks = [\"127.0.0.0/8\"]\n[relay]\n");

const UNKNOWN: [&str; 2] = ["unknown", "unknown too"];
const WRONG_NAME: &str = "wrong name";
const RECOVERY: &str = "recovery address";
const AWAITING: &str = "first login to come";
const SUSPENDED: &str = "suspended";
const LEAVING: &str = "leaving";
const ADMINISTRATOR: &str = "administrator";
const IDENTITY: &str = "identity alone";
const OTHERS: [&str; 8] =
    ["known", WRONG_NAME, RECOVERY, AWAITING, SUSPENDED, LEAVING, ADMINISTRATOR, IDENTITY];

struct Site {
    server: Server,
    program: PathBuf,
    config: PathBuf,
}

/// Prepares, and measures beside the row's server, which idles.
pub(crate) async fn run(beside: &Server, options: &Options) -> Result<Report, Error> {
    let dir = beside.dir.with_file_name("strangers");
    let removed = std::fs::remove_dir_all(&dir);
    if let Err(error) = removed
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(Error::Io("remove what an earlier round left".into(), error));
    }
    let program = beside.programs.first().map(|program| program.path.clone());
    let program = program.ok_or_else(|| Error::NotPossible("no program".into()))?;
    let base = beside.smtp.port - 25 + PORT_OFFSET;
    let sink = Sink::keeping(base + SMTP_SINK_OFFSET, Protocol::Smtp).await?;
    let hash = facteur::password_hash()?;
    let server = facteur::start(&program, &dir, base, &hash).await?;
    let config = dir.join("facteur.toml");
    let mut site = Site { server, program, config };
    site.server.configure(&[ACADEMY]).await?;
    let kinds = people();
    site.bring_in(&kinds, &hash)?;
    let recovering = kinds.iter().filter(|kind| kind.name == RECOVERY);
    for person in recovering.flat_map(|kind| &kind.people) {
        recover(&site.server, &sink, person).await?;
    }
    site.server.settle().await?;
    measure(&mut site, &kinds, options).await
}

async fn measure(site: &mut Site, kinds: &[Kind], options: &Options) -> Result<Report, Error> {
    let mut chance = Chance::new(42);
    let few: Vec<Kind> = kinds.iter().filter(|kind| kind.name != WRONG_NAME).map(few).collect();
    let mut logins = guess(&site.server.imap, &few, options.guesses, &mut chance).await?;
    let prepared = site.server.dir.join("prepared");
    site.server.group.stop();
    copy(&site.server.data, &prepared)?;
    let (mut free, mut limited) = (Forms::default(), Forms::default());
    for batch in 0..options.batches {
        std::fs::remove_dir_all(&site.server.data).map_err(Error::io("remove a batch"))?;
        copy(&prepared, &site.server.data)?;
        site.server.start().await?;
        let http = site.server.http.clone();
        let http = http.ok_or_else(|| Error::NotPossible("no HTTP here".into()))?;
        fill_in(&http, kinds, FORMS_EACH, &mut chance, &mut free).await?;
        if batch + 1 == options.batches {
            // The hour's 500 are used up, and then nobody's form is looked at.
            let rest = 500usize.saturating_sub(kinds.len() * PEOPLE * FORMS_EACH);
            fill_in(&http, &[nobody("others", rest)], 1, &mut chance, &mut Forms::default())
                .await?;
            fill_in(&http, kinds, LIMITED_FORMS_EACH, &mut chance, &mut limited).await?;
        }
        site.server.group.stop();
    }
    let forms = kinds.len() * PEOPLE * (FORMS_EACH * options.batches + LIMITED_FORMS_EACH);
    let mut report = Report::of(forms, "form");
    free.form.ratios("form", kinds, &mut report);
    free.next.ratios("request after it", kinds, &mut report);
    limited.form.ratios("form too many", kinds, &mut report);
    logins.ratios("wrong password", &few, &mut report);
    Ok(report)
}

fn few(kind: &Kind) -> Kind {
    Kind { name: kind.name, people: kind.people.iter().take(GUESSED).cloned().collect() }
}

/// People whom nobody knows.
fn nobody(name: &'static str, count: usize) -> Kind {
    let person = |number| Person {
        name: format!("Jean Personne {number}"),
        academic_id: format!("7{:03}{number:05}", name.len()),
        address: format!("personne{number}@{DOMAIN}"),
    };
    Kind { name, people: (0..count).map(person).collect() }
}

fn people() -> Vec<Kind> {
    let mut kinds: Vec<Kind> = UNKNOWN.map(|name| nobody(name, PEOPLE)).into();
    for (at, name) in OTHERS.into_iter().enumerate() {
        let person = |number| Person {
            name: match name {
                WRONG_NAME => "Jean Personne".into(),
                _ => format!("Personne {at} {number}"),
            },
            academic_id: format!("8{at:02}{number:06}"),
            address: format!("p{at}.{number}@{DOMAIN}"),
        };
        kinds.push(Kind { name, people: (0..PEOPLE).map(person).collect() });
    }
    kinds
}

impl Site {
    /// Creates everybody, and brings each kind into its state.
    fn bring_in(&self, kinds: &[Kind], hash: &str) -> Result<(), Error> {
        self.facteur(&["unit", "add", UNIT, "--name", "École"])?;
        let mut staff = String::from("academic_id,name,address,role,unit,birth_date,password\n");
        let mut leavers = String::from("academic_id,name,address,leaves_on\n");
        for kind in kinds.iter().filter(|kind| !UNKNOWN.contains(&kind.name)) {
            for person in &kind.people {
                let Person { name, academic_id, address } = person;
                let name = if kind.name == WRONG_NAME { address } else { name };
                let role = if kind.name == ADMINISTRATOR { "administrator" } else { "agent" };
                let (unit, born) = match kind.name {
                    IDENTITY => (UNIT, "1985-03-21"),
                    _ => ("", ""),
                };
                let hash = if kind.name == AWAITING { "" } else { hash };
                staff.push_str(&format!(
                    "{academic_id},{name},{address},{role},{unit},{born},\"{hash}\"\n"
                ));
                if kind.name == LEAVING {
                    leavers.push_str(&format!("{academic_id},{name},{address},2999-12-31\n"));
                }
            }
        }
        for (file, text) in [("people.csv", staff), ("leavers.csv", leavers)] {
            let path = self.server.dir.join(file);
            write(&path, &text)?;
            self.facteur(&["account", "import", &path.display().to_string()])?;
        }
        let of = |name: &'static str| kinds.iter().filter(move |kind| kind.name == name);
        for person in of(SUSPENDED).flat_map(|kind| &kind.people) {
            self.facteur(&["account", "suspend", &person.academic_id])?;
        }
        self.open_unit(of(ADMINISTRATOR).flat_map(|kind| &kind.people))
    }

    /// Two administrators agree that identity is enough there.
    fn open_unit<'a>(&self, mut by: impl Iterator<Item = &'a Person>) -> Result<(), Error> {
        let too_few = || Error::NotPossible("two administrators are needed".into());
        let (one, two) = (by.next().ok_or_else(too_few)?, by.next().ok_or_else(too_few)?);
        let last_day = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(30 * 24);
        let last_day = last_day.strftime("%Y-%m-%d").to_string();
        let policy = ["unit", "policy"];
        let by: [&str; 2] = [&one.address, &two.address];
        let propose =
            ["propose", UNIT, "--as", by[0], "--until", last_day.as_str(), "--reason", "essai"];
        let said = self.facteur(&[&policy[..], &propose].concat())?;
        let number = said.split_once(", as ").and_then(|(_, rest)| rest.split_whitespace().next());
        let number = number.ok_or_else(|| Error::Protocol(format!("a proposal: {said}")))?;
        let approve = ["approve", UNIT, number, "--as", by[1]];
        self.facteur(&[&policy[..], &approve].concat()).map(drop)
    }

    /// Runs a command, with the people's password where it asks for one.
    fn facteur(&self, arguments: &[&str]) -> Result<String, Error> {
        let fail = || Error::io(format!("facteur {arguments:?}"));
        let mut child = Command::new(&self.program)
            .arg("--config")
            .arg(&self.config)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(fail())?;
        if let Some(mut stdin) = child.stdin.take() {
            // Most commands end without reading.
            let _ = stdin.write_all(PASSWORD.as_bytes());
        }
        let output = child.wait_with_output().map_err(fail())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match output.status.success() {
            true => Ok(text(&output.stdout)),
            false => {
                let (said, errors) = (text(&output.stdout), text(&output.stderr));
                Err(Error::NotPossible(format!("facteur {arguments:?}: {said}{errors}")))
            }
        }
    }
}

/// Gives somebody a recovery address, as they would in a browser.
async fn recover(server: &Server, sink: &Sink, person: &Person) -> Result<(), Error> {
    const SECURITY: &str = "/parametres/securite";
    let http = server.http.as_ref().ok_or_else(|| Error::NotPossible("no HTTP here".into()))?;
    let mut http = Http::connect(http).await?;
    let (login, password) = (form_value(&person.address), form_value(PASSWORD));
    let door = token(&http.get("/").await?)?;
    let enter = format!("jeton={door}&identifiant={login}&mot-de-passe={password}");
    http.post("/connexion", &enter).await?;
    let inside = token(&http.get(SECURITY).await?)?;
    let open = format!("jeton={inside}&mot-de-passe={password}");
    http.post(&format!("{SECURITY}/ouvrir"), &open).await?;
    let letters = sink.taken();
    let address = format!("prive.{}@{}", person.academic_id, super::debian::SMTP_SINK_DOMAIN);
    let add = format!("jeton={inside}&adresse={}", form_value(&address));
    http.post(&format!("{SECURITY}/secours"), &add).await?;
    sink.wait_for(letters + 1).await;
    let code = sink.kept().iter().rev().find_map(|letter| code_in(letter));
    let code = code.ok_or_else(|| Error::Protocol("a letter without a code".into()))?;
    let prove = format!("jeton={inside}&code={code}");
    let proven = http.post(&format!("{SECURITY}/secours/1"), &prove).await?;
    sink.wait_for(letters + 2).await;
    match proven.status {
        303 => Ok(()),
        status => Err(Error::Protocol(format!("a recovery address was answered {status}"))),
    }
}

/// `1234 5678` on a line of its own or at its end.
fn code_in(letter: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(letter);
    text.lines().find_map(|line| {
        let line = line.trim_end();
        let code = line.get(line.len().checked_sub(9)?..)?;
        let (head, tail) = code.split_once(' ')?;
        let is_half = |half: &str| half.len() == 4 && half.bytes().all(|b| b.is_ascii_digit());
        (is_half(head) && is_half(tail)).then(|| format!("{head}{tail}"))
    })
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let done = Command::new("cp").arg("-a").arg(from).arg(to).status();
    match done.map_err(Error::io("run cp"))?.success() {
        true => Ok(()),
        false => Err(Error::NotPossible(format!("{} was not copied", from.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_in_its_letter() {
        let letter = b"Subject: x\r\n\r\nBonjour,\r\nle code est : 1234 5678\r\n2026 2027 5\r\n";
        assert_eq!(code_in(letter), Some("12345678".into()));
        assert_eq!(code_in("é 1234 567\r\n\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}".as_bytes()), None);
    }

    #[test]
    fn one_batch_of_forms_stays_below_what_an_hour_allows() {
        let kinds = people();
        assert!(kinds.len() * PEOPLE * FORMS_EACH < 500);
        let mut ids: Vec<_> =
            kinds.iter().flat_map(|kind| &kind.people).map(|one| &one.academic_id).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }
}
