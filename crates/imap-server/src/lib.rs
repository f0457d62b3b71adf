//! IMAP over sockets.
