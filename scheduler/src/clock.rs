//! The time of day by this machine's clock, for what people and other programs are told. Nothing is decided by it but when tokens expire.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Since 1970; nothing by a clock that is before.
pub(crate) fn unix_time() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
