//! Who may come in and how much of what each key may have at once: strangers before their hello, connections and uploads of a key, wrong
//! tokens of an address. Knows no stream; what is refused is the callers' to say.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tessera_shared::ids::NodeKey;
use tessera_shared::messages::Refusal;
use tokio::sync::{Semaphore, oneshot};

use crate::limits::Limits;
use crate::throttle::Throttles;

/// Addresses with wrong tokens that are remembered, and keys without a connection.
const REMEMBERED_MAX: usize = 4096;
/// Within this time a key's uploads are forgotten.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The farm's gate.
#[derive(Debug)]
pub(crate) struct Gate {
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    strangers: BTreeMap<u64, oneshot::Sender<()>>,
    next_stranger: u64,
    keys: BTreeMap<NodeKey, Books>,
    /// Keys without a connection.
    idle: usize,
    wrong: Throttles,
}

/// What one key has.
#[derive(Debug)]
struct Books {
    connections: usize,
    uploads: Arc<Semaphore>,
    /// Bytes announced, less what was forgotten by then.
    announced: (f64, Instant),
}

impl Books {
    fn new(limits: &Limits, now: Instant) -> Books {
        let uploads = Arc::new(Semaphore::new(limits.key_uploads_max.max(1)));
        Books { connections: 0, uploads, announced: (0.0, now) }
    }

    fn announced(&self, limits: &Limits, now: Instant) -> f64 {
        let (bytes, at) = self.announced;
        let forgotten = now.saturating_duration_since(at).as_secs_f64() / DAY.as_secs_f64();
        (bytes - forgotten * limits.key_upload_bytes_max as f64).max(0.0)
    }
}

/// A connection that has not said hello. Dropped when it has, or is gone.
#[derive(Debug)]
pub(crate) struct Stranger {
    gate: Arc<Gate>,
    number: u64,
}

/// A connection of a key. Dropped when it is gone.
#[derive(Debug)]
pub(crate) struct Member {
    gate: Arc<Gate>,
    key: NodeKey,
}

impl Gate {
    pub fn new(limits: Limits) -> Arc<Gate> {
        let wrong = Throttles::new(limits.wrong_tokens_max, limits.wrong_token_forgiven, REMEMBERED_MAX);
        let state =
            State { strangers: BTreeMap::new(), next_stranger: 0, keys: BTreeMap::new(), idle: 0, wrong };
        Arc::new(Gate { limits, state: Mutex::new(state) })
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A stranger comes. The channel closes when it has to make room for another.
    pub fn stranger(self: &Arc<Gate>) -> (Stranger, oneshot::Receiver<()>) {
        let (sender, crowded) = oneshot::channel();
        let mut state = self.state();
        if state.strangers.len() >= self.limits.strangers_max.max(1) {
            state.strangers.pop_first();
        }
        state.next_stranger += 1;
        let number = state.next_stranger;
        state.strangers.insert(number, sender);
        (Stranger { gate: self.clone(), number }, crowded)
    }

    /// A connection of a key comes.
    pub fn member(self: &Arc<Gate>, key: NodeKey, now: Instant) -> Result<Member, Refusal> {
        let state = &mut *self.state();
        let known = state.keys.get(&key).is_some_and(|books| books.connections == 0);
        let books = state.keys.entry(key).or_insert_with(|| Books::new(&self.limits, now));
        if books.connections >= self.limits.key_connections_max {
            let connections_max = u32::try_from(self.limits.key_connections_max).unwrap_or(u32::MAX);
            return Err(Refusal::Key { connections_max });
        }
        books.connections += 1;
        state.idle -= usize::from(known);
        Ok(Member { gate: self.clone(), key })
    }

    /// Somebody at the address did not know the token.
    pub fn wrong_token(&self, address: IpAddr, now: Instant) {
        self.state().wrong.spend(address, now, 1);
    }

    /// Whether connections from the address are refused for now.
    pub fn bars(&self, address: IpAddr, now: Instant) -> bool {
        !self.state().wrong.wait(address, now).is_zero()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.gate.state().strangers.remove(&self.number);
    }
}

impl Member {
    /// The places for this key's uploads.
    pub fn uploads(&self) -> Arc<Semaphore> {
        let state = self.gate.state();
        let books = state.keys.get(&self.key).expect("a key with a connection has books");
        books.uploads.clone()
    }

