//! The bytes of a segment: dictionaries, lists of documents, and the documents it covers.
//!
//! A segment has a dictionary and a list stream for each [`Section`], and one stream of its
//! documents. A dictionary row stands alone: where the first of its lists begins, and tokens in byte
//! order, each as the length it shares with the one before, the rest of it, and where it occurs. A
//! token of a single document says it there; others say how long their list is, and lists follow
//! each other in the order of tokens.
//! A list is a count and rising document numbers as differences. All numbers are LEB128.

use bytes::Bytes;

/// Which texts of a message a token stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Section {
    Subject = 0,
    From = 1,
    To = 2,
    Cc = 3,
    Bcc = 4,
    /// Names of all fields, and values of all others.
    Other = 5,
    Body = 6,
}

impl Section {
    /// All of them, in the order of their streams.
    pub(crate) const ALL: [Self; 7] =
        [Self::Subject, Self::From, Self::To, Self::Cc, Self::Bcc, Self::Other, Self::Body];

    /// Where the values of a header field are.
    pub(crate) fn of_field(name: &[u8]) -> Self {
        let named: [(&[u8], Self); 5] = [
            (b"subject", Self::Subject),
            (b"from", Self::From),
            (b"to", Self::To),
            (b"cc", Self::Cc),
            (b"bcc", Self::Bcc),
        ];
        let found = named.iter().find(|(field, _)| name.eq_ignore_ascii_case(field));
        found.map_or(Self::Other, |(_, section)| *section)
    }

    /// The stream of its tokens.
    pub(crate) fn dictionary(self) -> u8 {
        self as u8 * 2
    }

    /// The stream of its lists.
    pub(crate) fn lists(self) -> u8 {
        self as u8 * 2 + 1
    }
}

/// The stream of a segment's documents: rising numbers as differences, each with a bit that says
/// whether the document must be read because it is not indexed as a whole.
pub(crate) const DOCUMENTS: u8 = 14;
/// How many streams there are.
pub(crate) const STREAMS: u8 = 15;
/// The one row of a packed segment: all streams, each behind its length.
pub(crate) const PACKED: u8 = 255;
/// Segments that are not larger are packed.
const PACKED_BYTES_MAX: usize = 16 << 10;
/// Bytes after which a dictionary row ends.
const DICTIONARY_ROW_BYTES: usize = 16 << 10;
/// Bytes of each row of the other streams but the last.
pub(crate) const ROW_BYTES: usize = 8 << 10;
/// Single documents below this are said in the dictionary.
const INLINE_END: u32 = 1 << 31;

/// Where a token occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In one document.
    Document(u32),
    /// In those of a list of so many bytes.
    List(u32),
}

/// A row of a segment: stream, number, bytes.
pub(crate) type Row = (u8, u32, Vec<u8>);

/// Writes a segment, section by section, tokens in order.
#[derive(Default)]
pub(crate) struct Writer {
    rows: Vec<Row>,
    counts: [u32; STREAMS as usize],
    section: u8,
    dictionary: Vec<u8>,
    token: Vec<u8>,
    lists: Vec<u8>,
    /// How long all lists of the section are.
    list_bytes: u64,
}

impl Writer {
    /// Begins a section; later ones come later.
    pub(crate) fn section(&mut self, section: Section) {
        self.end_section();
        self.section = section.dictionary();
    }

    /// Writes the next token and its documents, rising and not empty.
    pub(crate) fn token(&mut self, token: &[u8], documents: &[u32]) {
        if self.dictionary.len() >= DICTIONARY_ROW_BYTES {
            self.end_dictionary_row();
        }
        if self.dictionary.is_empty() {
            put(&mut self.dictionary, self.list_bytes);
        }
        let shared = self.token.iter().zip(token).take_while(|(a, b)| a == b).count();
        put(&mut self.dictionary, shared as u64);
        put(&mut self.dictionary, (token.len() - shared) as u64);
        self.dictionary.extend_from_slice(&token[shared..]);
        self.token.truncate(shared);
        self.token.extend_from_slice(&token[shared..]);
        match documents {
            [document] if *document < INLINE_END => {
                put(&mut self.dictionary, u64::from(*document) << 1);
            }
            _ => {
                let length = self.list(documents);
                self.list_bytes += length as u64;
                put(&mut self.dictionary, (length as u64) << 1 | 1);
            }
        }
    }

    fn list(&mut self, documents: &[u32]) -> usize {
        let before = self.lists.len();
        put(&mut self.lists, documents.len() as u64);
        let mut last = 0;
        for &document in documents {
            put(&mut self.lists, u64::from(document - last));
            last = document;
        }
        let length = self.lists.len() - before;
        self.cut_lists(self.section + 1);
        length
    }

