//! Facteur's webmail as a browser sees it: login page, list, message. Bytes, requests, time.

use std::time::{Duration, Instant};

use super::{Clock, Users};
use crate::error::Error;
use crate::http::{Http, Page, attributes, form_value, token};
use crate::report::{Better, Report};
use crate::wire::Target;

/// How often.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Times each page is fetched.
    #[arg(long, default_value_t = 300)]
    pub(crate) requests: usize,
}

/// One page of the webmail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Login,
    Inbox,
    Message,
}

impl Which {
    pub(crate) const ALL: [Self; 3] = [Self::Login, Self::Inbox, Self::Message];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Login => "login page",
            Self::Inbox => "list",
            Self::Message => "message",
        }
    }
}

/// Fetches one page over and over on one connection, as a browser with a warm cache.
pub(crate) async fn run(
    target: &Target,
    users: &Users,
    options: &Options,
    which: Which,
) -> Result<Report, Error> {
    let mut http = Http::connect(target).await?;
    let path = path(&mut http, users, which).await?;
    let page = found(http.get(&path).await?, &path)?;
    let parts = parts(&page);
    http.accepts_gzip = true;
    let (mut cold, whole) = (0, page.body.len());
    for part in &parts {
        cold += found(http.get(part).await?, part)?.bytes;
    }
    let clock = Clock::start();
    let mut times: Vec<Duration> = Vec::new();
    let mut bytes = 0;
    for _ in 0..options.requests {
        let started = Instant::now();
        bytes = found(http.get(&path).await?, &path)?.bytes;
        times.push(started.elapsed());
    }
    let mut report = Report::of(options.requests, "request");
    let name = which.name();
    report.per_second(name, options.requests, clock.elapsed());
    report.latency(name, times);
    let thousand = |bytes: usize| bytes as f64 / 1e3;
    report.add(format!("{name}, on the wire"), thousand(bytes), "kB", Better::Neither);
    report.add(format!("{name}, unpacked"), thousand(whole), "kB", Better::Neither);
    report.add(format!("{name}, first visit"), thousand(bytes + cold), "kB", Better::Neither);
    let requests = parts.len() as f64 + 1.0;
    report.add(format!("{name}, requests of a first visit"), requests, "", Better::Neither);
    clock.add_own_cpu(&mut report);
    Ok(report)
}

fn found(page: Page, path: &str) -> Result<Page, Error> {
    match page.status {
        200 => Ok(page),
        status => Err(Error::Refused { command: format!("GET {path}"), reply: status.to_string() }),
    }
}

/// Style, script, icon and frames that a page brings along.
fn parts(page: &Page) -> Vec<String> {
    let html = String::from_utf8_lossy(&page.body);
    let mut parts: Vec<String> = Vec::new();
    for path in attributes(&html, "href").into_iter().chain(attributes(&html, "src")) {
        let is_part = path.starts_with("/statique/")
            || path.starts_with("/contenu/")
            || path.ends_with("/corps")
            || path.contains("/corps?");
        let path = path.replace("&amp;", "&");
        if is_part && !parts.contains(&path) {
            parts.push(path);
        }
    }
    parts
}

async fn path(http: &mut Http, users: &Users, which: Which) -> Result<String, Error> {
    if which == Which::Login {
        return Ok("/".into());
    }
    let token = token(&http.get("/").await?)?;
    let (user, password) = (form_value(&users.name(0)), form_value(&users.password));
    let form = format!("jeton={token}&identifiant={user}&mot-de-passe={password}");
    let inside = http.post("/connexion", &form).await?;
    let home = inside.location.filter(|_| inside.status == 303).ok_or_else(|| Error::Refused {
        command: "POST /connexion".into(),
        reply: inside.status.to_string(),
    })?;
    if which == Which::Inbox {
        return Ok(home);
    }
    let list = found(http.get(&home).await?, &home)?;
    let html = String::from_utf8_lossy(&list.body);
    let links = attributes(&html, "href");
    let first = links.into_iter().find(|path| path.starts_with("/m/"));
    let first = first.ok_or_else(|| Error::NotPossible("the inbox is empty".into()))?;
    Ok(first.replace("&amp;", "&"))
}
