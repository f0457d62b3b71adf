//! The real clock, which only the binary owns.

use std::sync::Arc;

use jiff::Timestamp;
use mail_service::Clock;

/// The machine's clock.
pub(crate) fn system() -> Clock {
    Arc::new(Timestamp::now)
}
