//! How often something may happen: so many times at once, then once in a while. The time is an argument; who waits and who is refused
//! the callers decide.

use std::collections::BTreeMap;
use std::net::IpAddr;
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

/// A bucket for every address, or network that one owner of IPv6 addresses usually has; of so many the freest is forgotten for a
/// new one.
#[derive(Debug)]
pub(crate) struct Throttles {
    fresh: Throttle,
    addresses_max: usize,
    by_network: BTreeMap<IpAddr, Throttle>,
}

impl Throttles {
    pub fn new(burst: u32, every: Duration, addresses_max: usize) -> Throttles {
        Throttles { fresh: Throttle::new(burst, every), addresses_max, by_network: BTreeMap::new() }
    }

    /// How long until the next of the address may happen.
    pub fn wait(&self, address: IpAddr, now: Instant) -> Duration {
        self.by_network.get(&network(address)).map_or(Duration::ZERO, |throttle| throttle.wait(now))
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.by_network.len()
    }

    /// So many of the address happen now, whether they may or not.
    pub fn spend(&mut self, address: IpAddr, now: Instant, times: u32) {
        let address = network(address);
        if self.by_network.len() >= self.addresses_max && !self.by_network.contains_key(&address) {
            self.by_network.retain(|_, throttle| !throttle.full(now));
        }
        if self.by_network.len() >= self.addresses_max && !self.by_network.contains_key(&address) {
            let freest = self.by_network.iter().min_by_key(|(_, throttle)| throttle.full_at);
            let freest = freest.map(|(address, _)| *address);
            freest.and_then(|address| self.by_network.remove(&address));
        }
        let throttle = self.by_network.entry(address).or_insert(self.fresh);
        (0..times).for_each(|_| throttle.spend(now));
    }
}

/// An IPv4 address, or the network that one owner of IPv6 addresses usually has.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => IpAddr::V6((u128::from(six) >> 64 << 64).into()),
        four => four,
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
    fn addresses_are_told_apart_and_what_costs_more_empties_the_bucket() {
        let (now, every) = (Instant::now(), Duration::from_millis(10));
        let [client, other] = ["10.0.0.1", "10.0.0.2"].map(|address| address.parse::<IpAddr>().unwrap());
        let mut throttles = Throttles::new(600, every, 4096);
        let passed = |throttles: &mut Throttles, now| {
            let admitted = (0..1200).filter(|_| {
                let may = throttles.wait(client, now).is_zero();
                throttles.spend(client, now, u32::from(may));
                may
            });
            admitted.count()
        };
        assert_eq!(passed(&mut throttles, now), 600);
        let second = now + Duration::from_secs(1);
        assert_eq!(passed(&mut throttles, second), 100);
        assert!(throttles.wait(other, second).is_zero(), "another address is not held back");
        assert_eq!(passed(&mut throttles, second + Duration::from_secs(1000)), 600);
        (0..10).for_each(|_| throttles.spend(other, second, 60));
        assert_eq!(throttles.wait(other, second), every);
        throttles.spend(other, second, 60);
        assert!(throttles.wait(other, second + every).is_zero(), "insisting does not lengthen the wait");
        let [near, far] = ["2001:db8::1", "2001:db8::2"].map(|address| address.parse::<IpAddr>().unwrap());
        throttles.spend(near, second, 600);
        assert_eq!(throttles.wait(far, second), every, "one owner's network is one address");
    }

    #[test]
    fn addresses_without_end_need_bounded_memory_and_the_worst_is_remembered() {
        let (now, worst) = (Instant::now(), "192.0.2.1".parse().unwrap());
        let mut throttles = Throttles::new(600, Duration::from_secs(1), 64);
        throttles.spend(worst, now, 600);
        for at in 0..200u32 {
            throttles.spend(IpAddr::from(at.to_be_bytes()), now, 1);
        }
        assert_eq!(throttles.len(), 64);
        assert!(!throttles.wait(worst, now).is_zero());
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
