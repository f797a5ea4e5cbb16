//! In which order jobs are lent of. The jobs of one priority are served by owner: who has lately received the least comes
//! first, and of its jobs the oldest. A job that waits rises with its age. `docs/control.md` has the formula and why.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use tessera_shared::ids::{JobId, NodeKey};

use crate::limits::{JOBS_SEARCHED, LIMITED_SEARCHED};
use crate::machine::Core;
use crate::shares::{OwnerId, Shares};
use crate::state::State;
use crate::workers::Session;

/// A job that has been lent nothing of for so long is served as if its priority were one higher, for twice as long two, and
/// so on.
pub const AGE_STEP_MS: u64 = 600_000;

/// A job's place in the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
struct Place {
    owner: OwnerId,
    priority: i32,
    /// Since when it waits.
    since_ms: u64,
}

impl Place {
    /// Orders jobs by their priority with their age, whatever the time: the first has the greatest.
    fn age(&self) -> i64 {
        let since_ms = i64::try_from(self.since_ms).unwrap_or(i64::MAX / 2);
        since_ms.saturating_sub(i64::from(self.priority) * AGE_STEP_MS as i64)
    }

    /// The priority that it is served with.
    fn risen(&self, now_ms: u64) -> i64 {
        let steps = now_ms.saturating_sub(self.since_ms) / AGE_STEP_MS;
        i64::from(self.priority) + i64::try_from(steps).unwrap_or(i64::MAX / 2)
    }
}

type Level = Reverse<i32>;

/// The jobs of which something may be lent, and what owners have received.
#[derive(Clone, Debug, Default, PartialEq, bincode::Encode, bincode::Decode)]
pub struct Service {
    places: BTreeMap<JobId, Place>,
    /// The owners with jobs of a priority, who has received less first.
    levels: BTreeMap<Level, BTreeSet<(u128, OwnerId)>>,
    queues: BTreeMap<(OwnerId, Level), BTreeSet<JobId>>,
    ages: BTreeSet<(i64, JobId)>,
    pub shares: Shares,
}

impl Service {
    pub fn len(&self) -> usize {
        self.places.len()
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub fn contains(&self, job: JobId) -> bool {
        self.places.contains_key(&job)
    }

    /// All jobs in order, age aside.
    pub fn jobs(&self) -> impl Iterator<Item = JobId> + '_ {
        self.levels.iter().flat_map(|(level, owners)| {
            let queues = owners.iter().filter_map(|(_, owner)| self.queues.get(&(*owner, *level)));
            queues.flatten().copied()
        })
    }

    /// The first job that `serves`, with the age of those before it taken into account.
    pub fn first(&self, now_ms: u64, serves: impl Fn(JobId) -> bool) -> Option<JobId> {
        let first = self.jobs().take(LIMITED_SEARCHED).find(|job| serves(*job))?;
        let risen = self.places[&first].risen(now_ms);
        // Whose age is worth no more than the first one's priority comes behind it anyway.
        let older = self.ages.iter().map(|(_, job)| *job).take(JOBS_SEARCHED);
        let mut older = older.take_while(|job| self.places[job].risen(now_ms) > risen);
        Some(older.find(|job| serves(*job)).unwrap_or(first))
    }

    /// Enters or takes out a job, or moves it.
    fn settle(&mut self, job: JobId, wanted: Option<(NodeKey, i32, u64)>) {
        let before = self.places.get(&job).copied();
        let place = match (wanted, before) {
            (None, None) => return,
            (None, Some(_)) => None,
            (Some((_, priority, since_ms)), Some(place)) if priority == place.priority => {
                if since_ms != place.since_ms {
                    self.ages.remove(&(place.age(), job));
                    let place = Place { since_ms, ..place };
                    self.ages.insert((place.age(), job));
                    self.places.insert(job, place);
                }
                return;
            }
            (Some((key, priority, since_ms)), _) => {
                let owner = self.shares.enter(key);
                Some(Place { owner, priority, since_ms })
            }
        };
        if let Some(before) = before {
            self.take_out(job, before);
        }
        if let Some(place) = place {
            let level = Reverse(place.priority);
            self.places.insert(job, place);
            self.ages.insert((place.age(), job));
            self.queues.entry((place.owner, level)).or_default().insert(job);
            let weighted = self.shares.weighted(place.owner);
            self.levels.entry(level).or_default().insert((weighted, place.owner));
        }
    }

