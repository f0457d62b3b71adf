//! Facteur, a mail server: IMAP, SMTP and webmail over RocksDB.
fn main() {}
