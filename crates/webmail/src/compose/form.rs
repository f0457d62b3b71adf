//! The form of a message being written, as it comes from the browser.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::header;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::account::Signed;
use crate::error::Error;
use crate::headers::file_name;
use crate::http::{Input, Reader, Visit};
use crate::multipart::{Event, Malformed, Parser, PartHeader, boundary};
use crate::url;

/// Files of one form.
const FILES_MAX: usize = 50;
/// KiB of upload memory taken at a time.
const STEP_KIB: u32 = 64;

/// A file that has come.
pub(crate) struct Upload {
    pub(crate) name: String,
    pub(crate) media_type: String,
    pub(crate) content: Bytes,
    /// Its share of the memory for uploads.
    _held: Option<OwnedSemaphorePermit>,
}

/// What somebody typed, and the files that came with it.
#[derive(Default)]
pub(crate) struct Typed {
    fields: Vec<(String, String)>,
    pub(crate) files: Vec<Upload>,
    /// There were more or larger files than allowed; they are left out.
    pub(crate) is_too_large: bool,
}

impl Typed {
    /// A field's value; empty when missing.
    pub(crate) fn get(&self, name: &str) -> &str {
        url::get(&self.fields, name).unwrap_or_default()
    }

    /// The values of a field that may come several times.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// Whether files are wanted, and how much room there is for them.
pub(crate) enum Files {
    /// Only the text.
    Skip,
    /// Up to this many bytes.
    Keep {
        /// Bytes.
        bytes_max: u64,
        /// The memory for uploads, in KiB.
        memory: Arc<Semaphore>,
    },
}

/// Reads the form. A file that is too large does not cost the text: the rest is read all the same.
pub(crate) async fn read(visit: &Visit, input: Input, files: Files) -> Result<Typed, Error> {
    let settings = visit.webmail.settings();
    let kind = visit.header(header::CONTENT_TYPE).unwrap_or_default();
    let boundary = boundary(kind).ok_or(Error::BadRequest("not a form with files"))?;
    // Twice what is allowed is read, to answer with the text kept instead of with an error.
    let bytes_max =
        settings.upload_bytes_max.saturating_mul(2) + settings.form_bytes_max as u64 * 2;
    let time = Duration::from_secs(settings.body_seconds);
    let mut reader = Reader::new(input, bytes_max, time);
    let mut parser = Parser::new(&boundary);
    let mut filling = Filling::new(files, settings.form_bytes_max);
    loop {
        match parser.next().map_err(|Malformed| Error::BadRequest("a broken form"))? {
            Event::NeedMore => {
                let bytes = reader.next().await?.ok_or(Error::BadRequest("a cut form"))?;
                parser.push(&bytes);
            }
            Event::Begin(header) => filling.begin(header),
            Event::Data(data) => filling.data(&data)?,
            Event::End => filling.end(),
            Event::Done => return Ok(filling.typed),
        }
    }
}

/// Reads a form made for this session, whose files are worth nothing when they are not whole.
pub(crate) async fn read_own(
    signed: &Signed,
    input: Input,
    bytes_max: u64,
) -> Result<Typed, Error> {
    let memory = Arc::clone(&signed.visit.webmail.upload_memory);
    let typed = read(&signed.visit, input, Files::Keep { bytes_max, memory }).await?;
    match typed.is_too_large {
        _ if !signed.is_own_token(typed.get("jeton")) => Err(Error::StaleForm),
        true => Err(Error::TooLarge),
        false => Ok(typed),
    }
}

/// A form that fills.
struct Filling {
    typed: Typed,
    current: PartHeader,
    content: BytesMut,
    held: Option<OwnedSemaphorePermit>,
    files: Files,
    files_bytes: u64,
    text_left: usize,
}

impl Filling {
    fn new(files: Files, text_bytes_max: usize) -> Self {
        Self {
            typed: Typed::default(),
            current: PartHeader::default(),
            content: BytesMut::new(),
            held: None,
            files,
            files_bytes: 0,
            text_left: text_bytes_max,
        }
    }

    fn begin(&mut self, header: PartHeader) {
        self.current = header;
        self.content = BytesMut::new();
        self.held = None;
    }