    fn take_out(&mut self, job: JobId, place: Place) {
        let level = Reverse(place.priority);
        self.places.remove(&job);
        self.ages.remove(&(place.age(), job));
        let Some(queue) = self.queues.get_mut(&(place.owner, level)) else { return };
        queue.remove(&job);
        if queue.is_empty() {
            self.queues.remove(&(place.owner, level));
            let weighted = self.shares.weighted(place.owner);
            if let Some(owners) = self.levels.get_mut(&level) {
                owners.remove(&(weighted, place.owner));
                if owners.is_empty() {
                    self.levels.remove(&level);
                }
            }
        }
    }

    /// The owner is lent so many rays, whether or not jobs of it wait for more.
    fn receive(&mut self, key: NodeKey, rays: u64, at_ms: u64) {
        if self.shares.overdue(at_ms) {
            self.begin_anew(|shares, kept| shares.rebase(at_ms, kept));
        }
        let owner = self.shares.enter(key);
        let before = self.shares.weighted(owner);
        self.shares.receive(owner, rays, at_ms);
        let after = self.shares.weighted(owner);
        let all = (owner, Reverse(i32::MAX))..=(owner, Reverse(i32::MIN));
        for ((_, level), _) in self.queues.range(all) {
            if let Some(owners) = self.levels.get_mut(level) {
                owners.remove(&(before, owner));
                owners.insert((after, owner));
            }
        }
    }

    /// Changes all weights, and with them the owners' places.
    fn begin_anew(&mut self, change: impl FnOnce(&mut Shares, &dyn Fn(OwnerId) -> bool)) {
        let waiting: BTreeSet<OwnerId> = self.queues.keys().map(|(owner, _)| *owner).collect();
        change(&mut self.shares, &|owner| waiting.contains(&owner));
        for owners in self.levels.values_mut() {
            let shares = &self.shares;
            *owners = owners.iter().map(|(_, owner)| (shares.weighted(*owner), *owner)).collect();
        }
    }

    /// The clock is at zero again.
    pub fn restart(&mut self) {
        self.begin_anew(|shares, _| shares.restart());
    }

    /// Panics if the orders contradict each other.
    pub fn check(&self) {
        assert_eq!(
            self.jobs().collect::<BTreeSet<_>>(),
            self.places.keys().copied().collect(),
            "jobs in order"
        );
        for (job, place) in &self.places {
            assert!(self.ages.contains(&(place.age(), *job)), "{job} has no age");
            let level = Reverse(place.priority);
            assert!(self.queues[&(place.owner, level)].contains(job), "{job} is in no queue");
            let weighted = self.shares.weighted(place.owner);
            assert!(self.levels[&level].contains(&(weighted, place.owner)), "{job}'s owner has no place");
        }
        assert_eq!(self.ages.len(), self.places.len(), "ages");
        let owners: usize = self.levels.values().map(BTreeSet::len).sum();
        assert_eq!(owners, self.queues.len(), "owners in order");
    }
}

impl State {
    /// Keeps the orders of service in step with a job's queues.
    pub(crate) fn reorder(&mut self, job: JobId) {
        let Some(entry) = self.jobs.get(&job) else { return };
        let priority = entry.spec.options.priority;
        let running = entry.running();
        let keep = |set: &mut BTreeSet<crate::state::Turn>, wanted: bool| match running && wanted {
            true => drop(set.insert((Reverse(priority), job))),
            false => drop(set.remove(&(Reverse(priority), job))),
        };
        keep(&mut self.owing, !entry.owed.is_empty());
        keep(&mut self.owing_referee, !entry.owed_referee.is_empty());
        let ready = entry.pending() > 0 && entry.lendable();
        let wanted = ready.then_some((entry.spec.owner, priority, entry.waiting_since_ms));
        self.service.settle(job, wanted);
    }

    /// The job is lent these rays of at a time.
    pub(crate) fn serve(&mut self, job: JobId, rays: u64, at_ms: u64) {
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        entry.waiting_since_ms = at_ms;
        self.service.receive(entry.spec.owner, rays, at_ms);
    }
}

impl Core {
    /// The job whose turn it is, of those that this worker may serve and that have room for its operator.
    pub(crate) fn next_job(&self, session: &Session) -> Option<JobId> {
        let may = |job| self.may_serve(session, job) && self.has_room(session, job);
        self.state.service.first(self.now_ms, may)
    }
}
