//! A message's parts as people see them: which is the text, which are files; and the document in
//! which an HTML text is shown, alone and locked in.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use hyper::{Response, StatusCode};
use mail_message::decode::{charset_to_string, decode_transfer, html_to_text};
use mail_message::part::Part;
use mail_message::structure::{Section, StructureRow};
use mail_service::{MailService, MessageRow, OpenMailbox};
use mail_types::{Actor, Uid, UidSet};

use crate::account::{Signed, parse_uid};
use crate::attachment;
use crate::error::Error;
use crate::headers::{self, Fence};
use crate::http::{Body, Visit};
use crate::sanitize::html::{Sanitized, sanitize};
use crate::sanitize::links::Deception;

/// Parts that are looked at; a message with more shows the first ones.
const PARTS_MAX: usize = 500;
/// Bytes asked of the store at once.
const READ_BYTES: u64 = 1 << 20;

/// What a message consists of.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// Its text in HTML.
    pub(crate) html: Option<Piece>,
    /// Its text in plain text; several pieces follow each other.
    pub(crate) texts: Vec<Piece>,
    /// Files to be saved.
    pub(crate) files: Vec<Piece>,
    /// Pictures within the HTML, by `Content-ID` without brackets.
    pub(crate) pictures: HashMap<String, Vec<u32>>,
}

/// One part with its number.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) path: Vec<u32>,
    pub(crate) part: Part,
}

impl Piece {
    /// The number as addresses spell it: `1.2`.
    pub(crate) fn number(&self) -> String {
        number(&self.path)
    }

    /// Bytes when decoded, about.
    pub(crate) fn size(&self) -> u64 {
        let bytes = self.part.body.end.saturating_sub(self.part.body.start);
        match self.part.transfer_encoding() {
            mail_message::decode::TransferEncoding::Base64 => bytes / 78 * 57 + bytes % 78 * 3 / 4,
            _ => bytes,
        }
    }
}

/// A part's number as addresses spell it.
pub(crate) fn number(path: &[u32]) -> String {
    path.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}

impl Contents {
    /// Sorts a message's parts.
    pub(crate) fn of(structure: &StructureRow) -> Self {
        let mut contents = Self::default();
        for (path, part) in structure.leaves().into_iter().take(PARTS_MAX) {
            let piece = Piece { path, part: part.clone() };
            let (main, sub) = part.media_type();
            let is_file = part.is_attachment();
            let id = part.content_id.as_deref().map(|id| id.trim().trim_matches(['<', '>']));
            if let (true, Some(id)) = (main == "image", id) {
                contents.pictures.insert(id.to_owned(), piece.path.clone());
            }
            match (is_file, main.as_str(), sub.as_str()) {
                (false, "text", "html") if contents.html.is_none() => contents.html = Some(piece),
                (false, "text", "plain") => contents.texts.push(piece),
                (false, "image", _) if id.is_some() => {}
                _ => contents.files.push(piece),
            }
        }
        if contents.html.is_none() {
            contents.show_pictures_as_files(structure);
        }
        contents
    }

    /// Without HTML nothing refers to the pictures, and they would be lost from sight.
    pub(crate) fn show_pictures_as_files(&mut self, structure: &StructureRow) {
        let shown: Vec<_> = self.files.iter().map(|file| file.path.clone()).collect();
        let hidden = self.pictures.values().filter(|path| !shown.contains(path));
        let pieces = hidden.filter_map(|path| {
            let part = structure.part(path)?.clone();
            Some(Piece { path: path.clone(), part })
        });
        let pieces: Vec<_> = pieces.collect();
        self.files.extend(pieces);
        self.files.sort_by(|a, b| a.path.cmp(&b.path));
    }
}

/// A message that was found, and where.
pub(crate) struct Found {
    pub(crate) service: MailService,
    pub(crate) actor: Actor,
    pub(crate) open: OpenMailbox,
    pub(crate) uid: Uid,
    pub(crate) row: MessageRow,
    pub(crate) structure: Arc<StructureRow>,
}

impl Found {
    /// Looks a message up.
    pub(crate) async fn look_up(
        service: &MailService,
        actor: Actor,
        open: OpenMailbox,
        uid: Uid,
    ) -> Result<Self, Error> {
        let only = UidSet::range(uid.get(), uid.get());
        let rows = service.messages(actor, &open, &only, 1).await?;
        let structures = service.structures(actor, &open, &only, 1).await?;
        let (Some((_, row)), Some((_, structure))) =
            (rows.into_iter().next(), structures.into_iter().next())
        else {
            return Err(Error::NotFound);
        };
        Ok(Self { service: service.clone(), actor, open, uid, row, structure })
    }

    /// Up to `bytes_max` bytes of a range.
    pub(crate) async fn bytes(&self, range: Range<u64>, bytes_max: u64) -> Result<Vec<u8>, Error> {
        let end = range.end.min(range.start.saturating_add(bytes_max));
        let mut out = Vec::with_capacity(end.saturating_sub(range.start) as usize);
        let mut place = range.start;
        while place < end {
            let piece = self.read(place..end.min(place + READ_BYTES)).await?;
            if piece.is_empty() {
                break;
            }
            place += piece.len() as u64;
            out.extend_from_slice(&piece);
        }
        Ok(out)
    }