    /// Rows that are full.
    fn cut_lists(&mut self, stream: u8) {
        while self.lists.len() >= ROW_BYTES {
            let rest = self.lists.split_off(ROW_BYTES);
            let full = std::mem::replace(&mut self.lists, rest);
            self.row(stream, full);
        }
    }

    fn end_dictionary_row(&mut self) {
        let row = std::mem::take(&mut self.dictionary);
        self.row(self.section, row);
        self.token.clear();
    }

    fn end_section(&mut self) {
        if !self.dictionary.is_empty() {
            self.end_dictionary_row();
        }
        if !self.lists.is_empty() {
            let row = std::mem::take(&mut self.lists);
            self.row(self.section + 1, row);
        }
        self.token.clear();
        self.list_bytes = 0;
    }

    /// Writes the documents, rising: number, and whether it must be read.
    pub(crate) fn documents(&mut self, documents: &[(u32, bool)]) {
        self.end_section();
        let mut last = 0;
        for &(document, is_partial) in documents {
            put(&mut self.lists, u64::from(document - last) << 1 | u64::from(is_partial));
            last = document;
        }
        self.cut_lists(DOCUMENTS);
        if !self.lists.is_empty() {
            let row = std::mem::take(&mut self.lists);
            self.row(DOCUMENTS, row);
        }
    }

    fn row(&mut self, stream: u8, bytes: Vec<u8>) {
        let number = self.counts[stream as usize];
        self.counts[stream as usize] += 1;
        self.rows.push((stream, number, bytes));
    }

    /// Rows that are ready, to be written before there are too many.
    pub(crate) fn take_rows(&mut self) -> Vec<Row> {
        std::mem::take(&mut self.rows)
    }

    /// How many bytes are ready.
    pub(crate) fn ready_bytes(&self) -> usize {
        self.rows.iter().map(|row| row.2.len()).sum()
    }

    /// Ends the segment: its last rows, and how many each stream has. `may_pack` when none was
    /// taken before; a packed segment has one row and no counts.
    pub(crate) fn finish(mut self, may_pack: bool) -> (Vec<Row>, Vec<u32>) {
        self.end_section();
        let is_small =
            self.ready_bytes() <= PACKED_BYTES_MAX && self.counts.iter().all(|&count| count <= 1);
        if !(may_pack && is_small) {
            return (self.rows, self.counts.to_vec());
        }
        let mut packed = Vec::with_capacity(self.ready_bytes() + 2 * STREAMS as usize);
        for stream in 0..STREAMS {
            let row = self.rows.iter().find(|row| row.0 == stream);
            let bytes = row.map_or(&[][..], |row| &row.2[..]);
            put(&mut packed, bytes.len() as u64);
            packed.extend_from_slice(bytes);
        }
        (vec![(PACKED, 0, packed)], Vec::new())
    }
}

/// The streams of a packed row; `None` when it is none.
pub(crate) fn unpack(row: &Bytes) -> Option<Vec<Bytes>> {
    let mut rest = &row[..];
    let mut streams = Vec::with_capacity(STREAMS as usize);
    for _ in 0..STREAMS {
        let length = usize::try_from(take(&mut rest)?).ok()?;
        let (stream, tail) = rest.split_at_checked(length)?;
        streams.push(row.slice_ref(stream));
        rest = tail;
    }
    rest.is_empty().then_some(streams)
}

/// Tokens of one dictionary row, one after the other.
pub(crate) struct Entries<'a> {
    rest: &'a [u8],
    /// Where the next list begins.
    pub(crate) lists: u64,
    /// The token last read.
    pub(crate) token: Vec<u8>,
}

/// A row that is not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl<'a> Entries<'a> {
    pub(crate) fn new(row: &'a [u8]) -> Result<Self, Malformed> {
        let mut rest = row;
        let lists = take(&mut rest).ok_or(Malformed)?;
        Ok(Self { rest, lists, token: Vec::new() })
    }

    /// Goes on behind a token, which the caller kept.
    pub(crate) fn at(row: &'a [u8], position: usize, token: Vec<u8>) -> Self {
        Self { rest: row.get(position..).unwrap_or_default(), lists: 0, token }
    }

    /// How many bytes of the row are left.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    /// Reads the next token; its place, or `None` at the row's end.
    pub(crate) fn next(&mut self) -> Result<Option<Place>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        self.read().map(Some).ok_or(Malformed)
    }

    fn read(&mut self) -> Option<Place> {
        let shared = usize::try_from(take(&mut self.rest)?).ok()?;
        let added = usize::try_from(take(&mut self.rest)?).ok()?;
        let (suffix, tail) = self.rest.split_at_checked(added)?;
        if shared > self.token.len() {
            return None;
        }
        self.token.truncate(shared);
        self.token.extend_from_slice(suffix);
        self.rest = tail;
        let place = take(&mut self.rest)?;
        let value = u32::try_from(place >> 1).ok()?;
        match place & 1 {
            0 if value >= INLINE_END => None,
            0 => Some(Place::Document(value)),
            _ => {
                self.lists = self.lists.checked_add(u64::from(value))?;
                Some(Place::List(value))
            }
        }
    }
}

