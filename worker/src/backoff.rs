//! How long a worker waits before it connects again: longer from try to try, and a random share of that, so that a farm's
//! workers do not come back at the same moment. Knows no clock and no source of randomness.

use std::time::Duration;

/// Options of the pauses between tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackoffOptions {
    /// Longest pause before the second try; it doubles from try to try.
    pub first: Duration,
    /// What it doubles up to.
    pub last: Duration,
}

impl Default for BackoffOptions {
    /// From a second, which a device is busy for with the leases that it holds, to half a minute.
    fn default() -> BackoffOptions {
        BackoffOptions { first: Duration::from_secs(1), last: Duration::from_secs(30) }
    }
}

/// The pauses of one worker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    options: BackoffOptions,
    ceiling: Duration,
}

impl Backoff {
    pub fn new(options: BackoffOptions) -> Backoff {
        Backoff { options, ceiling: options.first }
    }

    /// The next pause: any between none and the ceiling with equal chances ("full jitter", Brooker 2015, "Exponential backoff
    /// and jitter"), as `random`, uniform in all 64 bits, says. Later pauses may be twice as long.
    pub fn pause(&mut self, random: u64) -> Duration {
        let ceiling_ns = self.ceiling.as_nanos();
        self.ceiling = self.ceiling.saturating_mul(2).min(self.options.last);
        let pause_ns = (ceiling_ns * u128::from(random)) >> 64;
        Duration::from_nanos(u64::try_from(pause_ns).unwrap_or(u64::MAX))
    }

    /// A connection ended that had lasted so long. One that outlived the pause that would come next was a good one: pauses begin
    /// anew, and no more time is spent on waiting than was spent on work. After a shorter one they go on, or a scheduler that
    /// welcomes and dies would be asked as fast as it dies.
    pub fn connected_for(&mut self, lasted: Duration) {
        if lasted >= self.ceiling {
            self.ceiling = self.options.first;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream of words that a seed decides (splitmix64, Steele et al. 2014).
    struct Words(u64);

    impl Words {
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = self.0;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            word ^ (word >> 31)
        }
    }

    fn seconds(pause: Duration) -> f64 {
        pause.as_secs_f64()
    }

    #[test]
    fn pauses_grow_to_the_last_and_begin_anew_after_a_good_connection() {
        let options = BackoffOptions::default();
        let mut backoff = Backoff::new(options);
        let longest: Vec<u128> = (0..7).map(|_| backoff.pause(u64::MAX).as_millis() + 1).collect();
        assert_eq!(longest, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
        assert_eq!(backoff.pause(0), Duration::ZERO);
        backoff.connected_for(Duration::from_secs(29));
        assert_eq!(backoff.pause(1 << 63), options.last / 2);
        backoff.connected_for(options.last);
        assert_eq!(backoff.pause(1 << 63), options.first / 2);
        // The next pause would be up to 2 s.
        backoff.connected_for(Duration::from_secs(1));
        assert_eq!(backoff.pause(1 << 63), options.first);
        backoff.connected_for(Duration::from_secs(5));
        assert_eq!(backoff.pause(1 << 63), options.first / 2);
    }

    /// A scheduler goes away under ten thousand workers and is back after a minute: they come in half a minute, evenly.
    #[test]
    fn ten_thousand_workers_do_not_come_back_at_once() {
        const WORKERS: usize = 10_000;
        let (mut words, back_s) = (Words(7), 60.0);
        let mut arrivals = vec![0usize; 400];
        for _ in 0..WORKERS {
            let (mut backoff, mut now_s) = (Backoff::new(BackoffOptions::default()), 0.0);
            while now_s < back_s {
                now_s += seconds(backoff.pause(words.next()));
            }
            arrivals[((now_s - back_s) * 10.0) as usize] += 1;
        }
        let busiest = arrivals.iter().copied().max().unwrap();
        // Evenly over 30 s would be 33 in 100 ms; those who drew short pauses make it denser at first.
        assert!(busiest <= WORKERS / 100, "{busiest} of {WORKERS} workers come within 100 ms");
        assert!(arrivals[..300].iter().sum::<usize>() == WORKERS);
    }
}
