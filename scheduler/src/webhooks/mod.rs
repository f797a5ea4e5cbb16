//! Tells receivers over HTTP what happens to jobs. Whoever tells it of events never waits: what a receiver does not take in time is
//! dropped, logged and counted.

mod notice;
mod post;
mod queue;
mod signature;
mod url;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use crate::clock::unix_time;
use crate::throttle::Quiet;
pub(crate) use notice::{Notice, Observer};
pub use notice::{UnknownEvent, WebhookEvent};
use post::{Message, Poster};
use queue::{Attempt, Next, Outcome, Queue};
pub use signature::{NoSecret, WebhookSecret};
pub use url::{BadUrl, WebhookUrl};

/// How long a scheduler that stops waits until everything is told.
const CLOSE_MAX: Duration = Duration::from_secs(5);

/// Who is told what.
#[derive(Clone, Debug)]
pub struct WebhookOptions {
    pub urls: Vec<WebhookUrl>,
    pub events: BTreeSet<WebhookEvent>,
    /// Every receiver can tell by it that an event is the farm's.
    pub secret: WebhookSecret,
}

/// Why nobody can be told.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    #[error(
        "this machine trusts no certificate authority, which https:// needs; install ca-certificates or set SSL_CERT_FILE"
    )]
    NoRoots,
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// An event as it is sent, the same for every receiver.
#[derive(Debug)]
struct Event {
    id: String,
    name: &'static str,
    body: String,
}

/// How much was told, over all receivers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub delivered: u64,
    pub dropped: u64,
    /// Attempts that failed, whatever became of the event.
    pub failed: u64,
    /// Events that are not told yet.
    pub waiting: u64,
}

/// All receivers.
#[derive(Debug)]
pub(crate) struct Webhooks {
    lines: Vec<Arc<Line>>,
    counters: Arc<Counters>,
    sending: Vec<AbortHandle>,
    /// What sets this process's ids apart from those of others.
    run: String,
}

#[derive(Debug)]
struct Counters {
    events: AtomicU64,
    delivered: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
    waiting: watch::Sender<u64>,
    quiet: Quiet,
}

/// The way to one receiver.
#[derive(Debug)]
struct Line {
    url: WebhookUrl,
    queue: Mutex<Queue<Arc<Event>>>,
    news: Notify,
    start: Instant,
}

impl Webhooks {
    /// Without receivers.
    pub fn none() -> Webhooks {
        let counters = Counters {
            events: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            waiting: watch::Sender::new(0),
            quiet: Quiet::new(),
        };
        Webhooks { lines: Vec::new(), counters: Arc::new(counters), sending: Vec::new(), run: String::new() }
    }

    /// A task for each receiver.
    pub fn start(options: &WebhookOptions) -> Result<Webhooks, WebhookError> {
        let encrypted = options.urls.iter().any(|url| url.encrypted);
        let poster = Poster::new(options.secret.clone(), encrypted)?;
        let mut webhooks = Webhooks::none();
        webhooks.run = format!("{:x}{:08x}", unix_time().as_millis(), random() as u32);
        for url in &options.urls {
            let (queue, news) = (Mutex::default(), Notify::new());
            let line = Arc::new(Line { url: url.clone(), queue, news, start: Instant::now() });
            let task = tokio::spawn(send(line.clone(), poster.clone(), webhooks.counters.clone()));
            webhooks.sending.push(task.abort_handle());
            webhooks.lines.push(line);
        }
        Ok(webhooks)
    }

    /// Tells every receiver, in a while. The events' records are durable.
    pub fn tell(&self, notices: Vec<Notice>) {
        for notice in notices {
            let number = self.counters.events.fetch_add(1, Relaxed) + 1;
            let id = format!("evt_{}_{number}", self.run);
            let body = notice.body(&id, unix_time().as_millis() as u64);
            let event = Arc::new(Event { id, name: notice.event.name(), body });
            for line in &self.lines {
                self.counters.waiting.send_modify(|waiting| *waiting += 1);
                if let Some(oldest) = line.queue().push(line.now_ms(), event.clone()) {
                    self.counters.discard(line, &oldest, "too many wait");
                }
                line.news.notify_one();
            }
        }
    }

    pub fn tally(&self) -> Tally {
        let counters = &self.counters;
        Tally {
            delivered: counters.delivered.load(Relaxed),
            dropped: counters.dropped.load(Relaxed),
            failed: counters.failed.load(Relaxed),
            waiting: *counters.waiting.borrow(),
        }
    }

    /// Waits a little until all is told, then tells no more.
    pub async fn finish(&self) {
        let mut waiting = self.counters.waiting.subscribe();
        if tokio::time::timeout(CLOSE_MAX, waiting.wait_for(|waiting| *waiting == 0)).await.is_err() {
            let waiting = self.tally().waiting;
            tracing::warn!(waiting, "events of webhooks are not told any more: the scheduler stops");
        }
        self.sending.iter().for_each(AbortHandle::abort);
    }
}

impl Drop for Webhooks {
    fn drop(&mut self) {
        self.sending.iter().for_each(AbortHandle::abort);
    }
}

impl Line {
    fn queue(&self) -> MutexGuard<'_, Queue<Arc<Event>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ms(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }
}

impl Counters {
    fn discard(&self, line: &Line, event: &Event, why: &str) {
        self.dropped.fetch_add(1, Relaxed);
        self.waiting.send_modify(|waiting| *waiting -= 1);
        if let Some(unsaid) = self.quiet.admits(Instant::now()) {
            let (receiver, id, event) = (&line.url, &event.id, event.name);
            tracing::warn!(%receiver, id, event, why, unsaid, "an event of a webhook is dropped");
        }
    }

    fn count(&self, line: &Line, event: &Event, outcome: Outcome<Arc<Event>>) {
        match outcome {
            Outcome::Delivered => {
                self.delivered.fetch_add(1, Relaxed);
                self.waiting.send_modify(|waiting| *waiting -= 1);
            }
            Outcome::Again { pause_ms, why } => {
                self.failed.fetch_add(1, Relaxed);
                if let Some(unsaid) = self.quiet.admits(Instant::now()) {
                    let (receiver, id, event) = (&line.url, &event.id, event.name);
                    tracing::info!(%receiver, id, event, why, pause_ms, unsaid, "a webhook's receiver is tried again");
                }
            }
            Outcome::Dropped { what, why } => {
                self.failed.fetch_add(1, Relaxed);
                self.discard(line, &what, &why);
            }
        }
    }
}

/// Sends one event after the other until it is aborted.
async fn send(line: Arc<Line>, poster: Poster, counters: Arc<Counters>) {
    loop {
        let next = line.queue().next(line.now_ms());
        match next {
            Next::Rest => line.news.notified().await,
            Next::Wait { until_ms } => {
                tokio::time::sleep_until((line.start + Duration::from_millis(until_ms)).into()).await;
            }
            Next::Send(delivery) => {
                let event = delivery.what.clone();
                let message = Message { id: &event.id, body: &event.body };
                let attempt: Attempt = poster.post(&line.url, &message, unix_time().as_secs()).await;
                let outcome = line.queue().attempted(line.now_ms(), delivery, attempt, random());
                counters.count(&line, &event, outcome);
            }
        }
    }
}

/// Spreads attempts; where the system has no chance to give, they come together.
fn random() -> u64 {
    getrandom::u64().unwrap_or_default()
}
