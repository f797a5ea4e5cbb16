//! People on a farm: who owns which job, which job waits for which, and what they order while everything else goes wrong. They
//! go home when faults end, and leave nothing paused, drained or asleep behind.

use std::collections::BTreeSet;

use tessera_scheduler_core::Event;
use tessera_scheduler_core::api::{Asker, RequestId};
use tessera_shared::control::{JobOrder, WorkerOrder};
use tessera_shared::ids::{JobId, WorkerId};

use crate::checkers::Checker;
use crate::farm::{Farm, Fault};
use crate::orders::Order;
use crate::random::Random;
use crate::random_farm::random_shot;
use crate::world::{Happening, World};

/// Orders of one farm, at most; some of them are followed by their contrary.
const ORDERS_MAX: u64 = 14;
/// Keys that own several jobs; what jobs have by themselves is below.
const OWNERS: [u8; 2] = [201, 202];
/// Until people ask again whether something is left that they have to let go.
const LETS_GO_EVERY_MS: u64 = 1_000;

impl Farm {
    /// A farm with everything at once: the faulty one of the seed, and in four of five the people who use it.
    pub fn random(seed: u64) -> Farm {
        let random = &mut Random::new(seed ^ 0x9e0e);
        let farm = Farm::faulty(seed);
        if random.permille(200) { farm } else { farm.with_people(random) }
    }

    fn with_people(mut self, random: &mut Random) -> Farm {
        self.people = true;
        for _ in 0..random.between(0, 4) {
            self = self.job(random_shot(random));
        }
        for place in 0..self.shots.len() {
            let shot = &mut self.shots[place];
            if random.permille(500) {
                shot.owner = Some(OWNERS[random.between(0, OWNERS.len() as u64) as usize]);
            }
            if place > 0 && random.permille(250) {
                let places = (0..random.between(1, 3)).map(|_| random.between(0, place as u64));
                shot.after = places.collect::<BTreeSet<u64>>().into_iter().collect();
            }
        }
        for _ in 0..random.between(1, ORDERS_MAX) {
            let at_ms = random.between(0, self.faults_end_ms);
            let (order, contrary) = self.random_order(random);
            self.faults.push((at_ms, Fault::Order(order)));
            if let Some(contrary) = contrary.filter(|_| random.permille(600)) {
                let at_ms = random.between(at_ms, self.faults_end_ms);
                self.faults.push((at_ms, Fault::Order(contrary)));
            }
        }
        self
    }

    fn random_order(&self, random: &mut Random) -> (Order, Option<Order>) {
        let job = random.between(0, self.shots.len() as u64) as usize;
        let node = random.between(0, self.nodes.len() as u64) as usize;
        match random.between(0, 20) {
            0..=4 => (Order::Pause { job }, Some(Order::Resume { job })),
            5 => (Order::Cancel { job }, None),
            6 | 7 => (Order::Requeue { job }, None),
            8..=10 => (Order::RequeueFrame { job, frame: random.between(0, 4) as usize }, None),
            11..=13 => (Order::Prioritise { job, priority: random.between(0, 5) as i32 - 2 }, None),
            14..=16 => (Order::Drain { node }, Some(Order::Undrain { node })),
            _ => (Order::Sleep { node }, Some(Order::Wake { node })),
        }
    }
}

impl World {
    /// People resume, undrain and wake what they have not yet, until nothing is left.
    pub(crate) fn let_go(&mut self) {
        if !self.farm.people {
            return;
        }
        let hears = self.process.up && self.process.stopped_until_ms <= self.now_ms;
        if !hears || self.let_all_go() {
            self.at(self.now_ms + LETS_GO_EVERY_MS, Happening::LetGo);
        }
    }

    /// Whether there was something.
    fn let_all_go(&mut self) -> bool {
        let state = self.core.state();
        let paused = state.jobs.iter().filter(|(_, entry)| entry.paused && !entry.ended());
        let paused: Vec<JobId> = paused.map(|(job, _)| *job).collect();
        let here = state.workers.iter().map(|(id, worker)| (*id, worker.operator, &worker.hello.name));
        let drained = here.filter(|(_, operator, name)| state.is_drained(*operator, name));
        let drained: Vec<WorkerId> = drained.map(|(id, ..)| id).collect();
        let asleep: Vec<usize> = (0..self.nodes.len()).filter(|node| self.nodes[*node].asleep).collect();
        let left = !(paused.is_empty() && drained.is_empty() && asleep.is_empty());
        for job in paused {
            let (request, by) = (RequestId(2_000_003), Asker::Wrangler);
            self.schedule(Event::Order { request, job, by, order: JobOrder::Resume });
        }
        for worker in drained {
            let (request, by) = (RequestId(2_000_004), Asker::Wrangler);
            self.schedule(Event::OrderWorker { request, worker, by, order: WorkerOrder::Undrain });
        }
        asleep.into_iter().for_each(|node| self.carry_out_order(Order::Wake { node }));
        // Who is drained and comes later is undrained then.
        left || !self.core.state().drained.is_empty()
    }

    /// The farm takes no job that waits for one that did not complete: its artist gives up.
    pub(crate) fn give_up(&mut self, shot: usize, reason: &str) {
        let state = self.core.state();
        let mut waits_for = self.farm.shots[shot].after.iter();
        let hopeless = waits_for.any(|place| {
            let job = self.jobs[*place as usize].and_then(|job| state.jobs.get(&job));
            self.given_up.contains(&(*place as usize))
                || job.is_some_and(|entry| entry.ended() && !entry.completed())
        });
        Checker::Obedience.demand(hopeless, || format!("shot {shot} is refused: {reason}"));
        self.given_up.insert(shot);
    }
}
