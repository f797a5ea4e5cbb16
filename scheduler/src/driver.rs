//! The one task that owns the core: events in, then records to the journal, then everything that follows from them. Knows
//! sockets only as outboxes and pixels only by name.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quinn::VarInt;
use tessera_scheduler_core::Core;
use tessera_scheduler_core::accounting::Operator;
use tessera_scheduler_core::api::{Answer, Effect, Event, Output, RequestId};
use tessera_shared::ids::{JobId, NodeKey, WorkerId};
use tessera_shared::messages::{CloseCode, ToWorker};
use tokio::sync::{mpsc, oneshot, watch};

use crate::deliveries::Deliveries;
use crate::feed::Feed;
use crate::films::{self, Films};
use crate::journal::Journal;
use crate::referee::{self, RefereeQueue};
use crate::standings::Standings;

/// Commands that wait for the driver.
const QUEUE: usize = 1024;
/// Commands that are handled before timers are looked at again.
const BATCH: usize = 64;

/// The driver is gone: the scheduler is stopping.
#[derive(Debug, thiserror::Error)]
#[error("the scheduler is stopping")]
pub(crate) struct Stopped;

/// How the driver reaches a worker.
#[derive(Debug)]
pub(crate) struct WorkerLine {
    pub operator: NodeKey,
    pub outbox: mpsc::Sender<ToWorker>,
    pub connection: quinn::Connection,
}

type MakeEvent = Box<dyn FnOnce(RequestId) -> Event + Send>;
type Question = Box<dyn FnOnce(&Core, u64) + Send>;

enum Command {
    Event(Event),
    Ask {
        event: MakeEvent,
        line: Option<WorkerLine>,
        reply: oneshot::Sender<Answer>,
    },
    Question(Question),
    /// A job's films begin; sent before its package is complete.
    Begin {
        job: JobId,
        films: films::JobFilms,
    },
    Stop(oneshot::Sender<()>),
}

/// The way to the driver.
#[derive(Clone)]
pub(crate) struct Driver {
    commands: mpsc::Sender<Command>,
    revision: watch::Receiver<u64>,
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Driver")
    }
}

impl Driver {
    pub async fn send(&self, event: Event) -> Result<(), Stopped> {
        self.commands.send(Command::Event(event)).await.map_err(|_| Stopped)
    }

    /// For threads outside the runtime.
    pub fn send_blocking(&self, event: Event) -> Result<(), Stopped> {
        self.commands.blocking_send(Command::Event(event)).map_err(|_| Stopped)
    }

    /// Sends an event that has an answer.
    pub async fn ask(
        &self,
        event: impl FnOnce(RequestId) -> Event + Send + 'static,
    ) -> Result<Answer, Stopped> {
        self.ask_with(Box::new(event), None).await
    }

    /// As [`Driver::ask`]; messages to the worker that the answer welcomes go to `line`.
    pub async fn connect(
        &self,
        line: WorkerLine,
        event: impl FnOnce(RequestId) -> Event + Send + 'static,
    ) -> Result<Answer, Stopped> {
        self.ask_with(Box::new(event), Some(line)).await
    }

    async fn ask_with(&self, event: MakeEvent, line: Option<WorkerLine>) -> Result<Answer, Stopped> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Ask { event, line, reply }).await.map_err(|_| Stopped)?;
        answer.await.map_err(|_| Stopped)
    }

    /// Reads the core's state.
    pub async fn question<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Core, u64) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        let (reply, answer) = oneshot::channel();
        let question = Box::new(move |core: &Core, now_ms: u64| {
            // Whoever asked may be gone.
            let _ = reply.send(question(core, now_ms));
        });
        self.commands.send(Command::Question(question)).await.map_err(|_| Stopped)?;
        answer.await.map_err(|_| Stopped)
    }

    pub async fn begin(&self, job: JobId, films: films::JobFilms) -> Result<(), Stopped> {
        self.commands.send(Command::Begin { job, films }).await.map_err(|_| Stopped)
    }

    /// Counts up whenever something may have changed that people watch.
    pub fn revision(&self) -> watch::Receiver<u64> {
        self.revision.clone()
    }

    /// Ends the driver once everything sent before has been handled.
    pub async fn stop(&self) {
        let (reply, stopped) = oneshot::channel();
        if self.commands.send(Command::Stop(reply)).await.is_ok() {
            let _ = stopped.await;
        }
    }
}

