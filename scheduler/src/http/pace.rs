//! Which of the things that changed are told now: those that turned at once, those that only went on each at most so often
//! and few at a time, the longest untold first. Knows no clock and not what the things are.

use std::collections::{BTreeMap, BTreeSet};

/// How often and how many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Least time between two tellings of one that only goes on.
    pub every_ms: u64,
    /// That go on, at once.
    pub going_on_max: usize,
    /// That turned, at once.
    pub turned_max: usize,
}

/// Things that wait to be told.
#[derive(Debug)]
pub(super) struct Pace<T> {
    limits: Limits,
    turned: BTreeSet<T>,
    /// That went on, with when they were last told.
    going_on: BTreeMap<T, u64>,
    /// When what was lately told was told.
    told_ms: BTreeMap<T, u64>,
}

impl<T: Copy + Ord> Pace<T> {
    pub fn new(limits: Limits) -> Pace<T> {
        Pace { limits, turned: BTreeSet::new(), going_on: BTreeMap::new(), told_ms: BTreeMap::new() }
    }

    pub fn turn(&mut self, things: impl IntoIterator<Item = T>) {
        self.turned.extend(things);
    }

    pub fn go_on(&mut self, things: impl IntoIterator<Item = T>) {
        for thing in things {
            let told_ms = self.told_ms.get(&thing).copied().unwrap_or(0);
            self.going_on.entry(thing).or_insert(told_ms);
        }
    }

    /// Takes those whose turn it is.
    pub fn take(&mut self, now_ms: u64) -> Vec<T> {
        let Limits { every_ms, going_on_max, turned_max } = self.limits;
        let mut due: Vec<T> = self.turned.iter().copied().take(turned_max).collect();
        let rested = |told_ms: &u64| *told_ms == 0 || told_ms + every_ms <= now_ms;
        let mut rest: Vec<(u64, T)> = self
            .going_on
            .iter()
            .filter(|(_, told)| rested(told))
            .map(|(thing, told)| (*told, *thing))
            .collect();
        rest.sort_unstable();
        due.extend(rest.into_iter().take(going_on_max).map(|(_, thing)| thing));
        self.told_ms.retain(|_, told_ms| *told_ms + every_ms > now_ms);
        for thing in &due {
            self.turned.remove(thing);
            self.going_on.remove(thing);
            self.told_ms.insert(*thing, now_ms.max(1));
        }
        due.sort_unstable();
        due.dedup();
        due
    }

    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.turned.is_empty() && self.going_on.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace() -> Pace<u32> {
        Pace::new(Limits { every_ms: 1000, going_on_max: 2, turned_max: 3 })
    }

    #[test]
    fn what_turned_is_told_at_once_and_what_goes_on_now_and_then() {
        let mut pace = pace();
        pace.turn([7]);
        pace.go_on([1]);
        assert_eq!(pace.take(100), [1, 7]);
        pace.go_on([1]);
        pace.turn([7]);
        assert_eq!(pace.take(200), [7]);
        assert!(pace.take(1099).is_empty());
        assert_eq!(pace.take(1100), [1]);
        assert!(pace.is_empty());
    }

    #[test]
    fn the_longest_untold_goes_first_and_nobody_is_forgotten() {
        let mut pace = pace();
        pace.go_on(0..6);
        let mut told = Vec::new();
        for round in 0..3 {
            told.extend(pace.take(100 + round * 100));
            pace.go_on([0, 1]);
        }
        told.sort_unstable();
        assert_eq!(told, [0, 1, 2, 3, 4, 5]);
        pace.turn(0..5);
        assert_eq!(pace.take(5000), [0, 1, 2]);
        assert_eq!(pace.take(5001), [3, 4]);
    }
}