    /// The key announces so many bytes. False where it has announced too many lately.
    pub fn announces(&self, bytes: u64, now: Instant) -> bool {
        let limits = &self.gate.limits;
        let mut state = self.gate.state();
        let books = state.keys.get_mut(&self.key).expect("a key with a connection has books");
        let announced = books.announced(limits, now) + bytes as f64;
        let may = announced <= limits.key_upload_bytes_max as f64;
        if may {
            books.announced = (announced, now);
        }
        may
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let (limits, now) = (&self.gate.limits, Instant::now());
        let state = &mut *self.gate.state();
        let Some(books) = state.keys.get_mut(&self.key) else { return };
        books.connections -= 1;
        if books.connections > 0 {
            return;
        }
        if books.announced(limits, now) == 0.0 {
            state.keys.remove(&self.key);
            return;
        }
        state.idle += 1;
        if state.idle > REMEMBERED_MAX {
            let idle = state.keys.iter().filter(|(_, books)| books.connections == 0);
            let least = idle.min_by(|a, b| a.1.announced(limits, now).total_cmp(&b.1.announced(limits, now)));
            if let Some(key) = least.map(|(key, _)| *key) {
                state.keys.remove(&key);
                state.idle -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: NodeKey = NodeKey([1; 32]);

    fn gate(limits: Limits) -> (Arc<Gate>, Instant) {
        (Gate::new(limits), Instant::now())
    }

    #[test]
    fn the_longest_silent_makes_room() {
        let (gate, _) = gate(Limits { strangers_max: 2, ..Limits::default() });
        let (_first, mut first) = gate.stranger();
        let (second, mut gone) = gate.stranger();
        drop(second);
        let (_third, mut third) = gate.stranger();
        assert!(gone.try_recv().is_err());
        assert_eq!(first.try_recv(), Err(oneshot::error::TryRecvError::Empty));
        let (_fourth, _kept) = gate.stranger();
        assert_eq!(first.try_recv(), Err(oneshot::error::TryRecvError::Closed));
        assert_eq!(third.try_recv(), Err(oneshot::error::TryRecvError::Empty));
    }

    #[test]
    fn a_key_has_so_many_connections_and_no_more() {
        let (gate, now) = gate(Limits { key_connections_max: 2, ..Limits::default() });
        let first = gate.member(KEY, now).unwrap();
        let _second = gate.member(KEY, now).unwrap();
        assert_eq!(gate.member(KEY, now).unwrap_err(), Refusal::Key { connections_max: 2 });
        assert!(gate.member(NodeKey([2; 32]), now).is_ok());
        drop(first);
        assert!(gate.member(KEY, now).is_ok());
    }

    #[test]
    fn uploads_of_a_key_count_until_they_are_forgotten_whatever_its_connections() {
        let (gate, now) = gate(Limits { key_upload_bytes_max: 100, ..Limits::default() });
        let member = gate.member(KEY, now).unwrap();
        assert!(member.announces(60, now) && !member.announces(60, now) && member.announces(40, now));
        drop(member);
        let member = gate.member(KEY, now).unwrap();
        assert!(!member.announces(10, now));
        assert!(member.announces(10, now + DAY / 8));
        assert!(!member.announces(100, now + DAY / 8));
        assert!(member.announces(100, now + 3 * DAY));
    }

    #[test]
    fn nobody_is_remembered_for_coming_and_going() {
        let (gate, now) = gate(Limits::default());
        for byte in 0..50 {
            drop(gate.member(NodeKey([byte; 32]), now).unwrap());
            drop(gate.stranger());
        }
        assert!(gate.state().keys.is_empty() && gate.state().strangers.is_empty());
    }

    #[test]
    fn an_address_that_guesses_is_barred_and_forgiven() {
        let every = Duration::from_secs(2);
        let limits = Limits { wrong_tokens_max: 3, wrong_token_forgiven: every, ..Limits::default() };
        let (gate, now) = gate(limits);
        let guesser: IpAddr = "2001:db8:0:7::1".parse().unwrap();
        for _ in 0..3 {
            assert!(!gate.bars(guesser, now));
            gate.wrong_token(guesser, now);
        }
        assert!(gate.bars(guesser, now));
        assert!(gate.bars("2001:db8:0:7:ffff::".parse().unwrap(), now));
        assert!(!gate.bars("2001:db8:0:8::1".parse().unwrap(), now));
        assert!(!gate.bars(guesser, now + every));
        for number in 0..2 * REMEMBERED_MAX as u32 {
            gate.wrong_token(IpAddr::V4(number.into()), now);
        }
        assert!(gate.state().wrong.len() <= REMEMBERED_MAX);
    }
}
