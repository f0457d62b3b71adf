//! The SMTP and LMTP protocol core, sans-IO.
