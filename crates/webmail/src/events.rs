//! Server-sent events: a page learns that something changed, and asks for what it shows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};
use mail_types::AccountId;
use tokio::sync::mpsc;

use crate::account::Signed;
use crate::error::Error;
use crate::headers::{self, Fence};
use crate::http::{Body, Cut, Visit};
use crate::session::lock;

/// Silence after which a line is sent, so that proxies keep the connection.
const HEARTBEAT: Duration = Duration::from_secs(25);
/// Changes that come together are told once.
const GATHER: Duration = Duration::from_millis(150);

/// How many live lists each account has open.
#[derive(Clone, Default)]
pub(crate) struct Listeners {
    /// Held for a count.
    counts: Arc<Mutex<HashMap<AccountId, u32>>>,
}

/// One open live list; dropping it gives the place back.
struct Place {
    listeners: Listeners,
    account: AccountId,
}

impl Listeners {
    fn enter(&self, account: AccountId, max: u32) -> Option<Place> {
        let mut counts = lock(&self.counts);
        let count = counts.entry(account).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        metrics::gauge!("facteur_webmail_live_lists").increment(1.0);
        Some(Place { listeners: self.clone(), account })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = lock(&self.listeners.counts);
        if let Some(count) = counts.get_mut(&self.account) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.account);
            }
        }
        metrics::gauge!("facteur_webmail_live_lists").decrement(1.0);
    }
}

/// `/evenements`: `event: courrier` whenever something in the account's mailboxes changed.
pub(crate) async fn listen(signed: &Signed) -> Result<Response<Body>, Error> {
    let visit = &signed.visit;
    let max = visit.webmail.settings().events_per_account_max;
    let Some(place) = visit.webmail.listeners.enter(signed.owner(), max) else {
        // Any 204 tells an EventSource not to come back.
        return Ok(nothing(visit));
    };
    let mut changes = signed.service().account_changes(signed.actor(), signed.owner()).await?;
    let (pieces, receiver) = mpsc::channel(2);
    let (webmail, session) = (Arc::clone(&visit.webmail), Arc::clone(&signed.session));
    let shutdown = visit.connection.shutdown.clone();
    tokio::spawn(async move {
        let _place = place;
        // The version first: a page that shows an older one missed something on its way here.
        let version = *changes.borrow_and_update();
        let mut piece = Bytes::from(format!("retry: 5000\nevent: courrier\ndata: {version}\n\n"));
        loop {
            let sent = tokio::select! {
                sent = pieces.send(Ok::<_, Cut>(piece)) => sent,
                () = session.ended.cancelled() => return,
            };
            if sent.is_err() {
                return;
            }
            piece = tokio::select! {
                changed = changes.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    tokio::time::sleep(GATHER).await;
                    let version = *changes.borrow_and_update();
                    Bytes::from(format!("event: courrier\ndata: {version}\n\n"))
                }
                () = tokio::time::sleep(HEARTBEAT) => Bytes::from_static(b": \n\n"),
                () = session.ended.cancelled() => return,
                () = shutdown.cancelled() => return,
                () = pieces.closed() => return,
            };
            // W5: a stream does not outlive the session or the credential that opened it.
            let account = webmail.service.directory().account(session.account).await;
            let stands = matches!(account, Ok(account)
                if webmail.sessions.check(&session, account.as_deref()));
            let limits = (&*webmail.settings()).into();
            if !stands || !webmail.sessions.is_open(&session, &limits, Instant::now()) {
                return;
            }
        }
    });
    let mut response = Response::new(Body::Pieces(receiver));
    let stream = HeaderValue::from_static("text/event-stream; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, stream);
    headers::fence_in(visit, Fence::Page, &mut response);
    Ok(response)
}

/// Nothing to say.
pub(crate) fn nothing(visit: &Visit) -> Response<Body> {
    let mut response = Response::new(Body::Whole(Bytes::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    headers::fence_in(visit, Fence::Page, &mut response);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn live_lists_are_bounded_by_account() {
        let listeners = Listeners::default();
        let first = listeners.enter(AccountId(1), 2);
        let _second = listeners.enter(AccountId(1), 2);
        assert!(first.is_some());
        assert!(listeners.enter(AccountId(1), 2).is_none());
        assert!(listeners.enter(AccountId(2), 2).is_some());
        drop(first);
        assert!(listeners.enter(AccountId(1), 2).is_some());
        assert_eq!(lock(&listeners.counts).len(), 1);
    }
}
