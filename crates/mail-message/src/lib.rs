//! Pure parsing and composing of messages.