/// Adds the documents of a list.
pub(crate) fn read_list(mut bytes: &[u8], mut each: impl FnMut(u32)) -> Result<(), Malformed> {
    let count = take(&mut bytes).ok_or(Malformed)?;
    let mut last = 0u32;
    for _ in 0..count {
        let step = take(&mut bytes).and_then(|step| u32::try_from(step).ok());
        last = step.and_then(|step| last.checked_add(step)).ok_or(Malformed)?;
        each(last);
    }
    if bytes.is_empty() { Ok(()) } else { Err(Malformed) }
}

/// Reads the documents of a segment.
pub(crate) fn read_documents(mut bytes: &[u8]) -> Result<Vec<(u32, bool)>, Malformed> {
    let mut documents = Vec::new();
    let mut last = 0u32;
    while !bytes.is_empty() {
        let value = take(&mut bytes).ok_or(Malformed)?;
        let step = u32::try_from(value >> 1).map_err(|_| Malformed)?;
        last = last.checked_add(step).ok_or(Malformed)?;
        documents.push((last, value & 1 == 1));
    }
    Ok(documents)
}

fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let all = *bytes;
    let mut number = 0u64;
    for (place, &byte) in all.iter().enumerate().take(9) {
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            *bytes = &all[place + 1..];
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    type Tokens = BTreeMap<Vec<u8>, std::collections::BTreeSet<u32>>;

    fn written(tokens: &Tokens) -> Writer {
        let mut writer = Writer::default();
        writer.section(Section::Body);
        for (token, documents) in tokens {
            writer.token(token, &documents.iter().copied().collect::<Vec<_>>());
        }
        writer
    }

    fn stream(rows: &[Row], stream: u8) -> Vec<u8> {
        let of_stream = rows.iter().filter(|row| row.0 == stream);
        let parts: Vec<&[u8]> = of_stream.clone().map(|row| &row.2[..]).collect();
        assert!(of_stream.enumerate().all(|(place, row)| row.1 == place as u32));
        parts.concat()
    }

    fn read(rows: &[Row]) -> Tokens {
        let lists = stream(rows, Section::Body.lists());
        let (mut at, mut tokens) = (0, Tokens::new());
        for (_, _, row) in rows.iter().filter(|row| row.0 == Section::Body.dictionary()) {
            let mut entries = Entries::new(row).unwrap();
            assert_eq!(entries.lists, at as u64);
            while let Some(place) = entries.next().unwrap() {
                let documents = tokens.entry(entries.token.clone()).or_default();
                match place {
                    Place::Document(document) => {
                        documents.insert(document);
                    }
                    Place::List(length) => {
                        let list = &lists[at..at + length as usize];
                        read_list(list, |document| {
                            documents.insert(document);
                        })
                        .unwrap();
                        at += length as usize;
                    }
                }
            }
        }
        tokens
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            tokens in proptest::collection::btree_map(
                proptest::collection::vec(any::<u8>(), 1..150),
                proptest::collection::btree_set(prop_oneof![0u32..5000, any::<u32>()], 1..200),
                0..150,
            ),
        ) {
            let (rows, counts) = written(&tokens).finish(false);
            prop_assert_eq!(counts.iter().sum::<u32>() as usize, rows.len());
            prop_assert!(rows.iter().all(|row| row.2.len() < 32 << 10));
            prop_assert_eq!(&read(&rows), &tokens);
            let (packed, counts) = written(&tokens).finish(true);
            if counts.is_empty() {
                let streams = unpack(&Bytes::from(packed[0].2.clone())).unwrap();
                let rows: Vec<Row> = streams.iter().enumerate()
                    .filter(|(_, bytes)| !bytes.is_empty())
                    .map(|(number, bytes)| (number as u8, 0, bytes.to_vec())).collect();
                prop_assert_eq!(read(&rows), tokens);
            }
        }

        #[test]
        fn damage_is_an_answer_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..99)) {
            if let Ok(mut entries) = Entries::new(&bytes) {
                while let Ok(Some(_)) = entries.next() {}
            }
            let _ = read_list(&bytes, |_| {});
            let _ = read_documents(&bytes);
            let _ = unpack(&Bytes::from(bytes));
        }
    }

    #[test]
    fn documents_keep_their_mark() {
        let documents: Vec<_> = (1..9000u32).map(|n| (n * 3, n % 7 == 0)).collect();
        let mut writer = Writer::default();
        writer.documents(&documents);
        let (rows, counts) = writer.finish(true);
        assert_eq!(counts[DOCUMENTS as usize] as usize, rows.len());
        assert_eq!(read_documents(&stream(&rows, DOCUMENTS)), Ok(documents));
    }
}