    /// One piece of a range, at most [`READ_BYTES`].
    pub(crate) async fn read(&self, range: Range<u64>) -> Result<Bytes, Error> {
        let range = range.start..range.end.min(range.start + READ_BYTES);
        Ok(self.service.read(self.actor, &self.open, &self.row, range).await?)
    }

    /// A part's text, at most `bytes_max` bytes of it; whether there was more.
    pub(crate) async fn text(
        &self,
        piece: &Piece,
        bytes_max: usize,
    ) -> Result<(String, bool), Error> {
        let range = self.structure.range(&piece.path, Section::Body).ok_or(Error::NotFound)?;
        // Quoted-printable may triple a text; more than that is not needed.
        let raw = self.bytes(range, bytes_max as u64 * 3).await?;
        let mut decoded = decode_transfer(piece.part.transfer_encoding(), &raw);
        let is_cut = decoded.len() > bytes_max;
        decoded.truncate(bytes_max);
        Ok((charset_to_string(piece.part.charset(), &decoded), is_cut))
    }

    /// A part's bytes, decoded, if there are not more than `bytes_max`.
    pub(crate) async fn file(&self, piece: &Piece, bytes_max: u64) -> Result<Vec<u8>, Error> {
        let range = self.structure.range(&piece.path, Section::Body).ok_or(Error::NotFound)?;
        if range.end - range.start > bytes_max.saturating_mul(2) {
            return Err(Error::TooLarge);
        }
        let raw = self.bytes(range, u64::MAX).await?;
        Ok(decode_transfer(piece.part.transfer_encoding(), &raw))
    }

    /// The message's text without any markup, for quoting and for reading as text.
    pub(crate) async fn plain(
        &self,
        contents: &Contents,
        bytes_max: usize,
    ) -> Result<(String, bool), Error> {
        if contents.texts.is_empty() {
            let Some(html) = &contents.html else { return Ok((String::new(), false)) };
            let (html, is_cut) = self.text(html, bytes_max).await?;
            let text = tokio::task::spawn_blocking(move || html_to_text(&html)).await;
            return Ok((text.map_err(|_| Error::Worker)?, is_cut));
        }
        let mut out = String::new();
        let mut is_cut = false;
        for piece in &contents.texts {
            let left = bytes_max.saturating_sub(out.len());
            let (text, cut) = self.text(piece, left).await?;
            is_cut |= cut;
            if !out.is_empty() {
                out.push_str("\n\n");
            }
            out.push_str(&text);
        }
        Ok((out, is_cut))
    }
}

#[derive(askama::Template)]
#[template(path = "body.html")]
struct BodyDocument<'a> {
    t: &'a crate::locale::Locale,
    remote_images: u32,
    deceptions: Vec<Deception>,
    /// Sanitised; goes in as it is.
    html: Option<String>,
    /// Instead of HTML that was too much.
    text: String,
}

/// `/m/{name}/{uid}/corps`
pub(crate) async fn show(signed: &Signed, name: &str, uid: &str) -> Result<Response<Body>, Error> {
    let uid = parse_uid(uid)?;
    if let Some(elsewhere) = attachment::on_content_host(signed, name, uid, "corps") {
        return Ok(elsewhere);
    }
    let mailboxes = signed.mailboxes().await?;
    let open = signed.open(&mailboxes, name).await?;
    let found = Found::look_up(signed.service(), signed.actor(), open, uid).await?;
    document(&signed.visit, &found, name).await
}

/// The document of a message's HTML.
pub(crate) async fn document(
    visit: &Visit,
    found: &Found,
    name: &str,
) -> Result<Response<Body>, Error> {
    let contents = Contents::of(&found.structure);
    let piece = contents.html.as_ref().ok_or(Error::NotFound)?;
    let bytes_max = visit.webmail.settings().html_bytes_max;
    let (html, is_cut) = found.text(piece, bytes_max).await?;
    let address = |path: &Vec<u32>| attachment::sign(visit, found, name, &number(path));
    let own_parts =
        contents.pictures.iter().map(|(id, path)| (id.clone(), address(path))).collect();
    let _place = visit.webmail.sanitizing.acquire().await.map_err(|_| Error::Busy)?;
    let work = move || {
        let sanitized = if is_cut { None } else { sanitize(&html, own_parts) };
        match sanitized {
            Some(sanitized) => (Ok(sanitized), String::new()),
            None => (Err(()), html_to_text(&html)),
        }
    };
    let (sanitized, text) = tokio::task::spawn_blocking(work).await.map_err(|_| Error::Worker)?;
    let t = visit.locale();
    let document = match sanitized {
        Ok(Sanitized { html, remote_images, deceptions }) => {
            BodyDocument { t, remote_images, deceptions, html: Some(html), text }
        }
        Err(()) => BodyDocument { t, remote_images: 0, deceptions: Vec::new(), html: None, text },
    };
    let html = askama::Template::render(&document)?;
    let media_type = "text/html; charset=utf-8";
    Ok(headers::text(visit, StatusCode::OK, Fence::Content, media_type, html.into()))
}
