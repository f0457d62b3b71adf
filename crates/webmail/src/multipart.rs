//! RFC 7578 `multipart/form-data`, piece by piece: memory does not grow with a file.
//!
//! A sans-IO parser: bytes in, [`Event`]s out. Whoever drives it bounds what it keeps.

use bytes::{Bytes, BytesMut};
use mail_message::content::Parameterized;
use mail_message::header;

/// Longest header section of one part.
const HEADER_BYTES_MAX: usize = 8 * 1024;
/// Parts of one form.
const PARTS_MAX: usize = 200;
/// RFC 2046 §5.1.1.
const BOUNDARY_BYTES_MAX: usize = 70;

/// What the bytes so far say.
#[derive(Debug, PartialEq)]
pub(crate) enum Event {
    /// Push more bytes.
    NeedMore,
    /// A part begins.
    Begin(PartHeader),
    /// Bytes of the part.
    Data(Bytes),
    /// The part is over.
    End,
    /// The form is over; what follows is ignored.
    Done,
}

/// What a part is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PartHeader {
    /// The field.
    pub(crate) name: String,
    /// The file's name, when it is one; as the browser sent it.
    pub(crate) file_name: Option<String>,
    /// Its media type; as the browser sent it.
    pub(crate) media_type: String,
}

/// The form is not one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Cuts a form into parts.
pub(crate) struct Parser {
    /// CRLF, two dashes, the boundary.
    delimiter: Vec<u8>,
    buffer: BytesMut,
    state: State,
    parts: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Preamble,
    /// Behind a delimiter: two dashes or a line end.
    AfterDelimiter,
    Header,
    Body,
    Done,
}

/// The boundary that a `Content-Type` of a form names.
pub(crate) fn boundary(content_type: &str) -> Option<String> {
    let parsed = Parameterized::parse(content_type.as_bytes());
    let boundary = parsed.get("boundary")?;
    let valid = parsed.media_type() == ("multipart".into(), "form-data".into())
        && (1..=BOUNDARY_BYTES_MAX).contains(&boundary.len())
        && boundary.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    valid.then(|| boundary.to_owned())
}

impl Parser {
    /// A parser of a form with this boundary.
    pub(crate) fn new(boundary: &str) -> Self {
        // RFC 2046 §5.1.1: the line end before a delimiter belongs to it. The first delimiter may
        // stand at the very beginning, so one is put there.
        Self {
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            buffer: BytesMut::from(&b"\r\n"[..]),
            state: State::Preamble,
            parts: 0,
        }
    }

    /// Takes the next bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if self.state != State::Done {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// What they say. Call until it says [`Event::NeedMore`] or [`Event::Done`].
    pub(crate) fn next(&mut self) -> Result<Event, Malformed> {
        loop {
            match self.state {
                State::Preamble => match find(&self.buffer, &self.delimiter) {
                    Some(place) => {
                        self.skip(place + self.delimiter.len());
                        self.state = State::AfterDelimiter;
                    }
                    None if self.buffer.len() > HEADER_BYTES_MAX => return Err(Malformed),
                    None => return Ok(Event::NeedMore),
                },
                State::AfterDelimiter => match self.buffer.get(..2) {
                    None => return Ok(Event::NeedMore),
                    Some(b"--") => self.state = State::Done,
                    Some(b"\r\n") => {
                        self.skip(2);
                        self.state = State::Header;
                    }
                    Some(_) => return Err(Malformed),
                },
                State::Header => return self.part_header(),
                State::Body => return Ok(self.part_body()),
                State::Done => {
                    self.buffer.clear();
                    return Ok(Event::Done);
                }
            }
        }
    }

    fn part_header(&mut self) -> Result<Event, Malformed> {
        let end = match find(&self.buffer, b"\r\n\r\n") {
            Some(end) if end <= HEADER_BYTES_MAX => end + 4,
            None if self.buffer.len() <= HEADER_BYTES_MAX => return Ok(Event::NeedMore),
            _ => return Err(Malformed),
        };
        self.parts += 1;
        if self.parts > PARTS_MAX {
            return Err(Malformed);
        }
        let raw = self.buffer.split_to(end);
        let disposition = header::first(&raw, "Content-Disposition").ok_or(Malformed)?;
        let disposition = Disposition::parse(&disposition);
        let media_type = header::first(&raw, "Content-Type").unwrap_or_default();
        self.state = State::Body;
        Ok(Event::Begin(PartHeader {
            name: disposition.name.ok_or(Malformed)?,
            file_name: disposition.file_name,
            media_type: String::from_utf8_lossy(&media_type).into_owned(),
        }))
    }

    fn part_body(&mut self) -> Event {
        if let Some(place) = find(&self.buffer, &self.delimiter) {
            if place > 0 {
                return Event::Data(self.buffer.split_to(place).freeze());
            }
            self.skip(self.delimiter.len());
            self.state = State::AfterDelimiter;
            return Event::End;
        }
        // The end may be the beginning of a delimiter: it is kept.
        let kept = self.delimiter.len() - 1;
        match self.buffer.len().checked_sub(kept) {
            Some(ready) if ready > 0 => Event::Data(self.buffer.split_to(ready).freeze()),
            _ => Event::NeedMore,
        }
    }

