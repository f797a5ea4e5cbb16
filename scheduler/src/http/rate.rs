//! How many requests a client may make: a bucket of requests each, which fills with time. Knows no clock.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// Requests that a client may make at once: a page with its film strip.
const BURST: u64 = 600;
/// Requests a second that it may go on with.
const PER_SECOND: u64 = 100;
/// What a refused token costs, in requests: guessing is slow long before it is useful.
const REFUSED_COST: u64 = 60;
/// Clients that are remembered; the longest idle is forgotten for a new one.
const CLIENTS_MAX: usize = 4096;

/// The buckets of all clients.
#[derive(Debug, Default)]
pub struct Rates {
    clients: BTreeMap<IpAddr, Bucket>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Thousandths of requests.
    left: u64,
    at_ms: u64,
}

impl Rates {
    /// Whether a client may make a request now; if not, after how many seconds it may.
    pub fn admit(&mut self, client: IpAddr, now_ms: u64) -> Result<(), u64> {
        self.spend(client, now_ms, 1)
    }

    /// A client came with a token that nobody made.
    pub fn punish(&mut self, client: IpAddr, now_ms: u64) {
        // An empty bucket is punishment enough.
        let _ = self.spend(client, now_ms, REFUSED_COST);
    }

    fn spend(&mut self, client: IpAddr, now_ms: u64, requests: u64) -> Result<(), u64> {
        if !self.clients.contains_key(&client) && self.clients.len() == CLIENTS_MAX {
            let idle = self.clients.iter().min_by_key(|(_, bucket)| bucket.at_ms).map(|(ip, _)| *ip);
            idle.and_then(|ip| self.clients.remove(&ip));
        }
        let full = BURST * 1000;
        let bucket = self.clients.entry(client).or_insert(Bucket { left: full, at_ms: now_ms });
        bucket.left = (bucket.left + now_ms.saturating_sub(bucket.at_ms) * PER_SECOND).min(full);
        bucket.at_ms = bucket.at_ms.max(now_ms);
        match bucket.left.checked_sub(requests * 1000) {
            Some(left) => {
                bucket.left = left;
                Ok(())
            }
            None => {
                let missing = requests * 1000 - bucket.left;
                bucket.left = if requests > 1 { 0 } else { bucket.left };
                Err(missing.div_ceil(PER_SECOND * 1000).max(1))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    #[test]
    fn a_burst_passes_then_the_rate_holds() {
        let mut rates = Rates::default();
        let passed = |rates: &mut Rates, at_ms, asked| {
            (0..asked).filter(|_| rates.admit(CLIENT, at_ms).is_ok()).count() as u64
        };
        assert_eq!(passed(&mut rates, 0, 2 * BURST), BURST);
        assert_eq!(rates.admit(CLIENT, 0), Err(1));
        assert_eq!(passed(&mut rates, 1000, 2 * BURST), PER_SECOND);
        assert_eq!(rates.admit(OTHER, 1000), Ok(()), "another client is not held back");
        assert_eq!(passed(&mut rates, 1_000_000, 2 * BURST), BURST);
    }

    #[test]
    fn guessing_tokens_empties_the_bucket() {
        let mut rates = Rates::default();
        (0..BURST / REFUSED_COST).for_each(|_| rates.punish(CLIENT, 0));
        assert_eq!(rates.admit(CLIENT, 0), Err(1));
        rates.punish(CLIENT, 0);
        assert!(rates.admit(CLIENT, 1000).is_ok());
    }

    #[test]
    fn clients_without_end_need_bounded_memory() {
        let mut rates = Rates::default();
        for at in 0..3 * CLIENTS_MAX as u32 {
            rates.admit(IpAddr::from(at.to_be_bytes()), u64::from(at)).unwrap();
        }
        assert_eq!(rates.clients.len(), CLIENTS_MAX);
    }
}