/// The driver's other end, before it runs.
pub(crate) struct Inbox {
    commands: mpsc::Receiver<Command>,
    revision: watch::Sender<u64>,
}

/// The driver's two ends.
pub(crate) fn channel() -> (Driver, Inbox) {
    let (commands, inbox) = mpsc::channel(QUEUE);
    let (revision, seen) = watch::channel(0);
    (Driver { commands, revision: seen }, Inbox { commands: inbox, revision })
}

/// What the driver drives.
pub(crate) struct Machine {
    pub core: Core,
    pub journal: Box<dyn Journal>,
    pub standings: Standings,
    pub deliveries: Arc<Deliveries>,
    pub films: Films,
    pub referee: RefereeQueue,
    pub feed: Arc<Feed>,
}

/// The driver's state besides the core's.
struct Shell {
    machine: Machine,
    start: Instant,
    wake_at: Option<u64>,
    requests: u64,
    replies: BTreeMap<RequestId, (oneshot::Sender<Answer>, Option<WorkerLine>)>,
    workers: BTreeMap<WorkerId, WorkerLine>,
    revision: watch::Sender<u64>,
}

/// Runs until it is stopped, or until the journal fails: a scheduler that cannot keep its records must not go on.
pub(crate) async fn drive(machine: Machine, known: Vec<Operator>, mut inbox: Inbox) -> std::io::Result<()> {
    let mut shell = Shell {
        machine,
        start: Instant::now(),
        wake_at: None,
        requests: 0,
        replies: BTreeMap::new(),
        workers: BTreeMap::new(),
        revision: inbox.revision,
    };
    shell.event(Event::Remembered { operators: known }).await?;
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let due =
            shell.wake_at.map(|at| tokio::time::Instant::from_std(shell.start + Duration::from_millis(at)));
        tokio::select! {
            received = inbox.commands.recv_many(&mut batch, BATCH) => if received == 0 { return shell.close() },
            () = sleep_until(due) => shell.event(Event::Tick).await?,
        }
        for command in batch.drain(..) {
            match command {
                Command::Stop(stopped) => {
                    let closed = shell.close();
                    let _ = stopped.send(());
                    return closed;
                }
                other => shell.command(other).await?,
            }
        }
    }
}