    fn skip(&mut self, count: usize) {
        let _ = self.buffer.split_to(count);
    }
}

/// `form-data; name="a"; filename="b"` as browsers write it: quotes and line ends come as `%22`,
/// `%0D`, `%0A`, and backslashes mean themselves.
#[derive(Default)]
struct Disposition {
    name: Option<String>,
    file_name: Option<String>,
}

impl Disposition {
    fn parse(value: &[u8]) -> Self {
        let text = String::from_utf8_lossy(value);
        let quoted = |key: &str| {
            let start = text.find(&format!("; {key}=\""))? + key.len() + 4;
            let end = start + text[start..].find('"')?;
            let raw = &text[start..end];
            Some(raw.replace("%22", "\"").replace("%0D", " ").replace("%0A", " "))
        };
        Self { name: quoted("name"), file_name: quoted("filename") }
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(found) = haystack.get(from..)?.iter().position(|byte| *byte == first) {
        let place = from + found;
        if haystack[place..].starts_with(needle) {
            return Some(place);
        }
        from = place + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &[u8] = b"--x\r\nContent-Disposition: form-data; name=\"objet\"\r\n\r\n\
        R\xc3\xa9union\r\n--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a \\ %22b%22.pdf\"\r\n\
        Content-Type: application/pdf\r\n\r\n\r\n--y\r\n--\r\n-\r\n--x--\r\nepilogue";

    type Parts = Vec<(String, Option<String>, Vec<u8>)>;

    /// Parts as (name, file name, content).
    fn parse(form: &[u8], step: usize) -> Result<Parts, Malformed> {
        let mut parser = Parser::new("x");
        let mut parts = Vec::new();
        for piece in form.chunks(step) {
            parser.push(piece);
            loop {
                match parser.next()? {
                    Event::NeedMore => break,
                    Event::Begin(header) => parts.push((header.name, header.file_name, Vec::new())),
                    Event::Data(data) => parts.last_mut().unwrap().2.extend_from_slice(&data),
                    Event::End => {}
                    Event::Done => return Ok(parts),
                }
            }
        }
        Err(Malformed)
    }

    #[test]
    fn a_form_reads_the_same_however_it_is_cut() {
        let wanted = vec![
            ("objet".to_owned(), None, "Réunion".as_bytes().to_vec()),
            ("f".to_owned(), Some("a \\ \"b\".pdf".to_owned()), b"\r\n--y\r\n--\r\n-".to_vec()),
        ];
        for step in 1..=FORM.len() {
            assert_eq!(parse(FORM, step).as_ref(), Ok(&wanted), "step {step}");
        }
    }

    #[test]
    fn an_unended_or_crooked_form_is_refused() {
        for form in [
            &FORM[..FORM.len() - 12],
            b"",
            b"--x\r\n\r\n\r\n--x--",
            b"--xy\r\n",
            b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--",
        ] {
            assert_eq!(parse(form, 7), Err(Malformed), "{}", String::from_utf8_lossy(form));
        }
    }

    #[test]
    fn preambles_headers_and_parts_are_bounded() {
        assert_eq!(parse(&[b'a'; 20_000], 1000), Err(Malformed));
        let long =
            [b"--x\r\nContent-Disposition: form-data; name=\"".as_slice(), &[b'a'; 9000]].concat();
        assert_eq!(parse(&long, 1000), Err(Malformed));
        let part = b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n";
        let many = [part.repeat(PARTS_MAX + 1).as_slice(), b"--x--"].concat();
        assert_eq!(parse(&many, 1000), Err(Malformed));
        let few = [part.repeat(PARTS_MAX).as_slice(), b"--x--"].concat();
        assert_eq!(parse(&few, 1000).unwrap().len(), PARTS_MAX);
    }

    #[test]
    fn a_file_is_given_on_while_it_comes() {
        let mut parser = Parser::new("x");
        parser.push(b"--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\n");
        assert!(matches!(parser.next(), Ok(Event::Begin(_))));
        for _ in 0..1000 {
            parser.push(&[b'\r'; 1000]);
            while let Ok(Event::Data(_)) = parser.next() {}
            assert!(parser.buffer.len() < 16);
        }
    }

    #[test]
    fn only_a_form_has_a_boundary() {
        assert_eq!(boundary("multipart/form-data; boundary=\"a b\"").as_deref(), Some("a b"));
        for wrong in
            ["", "text/plain; boundary=x", "multipart/form-data", "multipart/form-data; boundary="]
        {
            assert_eq!(boundary(wrong), None, "{wrong}");
        }
        let long = format!("multipart/form-data; boundary={}", "x".repeat(71));
        assert_eq!(boundary(&long), None);
    }
}
