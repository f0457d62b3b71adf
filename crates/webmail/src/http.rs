//! Bodies in both directions, and what a handler knows about its request.

use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Frame, SizeHint};
use hyper::header::{self, HeaderName};
use hyper::{HeaderMap, Method};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::error::Error;
use crate::url;
use crate::webmail::{Busy, Connection, Webmail};

/// A request's body, wherever it comes from.
pub(crate) type Input = UnsyncBoxBody<Bytes, Box<dyn StdError + Send + Sync>>;

/// Longest pause within a request's body.
const BODY_PAUSE: Duration = Duration::from_secs(30);

/// A response's body: all of it, or pieces as they come.
#[derive(Debug)]
pub(crate) enum Body {
    /// All of it.
    Whole(Bytes),
    /// Pieces; an error cuts the answer off so that nobody takes a part for the whole.
    Pieces(mpsc::Receiver<Result<Bytes, Cut>>),
}

/// The rest of a body could not be had.
#[derive(Debug, thiserror::Error)]
#[error("the rest could not be read")]
pub(crate) struct Cut;

/// A body that counts as work until its last byte.
#[derive(Debug)]
pub(crate) struct Guarded {
    body: Body,
    _busy: Busy,
}

impl Body {
    /// Keeps the connection from being idle while this body is read.
    pub(crate) fn guarded(self, busy: Busy) -> Guarded {
        Guarded { body: self, _busy: busy }
    }
}

impl hyper::body::Body for Guarded {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match &mut *self {
            Body::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Body::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Body::Pieces(receiver) => {
                receiver.poll_recv(cx).map(|piece| piece.map(|piece| piece.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Body::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Body::Pieces(_) => SizeHint::default(),
        }
    }
}

/// What a handler knows about its request, apart from the body.
pub(crate) struct Visit {
    pub(crate) webmail: Arc<Webmail>,
    pub(crate) connection: Connection,
    pub(crate) method: Method,
    /// Segments of the path, percent-decoded.
    pub(crate) path: Vec<String>,
    /// The path as it stands.
    pub(crate) raw_path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    /// The host of the request's target: HTTP/2 names it there.
    pub(crate) authority: Option<String>,
}

impl Visit {
    /// A header's value as text.
    pub(crate) fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The host that the browser named, without a port. Anybody can name any: it may choose among
    /// configured names, and never stands in an answer.
    pub(crate) fn host(&self) -> Option<&str> {
        let host = self.authority.as_deref().or_else(|| self.header(header::HOST))?;
        Some(host.rsplit_once(':').map_or(host, |(name, _)| name))
    }

    /// A value of the query.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        url::get(&self.query, name)
    }

    /// A cookie's value; of several with one name the first.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        let cookies = self.headers.get_all(header::COOKIE).into_iter();
        cookies.filter_map(|value| value.to_str().ok()).flat_map(|line| line.split(';')).find_map(
            |pair| pair.trim().split_once('=').filter(|(n, _)| *n == name).map(|(_, value)| value),
        )
    }

    /// Whether the browser fetches ahead of a click that may never come.
    pub(crate) fn is_prefetch(&self) -> bool {
        let purpose = HeaderName::from_static("sec-purpose");
        self.header(purpose).is_some_and(|value| value.contains("prefetch"))
    }
}

/// Reads a request's body with a bound on its size and its time.
pub(crate) struct Reader {
    input: Input,
    left: u64,
    deadline: Instant,
}

impl Reader {
    /// A reader of at most this many bytes.
    pub(crate) fn new(input: Input, bytes_max: u64, time: Duration) -> Self {
        Self { input, left: bytes_max, deadline: Instant::now() + time }
    }

    /// The next bytes; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let until = self.deadline.min(Instant::now() + BODY_PAUSE);
            let frame = timeout_at(until, self.input.frame()).await.map_err(|_| Error::TooSlow)?;
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|_| Error::BadRequest("the body broke off"))?;
            // Trailers are of no interest.
            let Ok(bytes) = frame.into_data() else { continue };
            self.left = self.left.checked_sub(bytes.len() as u64).ok_or(Error::TooLarge)?;
            return Ok(Some(bytes));
        }
    }

    /// All of it.
    pub(crate) async fn all(mut self) -> Result<Bytes, Error> {
        let mut whole = BytesMut::new();
        while let Some(bytes) = self.next().await? {
            whole.extend_from_slice(&bytes);
        }
        Ok(whole.freeze())
    }
}

/// A form's fields.
#[derive(Debug, Default)]
pub(crate) struct Form(pub(crate) Vec<(String, String)>);

impl Form {
    /// Reads `application/x-www-form-urlencoded`.
    pub(crate) async fn read(visit: &Visit, input: Input) -> Result<Self, Error> {
        let kind = visit.header(header::CONTENT_TYPE).unwrap_or_default();
        // W6: a form of another site can be sent as text/plain, ours never is.
        if !kind.trim().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded") {
            return Err(Error::BadRequest("not a form"));
        }
        let settings = visit.webmail.settings();
        let time = Duration::from_secs(settings.body_seconds.min(60));
        let bytes = Reader::new(input, settings.form_bytes_max as u64, time).all().await?;
        let text = std::str::from_utf8(&bytes).map_err(|_| Error::BadRequest("not UTF-8"))?;
        Ok(Self(url::parse_query(text)))
    }

    /// A field's value; empty when missing.
    pub(crate) fn get(&self, name: &str) -> &str {
        url::get(&self.0, name).unwrap_or_default()
    }

    /// The values of a field that may come several times.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}
