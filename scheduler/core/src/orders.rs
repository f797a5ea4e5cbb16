//! What people order: pausing, resuming, cancelling and prioritising jobs, frames anew, draining workers. Owners order their
//! own jobs, the farm's wrangler all of them and the workers.

use std::collections::BTreeSet;

use tessera_shared::control::{FRAME_RANGES_MAX, FrameRange, JobOrder, OrderRefusal, WorkerOrder};
use tessera_shared::ids::{JobId, NodeKey, WorkerId};
use tessera_shared::job_options::{PRIORITY_MAX, PRIORITY_MIN};
use tessera_shared::messages::JobRefusal;

use crate::accounting::OperatorId;
use crate::api::{Answer, Effect, RequestId};
use crate::jobs::Job;
use crate::machine::Core;
use crate::record::{JobEnd, Record};
use crate::state::State;
use crate::tiles::TileKey;

/// Most workers that are kept drained.
pub const DRAINED_MAX: usize = 4096;

/// Who asks for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// May order the jobs that this key submitted.
    Artist(NodeKey),
    /// May order every job and the workers.
    Wrangler,
}

impl Asker {
    /// Whether it may order the job.
    pub fn may_order(&self, owner: &NodeKey) -> bool {
        match self {
            Asker::Artist(key) => key == owner,
            Asker::Wrangler => true,
        }
    }
}

impl Core {
    /// The job, if it is there and the asker's to order.
    pub fn ordered(&self, job: JobId, by: Asker) -> Result<&Job, JobRefusal> {
        let entry = self.state.jobs.get(&job).ok_or(JobRefusal::Unknown)?;
        match by.may_order(&entry.spec.owner) {
            true => Ok(entry),
            false => Err(JobRefusal::Foreign),
        }
    }

    pub(crate) fn cancel(&mut self, request: RequestId, job: JobId, by: Asker) {
        let refusal = match self.ordered(job, by) {
            Err(refusal) => Some(refusal),
            Ok(entry) => entry.ended().then_some(JobRefusal::Ended),
        };
        match refusal {
            Some(refusal) => self.reply(request, Answer::JobRefused(refusal)),
            None => {
                self.end_job(job, JobEnd::Cancelled);
                self.reply(request, Answer::Cancelled);
            }
        }
    }

    pub(crate) fn order(&mut self, request: RequestId, job: JobId, by: Asker, order: JobOrder) {
        let answer = match self.carry_out(job, by, order) {
            Ok(()) => Answer::Done,
            Err(refusal) => Answer::OrderRefused(refusal),
        };
        self.reply(request, answer);
    }

    fn carry_out(&mut self, job: JobId, by: Asker, order: JobOrder) -> Result<(), OrderRefusal> {
        let at_ms = self.now_ms;
        let entry = self.ordered(job, by)?;
        let goes_on = if entry.ended() { Err(JobRefusal::Ended) } else { Ok(()) };
        let paused = entry.paused;
        match order {
            JobOrder::Pause => {
                goes_on?;
                if !paused {
                    self.record(Record::Paused { job, at_ms, paused: true });
                }
            }
            JobOrder::Resume => {
                goes_on?;
                if paused {
                    self.record(Record::Paused { job, at_ms, paused: false });
                }
            }
            JobOrder::Prioritise(priority) => {
                if !(PRIORITY_MIN..=PRIORITY_MAX).contains(&priority) {
                    return Err(OrderRefusal::Priority(priority));
                }
                goes_on?;
                if entry.spec.options.priority != priority {
                    self.record(Record::Prioritised { job, priority });
                }
            }
            JobOrder::Requeue(ranges) => return self.requeue_frames(job, &ranges),
        }
        Ok(())
    }

    fn requeue_frames(&mut self, job: JobId, ranges: &[FrameRange]) -> Result<(), OrderRefusal> {
        if ranges.len() > FRAME_RANGES_MAX {
            return Err(OrderRefusal::Ranges(ranges.len() as u64));
        }
        let entry = &self.state.jobs[&job];
        if entry.ended() && !entry.completed() {
            return Err(JobRefusal::Ended.into());
        }
        if entry.completed() && !entry.overturnable() {
            return Err(OrderRefusal::Archived);
        }
        let frames = frames_in(entry, ranges).ok_or(JobRefusal::NoFrame)?;
        let mut resets = BTreeSet::new();
        for frame in &frames {
            let indices = entry.accepted_of(*frame).map(|key| key.index % entry.shape.tiles);
            resets.extend(indices.map(|index| TileKey { frame: *frame, index }));
        }
        let resets: Vec<_> =
            resets.into_iter().map(|key| (entry.frame(key), entry.shape.tile(key))).collect();
        if resets.is_empty() {
            return Ok(());
        }
        self.record(Record::FramesRequeued { job, at_ms: self.now_ms, frames });
        for (frame, tile) in resets {
            self.effect(Effect::ResetTile { job, frame, tile });
        }
        Ok(())
    }

