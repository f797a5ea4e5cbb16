//! What each owner has lately received, in rays that were lent, decaying: received a half-life ago, it counts half. Knows no
//! job.
//!
//! Amounts are kept with the weight that their time has (forward decay: Cormode, Shkapenyuk, Srivastava and Xu 2009, "Forward
//! decay: a practical time decay model for streaming systems", §III), so that time alone changes no order between owners and
//! whoever sorts by them need not sort again.

use std::collections::BTreeMap;

use tessera_shared::ids::NodeKey;

/// After so long what was received counts half.
pub const HALF_LIFE_MS: u64 = 600_000;
/// Half-lives after which weights begin anew, far below where they would overflow.
const HALVINGS_MAX: u64 = 40;
/// Most rays of one lease that are counted.
const RAYS_MAX: u64 = 1 << 44;

/// An owner by the order of first being lent for; shorter than its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, bincode::Encode, bincode::Decode)]
pub struct OwnerId(pub u32);

/// What owners have received.
#[derive(Clone, Debug, Default, PartialEq, bincode::Encode, bincode::Decode)]
pub struct Shares {
    by_key: BTreeMap<NodeKey, OwnerId>,
    owners: BTreeMap<OwnerId, Owner>,
    next: u32,
    /// Weights count from here.
    epoch_ms: u64,
    /// When something was last received.
    last_ms: u64,
}

#[derive(Clone, Debug, PartialEq, bincode::Encode, bincode::Decode)]
struct Owner {
    key: NodeKey,
    weighted: u128,
}

/// 2^(t / half-life) × the half-life, linear between whole half-lives.
fn weight(since_ms: u64) -> u128 {
    let (halvings, rest) = (since_ms / HALF_LIFE_MS, since_ms % HALF_LIFE_MS);
    u128::from(HALF_LIFE_MS + rest) << halvings.min(HALVINGS_MAX + 1)
}

impl Shares {
    /// The owner of the key, entered if it is new.
    pub fn enter(&mut self, key: NodeKey) -> OwnerId {
        if let Some(owner) = self.by_key.get(&key) {
            return *owner;
        }
        let owner = OwnerId(self.next);
        self.next += 1;
        self.by_key.insert(key, owner);
        self.owners.insert(owner, Owner { key, weighted: 0 });
        owner
    }

    pub fn find(&self, key: &NodeKey) -> Option<OwnerId> {
        self.by_key.get(key).copied()
    }

    /// Orders owners: who has received less, comes first. Comparable at one time.
    pub fn weighted(&self, owner: OwnerId) -> u128 {
        self.owners.get(&owner).map_or(0, |owner| owner.weighted)
    }

    /// Rays that the owner has received, decayed until `at_ms`.
    pub fn received(&self, owner: OwnerId, at_ms: u64) -> u64 {
        let rays = self.weighted(owner) / weight(at_ms.saturating_sub(self.epoch_ms));
        u64::try_from(rays).unwrap_or(u64::MAX)
    }

    /// Whether weights must begin anew before something is received at this time.
    pub fn overdue(&self, at_ms: u64) -> bool {
        at_ms.saturating_sub(self.epoch_ms) / HALF_LIFE_MS >= HALVINGS_MAX
    }

    pub fn receive(&mut self, owner: OwnerId, rays: u64, at_ms: u64) {
        self.last_ms = self.last_ms.max(at_ms);
        let more = u128::from(rays.min(RAYS_MAX)) * weight(at_ms.saturating_sub(self.epoch_ms));
        if let Some(owner) = self.owners.get_mut(&owner) {
            owner.weighted = owner.weighted.saturating_add(more);
        }
    }

    /// Begins anew at a time, with what is left; `kept` says which owners are needed although nothing is.
    pub fn rebase(&mut self, at_ms: u64, kept: impl Fn(OwnerId) -> bool) {
        let now = weight(at_ms.saturating_sub(self.epoch_ms));
        for owner in self.owners.values_mut() {
            owner.weighted = owner.weighted / now * weight(0);
        }
        self.epoch_ms = at_ms;
        self.owners.retain(|id, owner| owner.weighted > 0 || kept(*id));
        let owners = &self.owners;
        self.by_key.retain(|_, id| owners.contains_key(id));
    }

    /// The clock is at zero again: nothing has decayed since something was last received.
    pub fn restart(&mut self) {
        self.rebase(self.last_ms, |_| true);
        self.epoch_ms = 0;
        self.last_ms = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(shares: &mut Shares, key: u8) -> OwnerId {
        shares.enter(NodeKey([key; 32]))
    }

    #[test]
    fn what_was_received_a_half_life_ago_counts_half() {
        let mut shares = Shares::default();
        let (one, two) = (owner(&mut shares, 1), owner(&mut shares, 2));
        shares.receive(one, 1_000_000, 0);
        shares.receive(two, 600_000, HALF_LIFE_MS);
        assert!(shares.weighted(one) < shares.weighted(two));
        let received = [0, HALF_LIFE_MS, 2 * HALF_LIFE_MS].map(|at_ms| shares.received(one, at_ms));
        assert_eq!(received, [1_000_000, 500_000, 250_000]);
        // Between them a straight line, at most 6 % off the exponential.
        for step in 1..10 {
            let at = step as f64 / 10.0;
            let exact = 1e6 / at.exp2();
            let kept = shares.received(one, step * HALF_LIFE_MS / 10) as f64;
            assert!((kept / exact - 1.0).abs() < 0.065, "{step}: {kept}, {exact}");
        }
    }

    #[test]
    fn order_and_amounts_outlive_new_weights_and_restarts() {
        let mut shares = Shares::default();
        let (one, two, idle) = (owner(&mut shares, 1), owner(&mut shares, 2), owner(&mut shares, 3));
        let at_ms = 39 * HALF_LIFE_MS;
        shares.receive(idle, 1, 0);
        shares.receive(one, 3_000_000, at_ms);
        shares.receive(two, 2_000_000, at_ms);
        assert!(!shares.overdue(at_ms) && shares.overdue(at_ms + HALF_LIFE_MS));
        shares.rebase(at_ms + HALF_LIFE_MS, |_| false);
        assert_eq!(shares.received(one, at_ms + HALF_LIFE_MS), 1_500_000);
        assert_eq!(shares.find(&NodeKey([3; 32])), None, "nothing is left of it");
        shares.receive(two, 1, at_ms + 2 * HALF_LIFE_MS);
        shares.restart();
        assert_eq!((shares.received(one, 0), shares.received(two, 0)), (750_000, 500_001));
    }

    #[test]
    fn years_and_huge_leases_overflow_nothing() {
        let mut shares = Shares::default();
        let one = owner(&mut shares, 1);
        for at_ms in [0, 40 * HALF_LIFE_MS - 1, u64::MAX / 2] {
            if shares.overdue(at_ms) {
                shares.rebase(at_ms, |_| true);
            }
            (0..100_000).for_each(|_| shares.receive(one, u64::MAX, at_ms));
            assert!(shares.weighted(one) < u128::MAX / 2);
        }
    }
}