async fn sleep_until(due: Option<tokio::time::Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

impl Shell {
    fn close(&mut self) -> std::io::Result<()> {
        self.machine.standings.close(&self.machine.core)
    }

    fn now_ms(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    async fn command(&mut self, command: Command) -> std::io::Result<()> {
        match command {
            Command::Event(event) => self.event(event).await,
            Command::Ask { event, line, reply } => {
                self.requests += 1;
                let request = RequestId(self.requests);
                self.replies.insert(request, (reply, line));
                self.event(event(request)).await
            }
            Command::Question(question) => {
                question(&self.machine.core, self.now_ms());
                Ok(())
            }
            Command::Begin { job, films } => {
                self.machine.deliveries.begin_job(job, &films.settings);
                self.film(films::Command::Begin { job, films }).await;
                Ok(())
            }
            Command::Stop(_) => unreachable!("the loop takes it"),
        }
    }

    async fn event(&mut self, event: Event) -> std::io::Result<()> {
        if let Event::WorkerDisconnected { worker } = event {
            self.workers.remove(&worker);
        }
        let output = self.machine.core.handle(self.now_ms(), event);
        self.apply(output).await
    }

    /// Records first; nothing that follows from them may be seen before they are kept.
    async fn apply(&mut self, output: Output) -> std::io::Result<()> {
        let Output { records, messages, replies, effects, wake_at } = output;
        let changed = !records.is_empty() || !effects.is_empty();
        if !records.is_empty() {
            self.machine.standings.keep(&self.machine.core, &records)?;
            self.machine.feed.note(&self.machine.core, self.now_ms(), &records);
            self.machine.journal.append(records)?;
        }
        // Replies first: a welcome opens the line that the same output's leases go through.
        for (request, answer) in replies {
            self.reply(request, answer);
        }
        for outbound in messages {
            self.send(outbound.worker, outbound.message);
        }
        for effect in effects {
            self.effect(effect).await;
        }
        self.wake_at = wake_at;
        if changed {
            self.revision.send_modify(|revision| *revision += 1);
        }
        Ok(())
    }

    fn reply(&mut self, request: RequestId, answer: Answer) {
        let Some((reply, line)) = self.replies.remove(&request) else { return };
        if let (Answer::Welcome(worker), Some(line)) = (&answer, line) {
            self.workers.insert(*worker, line);
        }
        // Whoever asked may be gone; a worker's connection then reports its end itself.
        let _ = reply.send(answer);
    }

    fn send(&mut self, worker: WorkerId, message: ToWorker) {
        let Some(line) = self.workers.get(&worker) else { return };
        match &message {
            ToWorker::Lease(lease) => self.machine.deliveries.lend(line.operator, lease),
            ToWorker::Revoke(lease) => self.machine.deliveries.revoke(*lease),
        }
        if let Err(mpsc::error::TrySendError::Full(_)) = line.outbox.try_send(message) {
            tracing::warn!(%worker, "disconnected: it does not read what it is sent");
            line.connection.close(VarInt::from_u32(CloseCode::Slow as u32), b"messages pile up");
        }
    }

    async fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::Accept { job, lease, tiles } => {
                let tiles = self.machine.deliveries.take(lease, tiles.iter().map(|tile| tile.at));
                self.film(films::Command::Accept { job, tiles }).await;
            }
            Effect::Discard { lease, tiles } => {
                drop(self.machine.deliveries.take(lease, tiles.iter().map(|tile| tile.at)));
            }
            Effect::DeliveryIgnored { lease } => self.machine.deliveries.ignore(lease),
            Effect::ResetTile { job, frame, tile } => {
                self.film(films::Command::ResetTile { job, frame, tile }).await
            }
            Effect::FrameComplete { job, frame, rays, .. } => {
                self.film(films::Command::FrameComplete { job, frame, rays }).await;
            }
            Effect::JobComplete { job, frames, tile_passes, rays } => {
                tracing::info!(%job, frames, tile_passes, rays = rays.total(), "job completed");
                self.machine.deliveries.drop_leases(job);
                self.film(films::Command::JobEnded { job }).await;
            }
            Effect::JobEnded { job } => {
                tracing::info!(%job, "job ended");
                self.machine.deliveries.end_job(job);
                self.film(films::Command::JobEnded { job }).await;
            }
            Effect::RefereeRequest { id, package, blocks, .. } => {
                self.machine.referee.ask(referee::Request { id, package, blocks });
            }
            Effect::RefereeCancel { id } => self.machine.referee.cancel(id),
            Effect::Inconclusive { id, job, tile_passes, reason } => {
                let inconclusive = self.machine.core.referee().tally.inconclusive;
                tracing::warn!(?id, %job, tile_passes, reason, inconclusive, "the referee came to no answer: rendered anew");
            }
            Effect::Overruled { operator, evidence } => {
                tracing::warn!(%operator, %evidence, "overruled: a check of its workers was wrong; it checks no more");
            }
            Effect::Quarantined { operator, workers, evidence, fraud } => {
                let what = if fraud { "banned for fraud" } else { "quarantined for a fault" };
                tracing::warn!(%operator, ?workers, %evidence, "{what}: a result of its workers was wrong");
                for worker in workers {
                    if let Some(line) = self.workers.remove(&worker) {
                        let code = VarInt::from_u32(CloseCode::Quarantined as u32);
                        line.connection.close(code, b"a result of this operator was wrong");
                    }
                }
            }
        }
    }

    async fn film(&mut self, command: films::Command) {
        if self.machine.films.send(command).await.is_err() {
            tracing::error!("the films' thread is gone");
        }
    }
}
