//! SMTP and LMTP over sockets.