    fn data(&mut self, data: &[u8]) -> Result<(), Error> {
        if self.current.file_name.is_none() {
            self.text_left = self.text_left.checked_sub(data.len()).ok_or(Error::TooLarge)?;
            self.content.extend_from_slice(data);
            return Ok(());
        }
        let Files::Keep { bytes_max, memory } = &self.files else { return Ok(()) };
        self.files_bytes += data.len() as u64;
        if self.files_bytes > *bytes_max || self.typed.files.len() >= FILES_MAX {
            self.typed.is_too_large = true;
            self.content = BytesMut::new();
            self.held = None;
            return Ok(());
        }
        self.content.extend_from_slice(data);
        let held_bytes = self.held.as_ref().map_or(0, |held| held.num_permits() * 1024);
        if self.content.len() > held_bytes {
            let missing = (self.content.len() - held_bytes).div_ceil(1024) as u32;
            let step = missing.max(STEP_KIB);
            let more = Arc::clone(memory).try_acquire_many_owned(step).map_err(|_| Error::Busy)?;
            match &mut self.held {
                Some(held) => held.merge(more),
                None => self.held = Some(more),
            }
        }
        Ok(())
    }

    fn end(&mut self) {
        let header = std::mem::take(&mut self.current);
        let content = std::mem::take(&mut self.content);
        let Some(name) = header.file_name else {
            let text = String::from_utf8_lossy(&content).into_owned();
            self.typed.fields.push((header.name, text));
            return;
        };
        let keeps = matches!(self.files, Files::Keep { .. });
        // An empty choice of files comes as a file without name.
        if !keeps || name.is_empty() || (content.is_empty() && self.typed.is_too_large) {
            return;
        }
        self.typed.files.push(Upload {
            name: file_name(&name),
            media_type: media_type(&header.media_type),
            content: content.freeze(),
            _held: self.held.take(),
        });
    }
}

/// A media type that may stand in a header; the browser's guess otherwise means nothing.
fn media_type(given: &str) -> String {
    let token = |text: &str| {
        !text.is_empty()
            && text.len() <= 80
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-+._".contains(&byte))
    };
    match given.split_once('/') {
        Some((main, sub)) if token(main) && token(sub) => given.to_ascii_lowercase(),
        _ => "application/octet-stream".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filling(bytes_max: u64, memory_kib: usize) -> Filling {
        let memory = Arc::new(Semaphore::new(memory_kib));
        Filling::new(Files::Keep { bytes_max, memory }, 100)
    }

    fn part(name: &str, file_name: Option<&str>) -> PartHeader {
        PartHeader {
            name: name.into(),
            file_name: file_name.map(str::to_owned),
            media_type: "application/pdf".into(),
        }
    }

    #[test]
    fn a_file_too_large_is_left_out_and_the_text_is_kept() {
        let mut filling = filling(10, 1000);
        filling.begin(part("fichiers", Some("petit")));
        filling.data(b"12345").unwrap();
        filling.end();
        filling.begin(part("fichiers", Some("grand")));
        filling.data(b"1234567").unwrap();
        filling.end();
        filling.begin(part("objet", None));
        filling.data("Été".as_bytes()).unwrap();
        filling.end();
        let typed = filling.typed;
        assert!(typed.is_too_large);
        assert_eq!(typed.files.len(), 1);
        assert_eq!(typed.get("objet"), "Été");
    }

    #[test]
    fn the_memory_of_uploads_is_shared_and_bounded() {
        let mut filling = filling(1 << 30, 100);
        filling.begin(part("fichiers", Some("a")));
        filling.data(&[0; 60 * 1024]).unwrap();
        assert!(matches!(filling.data(&[0; 60 * 1024]), Err(Error::Busy)));
    }

    #[test]
    fn text_is_bounded() {
        let mut filling = filling(10, 1000);
        filling.begin(part("texte", None));
        assert!(matches!(filling.data(&[b'a'; 101]), Err(Error::TooLarge)));
    }

    #[test]
    fn a_media_type_cannot_end_its_header() {
        assert_eq!(media_type("Image/PNG"), "image/png");
        for evil in ["", "x", "a/b\r\nX: y", "text/html; charset=x", "a/", "é/x"] {
            assert_eq!(media_type(evil), "application/octet-stream", "{evil:?}");
        }
    }
}
