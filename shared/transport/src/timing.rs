//! How long the two ends of a connection wait for each other. The defaults suit the internet; tests of broken networks use
//! shorter ones.

use std::time::Duration;

/// The times of a connection. The shorter of both ends' idle times counts (RFC 9000 §10.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// A peer is gone when nothing was heard from it for so long.
    pub idle: Duration,
    /// A quiet connection is kept alive by a packet this often.
    pub keep_alive: Duration,
    /// How long a client waits for the scheduler's first answers.
    pub connect: Duration,
}

impl Default for Timing {
    fn default() -> Timing {
        Timing {
            idle: Duration::from_secs(15),
            keep_alive: Duration::from_secs(4),
            connect: Duration::from_secs(10),
        }
    }
}
