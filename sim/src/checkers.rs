//! What must hold after every step, by name: a failure says which checker it is, so that a planted bug can be told from
//! another.

use std::fmt;

/// A thing that must hold. The first failure ends the simulation with a panic whose message begins with the checker's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Checker {
    /// The core's books agree with themselves.
    Sanity,
    /// An accepted tile-pass stays accepted, with its pixels, and is not lent again unless it was overturned.
    LostTile,
    /// A tile-pass is accepted once, whatever comes late, twice or again after a restart.
    AcceptedTwice,
    /// A lease goes to one worker, and who holds a tile-pass at the same time is known as a duplicate.
    TwoHands,
    /// A lease goes to a job whose turn it is, by priority with age, then by what owners have received.
    FairShares,
    /// Once faults stop, every job ends.
    Progress,
    /// Replaying the records gives the live state.
    Replay,
    /// So does a snapshot with the records after it.
    Snapshot,
    /// The shell holds as many tile-passes as the core counts on.
    HeldPixels,
    /// A finished frame has the bits of the reference.
    Image,
    /// Nothing that was seen outside the scheduler rests on records that a crash can take back.
    Durability,
    /// Who does nothing wrong is neither convicted nor turned away.
    Honest,
    /// Nothing is lent to whom nothing is to be lent, nor of a job that lends nothing.
    Obedience,
}

/// All of them.
pub const CHECKERS: [Checker; 13] = [
    Checker::Sanity,
    Checker::LostTile,
    Checker::AcceptedTwice,
    Checker::TwoHands,
    Checker::FairShares,
    Checker::Progress,
    Checker::Replay,
    Checker::Snapshot,
    Checker::HeldPixels,
    Checker::Image,
    Checker::Durability,
    Checker::Honest,
    Checker::Obedience,
];

impl fmt::Display for Checker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Checker::Sanity => "sanity",
            Checker::LostTile => "lost tile",
            Checker::AcceptedTwice => "accepted twice",
            Checker::TwoHands => "two hands",
            Checker::FairShares => "fair shares",
            Checker::Progress => "progress",
            Checker::Replay => "replay",
            Checker::Snapshot => "snapshot",
            Checker::HeldPixels => "held pixels",
            Checker::Image => "image",
            Checker::Durability => "durability",
            Checker::Honest => "honest",
            Checker::Obedience => "obedience",
        })
    }
}

impl Checker {
    /// Fails unless it `holds`.
    #[track_caller]
    pub(crate) fn demand(self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.fail(what());
        }
    }

    #[track_caller]
    pub(crate) fn fail(self, what: impl fmt::Display) -> ! {
        panic!("{self}: {what}")
    }

    /// The checker whose failure a panic's message is. What panics without a checker's name is the core's own.
    pub fn of(message: &str) -> Checker {
        let named = CHECKERS.into_iter().find(|checker| {
            message.strip_prefix(&checker.to_string()).is_some_and(|rest| rest.starts_with(": "))
        });
        named.unwrap_or(Checker::Sanity)
    }
}
