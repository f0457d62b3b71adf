//! The webmail: HTTP pages over the same mailboxes.
