//! The IMAP protocol core, sans-IO.
