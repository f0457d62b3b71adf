//! By what messages are sorted.

/// One criterion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SortKey {
    /// By what.
    pub by: SortBy,
    /// Whether the largest comes first.
    pub reverse: bool,
}

/// RFC 5256 §3, RFC 5957 §3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortBy {
    /// The internal date.
    Arrival,
    /// The first Cc address's mailbox.
    Cc,
    /// When it was sent.
    Date,
    /// The first From address's mailbox.
    From,
    /// RFC822.SIZE.
    Size,
    /// The base subject.
    Subject,
    /// The first To address's mailbox.
    To,
    /// The first From address's display name.
    DisplayFrom,
    /// The first To address's display name.
    DisplayTo,
}
