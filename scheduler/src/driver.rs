//! The one task that owns the core: events in, records to the journal, and when those are durable everything that follows from
//! them, in order. The core goes on meanwhile. Knows sockets only as outboxes and pixels only by name.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use quinn::VarInt;
use tessera_scheduler_core::api::{Answer, Effect, Event, Outbound, Output, RequestId};
use tessera_scheduler_core::{Core, Record};
use tessera_shared::ids::{JobId, LeaseId, NodeKey, WorkerId};
use tessera_shared::messages::{CloseCode, ToWorker};
use tokio::sync::{mpsc, oneshot, watch};

use crate::deliveries::Deliveries;
use crate::feed::Feed;
use crate::films::{self, Films, Told};
use crate::journal::Writer;
use crate::packages::Packages;
use crate::pixels::Store;
use crate::recovery;
use crate::referee::{self, RefereeQueue};
use crate::standings::Standings;
use crate::webhooks::{Notice, Observer, Webhooks};

/// Commands that wait for the driver.
const QUEUE: usize = 1024;
/// Commands that are handled before timers are looked at again.
const BATCH: usize = 128;
/// Batches of records that the core may be ahead of the disk. Beyond them it takes no more commands.
const AHEAD_MAX: u64 = 16;
/// How long a scheduler that stops waits for its disk.
const CLOSE_MAX: Duration = Duration::from_secs(10);

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
/// Tells whoever asked.
type Tell = Box<dyn FnOnce() + Send>;
type Question = Box<dyn FnOnce(&Core, u64) -> Tell + Send>;

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

    /// Reads the core's state. The answer comes when all that it says is durable.
    pub async fn question<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Core, u64) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        let (reply, answer) = oneshot::channel();
        let question = Box::new(move |core: &Core, now_ms: u64| {
            let answer = question(core, now_ms);
            // Whoever asked may be gone.
            Box::new(move || drop(reply.send(answer))) as Tell
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
    pub journal: Writer,
    pub standings: Standings,
    pub deliveries: Arc<Deliveries>,
    pub packages: Arc<Packages>,
    pub store: Arc<Store>,
    pub films: Films,
    pub news: mpsc::UnboundedReceiver<Told>,
    pub referee: RefereeQueue,
    /// Where anybody can read it.
    pub feed: Arc<Feed>,
    pub observer: Observer,
    pub webhooks: Arc<Webhooks>,
}

/// What waits for records to be durable.
enum Waiting {
    /// `since` is the first lease that was not lent then.
    Follows {
        replies: Vec<(RequestId, Answer)>,
        messages: Vec<Outbound>,
        effects: Vec<Effect>,
        since: LeaseId,
    },
    Tell(Tell),
    Begin {
        job: JobId,
        films: films::JobFilms,
    },
    Announce(Vec<Notice>),
    Changed,
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
    /// Records of the events since the last batch.
    records: Vec<Record>,
    /// Number of the last batch that was handed to the journal.
    sent: u64,
    synced: watch::Receiver<u64>,
    /// With the batch that each waits for, in order.
    waiting: VecDeque<(u64, Waiting)>,
}

/// Runs until it is stopped. `first` is [`Event::Restarted`] or what stands for it in a farm without records.
pub(crate) async fn drive(machine: Machine, first: Event, mut inbox: Inbox) -> std::io::Result<()> {
    let synced = machine.journal.synced();
    let mut shell = Shell {
        machine,
        start: Instant::now(),
        wake_at: None,
        requests: 0,
        replies: BTreeMap::new(),
        workers: BTreeMap::new(),
        revision: inbox.revision,
        records: Vec::new(),
        sent: 0,
        synced,
        waiting: VecDeque::new(),
    };
    shell.begin(first).await?;
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let due =
            shell.wake_at.map(|at| tokio::time::Instant::from_std(shell.start + Duration::from_millis(at)));
        let in_step = shell.in_step();
        tokio::select! {
            biased;
            changed = shell.synced.changed() => changed.map_err(|_| gone())?,
            Some(told) = shell.machine.news.recv() => shell.event(match told {
                Told::Lost { job, passes } => Event::PixelsLost { job, passes },
                Told::Saved { job, reopened } => Event::FilmsSaved { job, reopened },
            }),
            received = inbox.commands.recv_many(&mut batch, BATCH), if in_step => if received == 0 { return shell.close().await },
            () = sleep_until(due), if in_step => shell.event(Event::Tick),
        }
        for command in batch.drain(..) {
            match command {
                Command::Stop(stopped) => {
                    let closed = shell.close().await;
                    let _ = stopped.send(());
                    return closed;
                }
                other => shell.command(other),
            }
        }
        shell.settle().await?;
    }
}

