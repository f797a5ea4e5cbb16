//! What people order while the farm runs, as a scenario's events.

use tessera_scheduler_core::Event;
use tessera_scheduler_core::api::{Asker, RequestId};
use tessera_shared::control::{FrameRange, JobOrder, OperatorOrder, WorkerOrder};
use tessera_shared::ids::{FrameNumber, WorkerId};

use crate::farm::{Farm, Fault, Timed};
use crate::world::{Happening, World};

/// Until somebody whose scheduler does not answer orders again.
const ASKS_AGAIN_MS: u64 = 500;

/// An order, of a job by its place in the scenario or of a worker by its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Pause {
        job: usize,
    },
    Resume {
        job: usize,
    },
    Prioritise {
        job: usize,
        priority: i32,
    },
    Cancel {
        job: usize,
    },
    /// All frames.
    Requeue {
        job: usize,
    },
    /// One of its frames, by its place, counted round.
    RequeueFrame {
        job: usize,
        frame: usize,
    },
    Drain {
        node: usize,
    },
    Undrain {
        node: usize,
    },
    /// The operator of the worker.
    Ban {
        node: usize,
    },
    Readmit {
        node: usize,
    },
    /// The worker's own schedule.
    Sleep {
        node: usize,
    },
    Wake {
        node: usize,
    },
}

impl Farm {
    pub fn order(self, order: Order) -> Timed {
        self.timed(Fault::Order(order))
    }
}

impl World {
    /// Orders of jobs are their owners', those of workers the wrangler's.
    pub(crate) fn carry_out_order(&mut self, order: Order) {
        if self.farm.people && self.faults_over && !matches!(order, Order::Wake { .. }) {
            return;
        }
        match order {
            Order::Sleep { node } => self.nodes[node].asleep = true,
            Order::Wake { node } => self.nodes[node].asleep = false,
            _ => {}
        }
        if !self.process.up || self.process.stopped_until_ms > self.now_ms {
            let at_ms = self.process.stopped_until_ms.max(self.now_ms + ASKS_AGAIN_MS);
            return self.at(at_ms, Happening::Fault(Fault::Order(order)));
        }
        match order {
            Order::Pause { job } => self.order_job(job, JobOrder::Pause),
            Order::Resume { job } => self.order_job(job, JobOrder::Resume),
            Order::Prioritise { job, priority } => self.order_job(job, JobOrder::Prioritise(priority)),
            Order::Cancel { job } => self.fault(Fault::Cancel { job }),
            Order::Requeue { job } => self.requeue(job, |frames| frames),
            Order::RequeueFrame { job, frame } => {
                self.requeue(job, |frames| vec![frames[frame % frames.len()]]);
            }
            Order::Drain { node } => self.order_node(node, WorkerOrder::Drain),
            Order::Undrain { node } => self.order_node(node, WorkerOrder::Undrain),
            Order::Ban { node } => {
                self.order_operator(node, OperatorOrder::Ban { reason: "it is sold".into() })
            }
            Order::Readmit { node } => {
                self.order_operator(node, OperatorOrder::Readmit);
                self.nodes[node].banned = false;
                let life = self.nodes[node].life;
                self.at(self.now_ms + 1_000, Happening::Dial { node, life });
            }
            Order::Sleep { node } => {
                if let Some(worker) = self.worker_of(node) {
                    self.schedule(Event::WorkerAsleep { worker, for_ms: 60_000 });
                }
            }
            Order::Wake { node } => {
                if let Some(worker) = self.worker_of(node) {
                    self.schedule(Event::WorkerAwake { worker });
                }
            }
        }
    }

    fn requeue(&mut self, job: usize, chosen: impl FnOnce(Vec<FrameNumber>) -> Vec<FrameNumber>) {
        let Some(shot) = self.farm.shots.get(job) else { return };
        let frames = chosen(shot.spec(job as u64).frames);
        self.order_job(job, JobOrder::Requeue(FrameRange::of(&frames)));
    }

    /// The worker that the scheduler knows the node as, over the connection that the node has open.
    fn worker_of(&self, node: usize) -> Option<WorkerId> {
        self.wires.connections.get(&self.nodes[node].link?)?.worker
    }

    fn order_job(&mut self, place: usize, order: JobOrder) {
        let Some(Some(job)) = self.jobs.get(place).copied() else { return };
        let by = Asker::Artist(self.farm.shots[place].spec(place as u64).owner);
        self.schedule(Event::Order { request: RequestId(2_000_001), job, by, order });
    }

    fn order_operator(&mut self, node: usize, order: OperatorOrder) {
        let (request, by, operator) = (RequestId(2_000_005), Asker::Wrangler, self.nodes[node].key());
        self.schedule(Event::OrderOperator { request, operator, by, order });
    }

    fn order_node(&mut self, node: usize, order: WorkerOrder) {
        let Some(worker) = self.worker_of(node) else { return };
        let (request, by) = (RequestId(2_000_002), Asker::Wrangler);
        self.schedule(Event::OrderWorker { request, worker, by, order });
    }
}
