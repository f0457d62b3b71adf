//! The hand-out sheets of an import, on their way to whoever ran it: each format once, and again
//! only when the first time broke off.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use directory::Sheet;
use hyper::Response;
use hyper::header::{self, HeaderValue};
use tokio::sync::mpsc;

use crate::account::Signed;
use crate::hand_out::{CSV_HEADER, HandOut, html_head};
use crate::headers::{self, Fence};
use crate::http::{Body, Cut};
use crate::session::lock;

/// Sheets that one piece of a download has: some two hundred kilobytes of pages.
const SHEETS_TOGETHER: usize = 64;
/// Pieces that wait for a slow browser.
const PIECES_WAITING_MAX: usize = 2;

/// What a download is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Pages to print.
    Pages,
    /// A line each, for a letter program.
    Lines,
}

/// The sheets of one import.
#[derive(Default)]
pub(super) struct Sheets(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    all: Arc<Vec<Sheet>>,
    /// Formats that were fetched, or are being fetched.
    taken: Vec<Format>,
}

impl Sheets {
    /// Keeps one more.
    pub(super) fn push(&self, sheet: Sheet) {
        // Nobody reads while an import still adds.
        Arc::make_mut(&mut lock(&self.0).all).push(sheet);
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        lock(&self.0).all.len() as u64
    }

    /// Whether this format is still there.
    pub(super) fn is_left(&self, format: Format) -> bool {
        let inner = lock(&self.0);
        !inner.all.is_empty() && !inner.taken.contains(&format)
    }

    /// All of them, for the only one who gets this format.
    fn take(&self, format: Format) -> Option<Arc<Vec<Sheet>>> {
        let mut inner = lock(&self.0);
        if inner.all.is_empty() || inner.taken.contains(&format) {
            return None;
        }
        inner.taken.push(format);
        Some(Arc::clone(&inner.all))
    }

    /// The download broke off: the format can be fetched again.
    fn give_back(&self, format: Format) {
        lock(&self.0).taken.retain(|one| *one != format);
    }
}

/// The download of a format; `None` when it was fetched before.
pub(super) fn download(
    signed: &Signed,
    sheets: impl AsRef<Sheets> + Send + 'static,
    format: Format,
) -> Option<Response<Body>> {
    let all = sheets.as_ref().take(format)?;
    let (pieces, receiver) = mpsc::channel(PIECES_WAITING_MAX);
    let webmail = Arc::clone(&signed.visit.webmail);
    tokio::spawn(async move {
        let (settings, service) = (webmail.settings(), &webmail.service);
        let mail = service.settings();
        let head = match format {
            Format::Pages => html_head(&settings.theme.name),
            Format::Lines => CSV_HEADER.to_owned(),
        };
        let mut sent = pieces.send(Ok::<_, Cut>(Bytes::from(head))).await;
        for together in all.chunks(SHEETS_TOGETHER) {
            if sent.is_err() {
                break;
            }
            let text: String = together
                .iter()
                .map(|sheet| HandOut::new(service.directory(), &mail.time_zone, sheet))
                .map(|sheet| match format {
                    Format::Pages => sheet.section(&settings.public_url),
                    Format::Lines => sheet.csv(),
                })
                .collect();
            sent = pieces.send(Ok(Bytes::from(text))).await;
        }
        // Once all places are free, the last piece has left as well.
        if sent.is_err() || pieces.reserve_many(PIECES_WAITING_MAX).await.is_err() {
            sheets.as_ref().give_back(format);
        }
    });
    let (kind, name) = match format {
        Format::Pages => ("text/html; charset=utf-8", "fiches.html"),
        Format::Lines => ("text/csv; charset=utf-8", "fiches.csv"),
    };
    let mut response = Response::new(Body::Pieces(receiver));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    let disposition = headers::attachment_disposition("attachment", name);
    if let Ok(value) = HeaderValue::from_str(&disposition) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    headers::fence_in(&signed.visit, Fence::Part, &mut response);
    Some(response)
}