async fn sleep_until(due: Option<tokio::time::Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

fn gone() -> std::io::Error {
    std::io::Error::other("the journal's thread is gone")
}

impl Shell {
    /// The first events: what the records say becomes what the shell has.
    async fn begin(&mut self, first: Event) -> std::io::Result<()> {
        self.event(first);
        let Machine { core, deliveries, packages, store, .. } = &self.machine;
        let films = recovery::recover(core.state(), deliveries, store);
        let mut missed = recovery::lost_deliveries(core.state(), store);
        missed.extend(recovery::whole_packages(core.state(), packages));
        for command in films {
            self.film(command).await;
        }
        missed.into_iter().for_each(|event| self.event(event));
        self.settle().await
    }

    /// Everything that is not durable yet is waited for, as long as the disk takes it.
    async fn close(&mut self) -> std::io::Result<()> {
        self.settle().await?;
        let deadline = tokio::time::Instant::now() + CLOSE_MAX;
        while *self.synced.borrow() < self.sent {
            match tokio::time::timeout_at(deadline, self.synced.changed()).await {
                Ok(changed) => changed.map_err(|_| gone())?,
                Err(_) => break,
            }
        }
        self.settle().await?;
        self.machine.journal.finish();
        self.machine.standings.close(&self.machine.core)
    }

    fn in_step(&self) -> bool {
        self.sent < *self.synced.borrow() + AHEAD_MAX
    }

    fn now_ms(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Event(event) => self.event(event),
            Command::Ask { event, line, reply } => {
                self.requests += 1;
                let request = RequestId(self.requests);
                self.replies.insert(request, (reply, line));
                self.event(event(request));
            }
            Command::Question(question) => {
                let tell = question(&self.machine.core, self.now_ms());
                self.wait(Waiting::Tell(tell));
            }
            Command::Begin { job, films } => self.wait(Waiting::Begin { job, films }),
            Command::Stop(_) => unreachable!("the loop takes it"),
        }
    }

    fn event(&mut self, event: Event) {
        if let Event::WorkerDisconnected { worker } = event {
            self.workers.remove(&worker);
        }
        let output = self.machine.core.handle(self.now_ms(), event);
        let Output { mut records, messages, replies, effects, wake_at } = output;
        self.wake_at = wake_at;
        let changed = !records.is_empty() || !effects.is_empty();
        if !records.is_empty() {
            self.machine.standings.keep(&self.machine.core, &records);
            self.machine.feed.note(&self.machine.core, self.now_ms(), &records);
        }
        let now_ms = self.now_ms();
        let notices = self.machine.observer.observe(&self.machine.core, now_ms, &records, &effects);
        self.records.append(&mut records);
        if !messages.is_empty() || !replies.is_empty() || !effects.is_empty() {
            let since = LeaseId(self.machine.core.state().next_lease);
            self.wait(Waiting::Follows { replies, messages, effects, since });
        }
        if !notices.is_empty() {
            self.wait(Waiting::Announce(notices));
        }
        if changed {
            self.wait(Waiting::Changed);
        }
    }

    /// Holds something until the records so far are durable.
    fn wait(&mut self, what: Waiting) {
        let batch = if self.records.is_empty() { self.sent } else { self.sent + 1 };
        self.waiting.push_back((batch, what));
    }

    /// Hands new records to the journal and does what has waited for those that are durable.
    async fn settle(&mut self) -> std::io::Result<()> {
        if !self.records.is_empty() {
            self.sent += 1;
            if !self.machine.journal.append(self.sent, std::mem::take(&mut self.records)) {
                return Err(gone());
            }
        }
        let synced = *self.synced.borrow_and_update();
        let mut changed = false;
        while self.waiting.front().is_some_and(|(batch, _)| *batch <= synced) {
            let Some((_, what)) = self.waiting.pop_front() else { break };
            match what {
                Waiting::Follows { replies, messages, effects, since } => {
                    self.follow(replies, messages);
                    for effect in effects {
                        self.effect(effect, since).await;
                    }
                }
                Waiting::Tell(tell) => tell(),
                Waiting::Begin { job, films } => {
                    self.machine.deliveries.begin_job(job, &films.settings);
                    self.film(films::Command::Begin { job, films }).await;
                }
                Waiting::Announce(notices) => self.machine.webhooks.tell(notices),
                Waiting::Changed => changed = true,
            }
        }
        if changed {
            self.revision.send_modify(|revision| *revision += 1);
        }
        Ok(())
    }

    /// Replies first: a welcome opens the line that the same output's leases go through.
    fn follow(&mut self, replies: Vec<(RequestId, Answer)>, messages: Vec<Outbound>) {
        for (request, answer) in replies {
            self.reply(request, answer);
        }
        for outbound in messages {
            self.send(outbound.worker, outbound.message);
        }
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

    async fn effect(&mut self, effect: Effect, since: LeaseId) {
        match effect {
            Effect::Accept { job, lease, tiles } => {
                let passes = tiles.into_iter().map(|tile| tile.pass).collect();
                self.film(films::Command::Accept { job, lease, passes }).await;
            }
            Effect::Discard { lease, tiles } => {
                let passes = tiles.into_iter().map(|tile| tile.pass).collect();
                self.film(films::Command::Discard { lease, passes }).await;
            }
            Effect::DeliveryIgnored { lease } => self.machine.store.remove_lease(lease),
            Effect::ResetTile { job, frame, tile } => {
                self.film(films::Command::ResetTile { job, frame, tile }).await
            }
            Effect::FrameComplete { job, frame, rays, .. } => {
                self.film(films::Command::FrameComplete { job, frame, rays }).await;
            }
            Effect::JobComplete { job, frames, tile_passes, rays } => {
                tracing::info!(%job, frames, tile_passes, rays = rays.total(), "job completed");
                self.machine.deliveries.drop_leases(job);
                self.film(films::Command::JobEnded { job, since }).await;
            }
            Effect::JobEnded { job } => {
                tracing::info!(%job, "job ended");
                self.machine.deliveries.end_job(job);
                self.film(films::Command::JobEnded { job, since }).await;
            }
            Effect::SettleFilms { job, reopened } => {
                self.film(films::Command::Settle { job, reopened }).await;
            }
            Effect::RefereeRequest { id, package, blocks, .. } => {
                self.machine.referee.ask(referee::Request { id, package, blocks });
            }
            Effect::RefereeCancel { id } => self.machine.referee.cancel(id),
            Effect::Inconclusive { id, job, tile_passes, reason } => {
                let inconclusive = self.machine.core.referee().tally.inconclusive;
                tracing::warn!(?id, %job, tile_passes, reason, inconclusive, "the referee came to no answer: rendered anew");
            }
            Effect::TooFast { operator, worker, job, lease, rate, limit, tile_passes } => {
                tracing::warn!(%operator, %worker, %job, %lease, rate, limit, tile_passes, "a result came too fast: it is checked more");
            }
            Effect::Overruled { operator, evidence } => {
                tracing::warn!(%operator, %evidence, "overruled: a check of its workers was wrong; it checks no more");
            }
            Effect::Quarantined { operator, workers, evidence, fraud } => {
                let what = if fraud { "banned for fraud" } else { "quarantined for a fault" };
                tracing::warn!(%operator, ?workers, %evidence, "{what}: a result of its workers was wrong");
                self.send_away(&workers, CloseCode::Quarantined, "a result of this operator was wrong");
            }
            Effect::Banned { operator, workers, reason } => {
                tracing::warn!(%operator, ?workers, reason, "banned by order of the farm's wrangler");
                self.send_away(&workers, CloseCode::Banned, &reason);
            }
        }
    }

    fn send_away(&mut self, workers: &[WorkerId], code: CloseCode, reason: &str) {
        for worker in workers {
            if let Some(line) = self.workers.remove(worker) {
                line.connection.close(VarInt::from_u32(code as u32), reason.as_bytes());
            }
        }
    }

    async fn film(&mut self, command: films::Command) {
        if self.machine.films.send(command).await.is_err() {
            tracing::error!("the films' thread is gone");
        }
    }
}