    pub(crate) fn order_worker(
        &mut self,
        request: RequestId,
        worker: WorkerId,
        by: Asker,
        order: WorkerOrder,
    ) {
        let answer = match self.drain(worker, by, order == WorkerOrder::Drain) {
            Ok(()) => Answer::Done,
            Err(refusal) => Answer::OrderRefused(refusal),
        };
        self.reply(request, answer);
    }

    fn drain(&mut self, worker: WorkerId, by: Asker, drained: bool) -> Result<(), OrderRefusal> {
        if by != Asker::Wrangler {
            return Err(OrderRefusal::NoWrangler);
        }
        let left = || self.state.left.get(&worker).map(|left| &left.worker);
        let entry = self.state.workers.get(&worker).or_else(left).ok_or(OrderRefusal::UnknownWorker)?;
        let (operator, name) = (entry.operator, entry.hello.name.clone());
        if drained && self.state.drained.len() >= DRAINED_MAX {
            return Err(OrderRefusal::Drained(DRAINED_MAX as u32));
        }
        if self.state.is_drained(operator, &name) != drained {
            self.record(Record::Drained { operator, name: name.clone(), drained });
            let same = self.state.workers.iter();
            let same = same.filter(|(_, entry)| entry.operator == operator && entry.hello.name == name);
            for worker in same.map(|(id, _)| *id).collect::<Vec<_>>() {
                self.freed(worker, |session, _| session.drained = drained);
            }
        }
        Ok(())
    }
}

/// The places of the frames in the job's order; `None` if a range names none of them.
fn frames_in(entry: &Job, ranges: &[FrameRange]) -> Option<Vec<u32>> {
    let named = |range: &FrameRange| entry.spec.frames.iter().any(|frame| range.contains(*frame));
    if !ranges.iter().all(named) {
        return None;
    }
    let wanted = |(_, frame): &(u32, &tessera_shared::ids::FrameNumber)| {
        ranges.iter().any(|range| range.contains(**frame))
    };
    Some((0..).zip(&entry.spec.frames).filter(wanted).map(|(at, _)| at).collect())
}

impl State {
    /// Whether the operator's workers of that name get nothing.
    pub fn is_drained(&self, operator: OperatorId, name: &str) -> bool {
        !self.drained.is_empty() && self.drained.contains(&(operator, name.to_owned()))
    }

    /// Enters what was ordered of jobs and workers, or that a worker rests.
    pub(crate) fn apply_order(&mut self, record: &Record) {
        match record {
            Record::Paused { job, at_ms, paused } => self.pause(*job, *at_ms, *paused),
            Record::Prioritised { job, priority } => self.prioritise(*job, *priority),
            Record::FramesRequeued { job, at_ms, frames } => self.requeue_frames(*job, *at_ms, frames),
            Record::Drained { operator, name, drained: true } => {
                self.drained.insert((*operator, name.clone()));
            }
            Record::Drained { operator, name, drained: false } => {
                self.drained.remove(&(*operator, name.clone()));
            }
            Record::Rested { operator, name, until_ms } => self.rest(&(*operator, name.clone()), *until_ms),
            _ => {}
        }
    }

    fn pause(&mut self, job: JobId, at_ms: u64, paused: bool) {
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        entry.waiting_since_ms = at_ms;
        entry.paused = paused;
        self.reorder(job);
    }

    fn prioritise(&mut self, job: JobId, priority: i32) {
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        let before = entry.spec.options.priority;
        entry.spec.options.priority = priority;
        for order in [&mut self.owing, &mut self.owing_referee] {
            order.remove(&(std::cmp::Reverse(before), job));
        }
        self.reorder(job);
    }

    /// Accepted tile-passes of these frames go back to the queue, and nobody is blamed: what they were credited with stays
    /// theirs.
    fn requeue_frames(&mut self, job: JobId, at_ms: u64, frames: &[u32]) {
        self.reopen(job);
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        entry.waiting_since_ms = at_ms;
        let keys: Vec<TileKey> = frames.iter().flat_map(|frame| entry.accepted_of(*frame)).collect();
        for key in &keys {
            if let Some(was) = entry.take_back(*key) {
                self.operators.settle(was.by, was.rays.total());
            }
        }
        self.hand_back(job, &keys);
        self.reorder(job);
    }
}
