//! How often something may happen: so many times at once, then once in a while. The time is an argument; who waits and who is refused
//! the callers decide.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A bucket that holds `burst` permissions and gains one `every` so often (the generic cell rate algorithm of ATM Forum TM 4.0).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Throttle {
    every: Duration,
    burst: u32,
    /// When the bucket would be full again.
    full_at: Option<Instant>,
}

impl Throttle {
    pub fn new(burst: u32, every: Duration) -> Throttle {
        Throttle { every, burst: burst.max(1), full_at: None }
    }

    /// How long until the next one may happen.
    pub fn wait(&self, now: Instant) -> Duration {
        let owed = self.full_at.map_or(Duration::ZERO, |full_at| full_at.saturating_duration_since(now));
        owed.saturating_sub(self.every * (self.burst - 1))
    }

    /// One happens now, whether it may or not; what is beyond the bucket is not held against later ones.
    pub fn spend(&mut self, now: Instant) {
        let full_at = self.full_at.unwrap_or(now).max(now) + self.every;
        self.full_at = Some(full_at.min(now + self.every * self.burst));
    }

    /// One happens now if it may.
    pub fn take(&mut self, now: Instant) -> bool {
        let may = self.wait(now).is_zero();
        if may {
            self.spend(now);
        }
        may
    }

    /// Nothing is remembered.
    pub fn full(&self, now: Instant) -> bool {
        self.full_at.is_none_or(|full_at| full_at <= now)
    }
}

/// Lines of the log that peers can cause: a hundred at once, then five a second, so that nobody fills a disk by being refused.
#[derive(Debug)]
pub(crate) struct Quiet(Mutex<(Throttle, u64)>);

impl Quiet {
    pub fn new() -> Quiet {
        Quiet(Mutex::new((Throttle::new(100, Duration::from_millis(200)), 0)))
    }

    /// Whether a line may be written, with the number of those that were not since the last.
    pub fn admits(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (throttle, unsaid) = &mut *state;
        match throttle.take(now) {
            true => Some(std::mem::take(unsaid)),
            false => {
                *unsaid += 1;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_at_once_then_one_in_a_while() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut throttle = Throttle::new(3, second);
        assert_eq!([start; 5].map(|now| throttle.take(now)), [true, true, true, false, false]);
        assert_eq!(throttle.wait(start), second);
        let later = start + second;
        assert_eq!([later; 2].map(|now| throttle.take(now)), [true, false]);
        assert!(!throttle.full(later + 2 * second) && throttle.full(later + 3 * second));
        // Insisting does not lengthen the wait.
        (0..1000).for_each(|_| throttle.spend(later));
        assert_eq!(throttle.wait(later), second);
    }

    #[test]
    fn lines_that_were_not_written_are_counted() {
        let (quiet, start) = (Quiet::new(), Instant::now());
        let written = (0..1000).filter(|_| quiet.admits(start).is_some()).count();
        assert_eq!(written, 100);
        assert_eq!(quiet.admits(start + Duration::from_secs(1)), Some(900));
        assert_eq!(quiet.admits(start + Duration::from_secs(1)), Some(0));
    }
}
