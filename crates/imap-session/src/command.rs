//! Commands as the server executes them (RFC 3501 §6 and the extensions that CAPABILITY lists).

use mail_types::{Flag, InternalDate, Secret, SortKey, SpecialUse};

use crate::fetch::Item;
use crate::lex::{Mailbox, SequenceSet};
use crate::list::List;
use crate::search::{Return, Search};
use crate::sort::Threading;

/// Whether numbers are sequence numbers or UIDs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbering {
    /// Sequence numbers.
    Sequence,
    /// UIDs.
    Uid,
}

/// A command with its tag.
#[derive(Debug)]
pub struct Tagged {
    /// The client's tag.
    pub tag: String,
    /// What it wants.
    pub command: Command,
}

/// What a client wants.
#[derive(Debug)]
pub enum Command {
    /// CAPABILITY
    Capability,
    /// NOOP
    Noop,
    /// LOGOUT
    Logout,
    /// ID (RFC 2971)
    Id,
    /// STARTTLS
    StartTls,
    /// LOGIN
    Login {
        /// User name.
        user: String,
        /// Password.
        password: Secret<String>,
    },
    /// AUTHENTICATE, with its initial response (RFC 4959).
    Authenticate {
        /// In upper case.
        mechanism: String,
        /// Still in base64.
        initial: Option<Secret<String>>,
    },
    /// ENABLE (RFC 5161): the capabilities named.
    Enable(Vec<String>),
    /// SELECT and EXAMINE.
    Select {
        /// Which.
        mailbox: Mailbox,
        /// Whether nothing may be changed.
        read_only: bool,
        /// Whether mod-sequences are wanted from here on (RFC 7162 §3.1.8).
        condstore: bool,
    },
    /// CREATE, with a special use (RFC 6154 §3).
    Create {
        /// Its name.
        mailbox: Mailbox,
        /// What for.
        special_use: Option<SpecialUse>,
    },
    /// DELETE
    Delete(Mailbox),
    /// RENAME
    Rename {
        /// From.
        from: Mailbox,
        /// To.
        to: Mailbox,
    },
    /// SUBSCRIBE
    Subscribe(Mailbox),
    /// UNSUBSCRIBE
    Unsubscribe(Mailbox),
    /// LIST, with the options of RFC 5258 and RFC 5819.
    List(List),
    /// LSUB
    Lsub {
        /// Before the pattern.
        reference: Vec<u8>,
        /// With `%` and `*`.
        pattern: Vec<u8>,
    },
    /// NAMESPACE (RFC 2342)
    Namespace,
    /// STATUS
    Status {
        /// Which.
        mailbox: Mailbox,
        /// Items in upper case.
        items: Vec<StatusItem>,
    },
    /// IDLE (RFC 2177)
    Idle,
    /// CHECK
    Check,
    /// CLOSE
    Close,
    /// UNSELECT (RFC 3691)
    Unselect,
    /// EXPUNGE, and UID EXPUNGE (RFC 4315) with its set.
    Expunge(Option<SequenceSet>),
    /// SEARCH
    Search {
        /// What is answered.
        numbering: Numbering,
        /// What ESEARCH answers (RFC 4731); `None` asks for the old SEARCH response.
        returns: Option<Return>,
        /// What for.
        key: Search,
    },
    /// SORT (RFC 5256)
    Sort {
        /// What is answered.
        numbering: Numbering,
        /// First by this, then by that.
        order: Vec<SortKey>,
        /// Which messages.
        key: Search,
    },
    /// THREAD (RFC 5256)
    Thread {
        /// What is answered.
        numbering: Numbering,
        /// How.
        threading: Threading,
        /// Which messages.
        key: Search,
    },
    /// FETCH
    Fetch {
        /// What the set counts.
        numbering: Numbering,
        /// Which.
        set: SequenceSet,
        /// What of them.
        items: Vec<Item>,
        /// Only of those that changed after this (RFC 7162 §3.1.4.1).
        changed_since: Option<u64>,
    },
    /// STORE
    Store {
        /// What the set counts.
        numbering: Numbering,
        /// Which.
        set: SequenceSet,
        /// Only those that did not change after this (RFC 7162 §3.1.3).
        unchanged_since: Option<u64>,
        /// How.
        change: StoreChange,
        /// Whether the answer is left out.
        silent: bool,
        /// The flags.
        flags: Vec<Flag>,
    },
    /// COPY, and MOVE (RFC 6851).
    Copy {
        /// What the set counts.
        numbering: Numbering,
        /// Which.
        set: SequenceSet,
        /// Where to.
        mailbox: Mailbox,
        /// Whether they leave.
        is_move: bool,
    },
}

/// What APPEND says before its literal.
#[derive(Clone, Debug, PartialEq)]
pub struct Append {
    /// The client's tag.
    pub tag: String,
    /// Where to.
    pub mailbox: Mailbox,
    /// Flags.
    pub flags: Vec<Flag>,
    /// Internal date.
    pub internal_date: Option<InternalDate>,
    /// Bytes that follow.
    pub size: u64,
}

/// RFC 3501 §6.3.10, RFC 8438 SIZE, RFC 9051 §6.3.11 DELETED, RFC 7162 §3.1.7 HIGHESTMODSEQ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusItem {
    /// MESSAGES
    Messages,
    /// RECENT
    Recent,
    /// UIDNEXT
    UidNext,
    /// UIDVALIDITY
    UidValidity,
    /// UNSEEN
    Unseen,
    /// DELETED
    Deleted,
    /// SIZE
    Size,
    /// HIGHESTMODSEQ
    HighestModSeq,
}

/// RFC 3501 §6.4.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreChange {
    /// FLAGS
    Replace,
    /// +FLAGS
    Add,
    /// -FLAGS
    Remove,
}
