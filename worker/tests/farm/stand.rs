//! A farm on the loopback interface: one scheduler, any number of workers and artists, each with a key of its own.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tessera_scheduler::client::Client;
use tessera_scheduler::journal::Journal;
use tessera_scheduler::{
    Config, Identity, JobOptions, JobState, JobStatus, Link, Role, Scheduler, SchedulerOptions, serve_with,
};
use tessera_scheduler_core::Record;
use tessera_shared::digest::Digest;
use tessera_shared::ids::{FrameNumber, JobId};
use tessera_shared::package::Package;
use tessera_worker::{
    BackoffOptions, LocalEvent, LocalOptions, Renderer, Timing, WorkerError, WorkerOptions, render_local, run,
};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use crate::relay::Relay;
use crate::shot::{Honest, HonestReferee};

/// A journal that the test can read and wait for.
#[derive(Clone, Default)]
pub struct Records(pub Arc<Mutex<Vec<Record>>>, Arc<Notify>);

impl Journal for Records {
    fn append(&mut self, records: Vec<Record>) -> std::io::Result<()> {
        self.0.lock().unwrap().extend(records);
        self.1.notify_waiters();
        Ok(())
    }
}

impl Records {
    /// Waits until so many records are of a kind.
    pub async fn hold(&self, count: usize, kind: impl Fn(&Record) -> bool) {
        loop {
            let appended = self.1.notified();
            if self.count(&kind) >= count {
                return;
            }
            appended.await;
        }
    }

    pub fn count(&self, kind: impl Fn(&Record) -> bool) -> usize {
        self.0.lock().unwrap().iter().filter(|record| kind(record)).count()
    }
}

pub struct Stand {
    pub scheduler: Scheduler,
    pub records: Records,
    pub directory: TempDir,
}

/// A worker's task and the way to ask it to leave.
pub struct Worker {
    pub task: JoinHandle<Result<(), WorkerError>>,
    leave: oneshot::Sender<()>,
}

impl Worker {
    /// Leaves after finishing what is in hand.
    pub async fn leave(self) -> Result<(), WorkerError> {
        let _ = self.leave.send(());
        self.task.await.unwrap()
    }

    /// Vanishes.
    pub async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

/// Times for tests of broken networks.
pub const BRISK: Timing = Timing {
    idle: Duration::from_millis(1000),
    keep_alive: Duration::from_millis(100),
    connect: Duration::from_millis(1000),
};

/// A link that leads through a relay.
pub fn behind(relay: &Relay, link: Link) -> Link {
    Link { host: relay.address.ip().to_string(), port: relay.address.port(), ..link }
}

/// Checks wait for nobody: tests have few workers.
pub fn prompt(secret: [u8; 32]) -> Config {
    Config { check_wait_ms: 1, check_wait_max_ms: 20, ..Config::new(secret) }
}

impl Stand {
    pub async fn new() -> Stand {
        Stand::with(prompt).await
    }

    pub async fn with(config: impl FnOnce([u8; 32]) -> Config) -> Stand {
        Stand::at(TempDir::new().unwrap(), config).await
    }

    /// Another scheduler on the same data, once this one has stopped.
    pub async fn restarted(self) -> Stand {
        self.scheduler.stop().await;
        Stand::at(self.directory, prompt).await
    }

    /// A stand that notices within a second that a peer is gone.
    pub async fn brisk(options: impl FnOnce(&mut SchedulerOptions)) -> Stand {
        let brisk = |given: &mut SchedulerOptions| {
            given.timing = BRISK;
            options(given);
        };
        Stand::built(TempDir::new().unwrap(), prompt, brisk).await
    }

    async fn at(directory: TempDir, config: impl FnOnce([u8; 32]) -> Config) -> Stand {
        Stand::built(directory, config, |_| {}).await
    }

    async fn built(
        directory: TempDir,
        config: impl FnOnce([u8; 32]) -> Config,
        change: impl FnOnce(&mut SchedulerOptions),
    ) -> Stand {
        let mut options = SchedulerOptions {
            data: directory.path().join("scheduler"),
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            blob_bytes_max: 1 << 20,
            ..SchedulerOptions::default()
        };
        change(&mut options);
        let records = Records::default();
        let journal = Box::new(records.clone());
        let scheduler = serve_with(options, Box::new(HonestReferee), journal, config).await.unwrap();
        Stand { scheduler, records, directory }
    }

    /// A worker of an operator of its own.
    pub fn worker(&self, name: &str, renderer: impl Renderer + 'static) -> Worker {
        Stand::start(self.options(name), renderer)
    }

    /// A worker that reaches the scheduler through a relay and comes back soon after it was gone.
    pub fn worker_behind(
        &self,
        relay: &Relay,
        timing: Timing,
        name: &str,
        renderer: impl Renderer + 'static,
    ) -> Worker {
        let mut options = self.options(name);
        options.link = behind(relay, options.link);
        options.timing = timing;
        let (first, last) = (Duration::from_millis(20), Duration::from_millis(200));
        options.backoff = BackoffOptions { first, last };
        Stand::start(options, renderer)
    }

    pub fn options(&self, name: &str) -> WorkerOptions {
        let data = self.directory.path().join(name);
        WorkerOptions::new(self.scheduler.link(Role::Worker), data, name.to_owned())
    }

    pub fn start(options: WorkerOptions, renderer: impl Renderer + 'static) -> Worker {
        let (leave, left) = oneshot::channel::<()>();
        let asked = async {
            // A stand that is dropped asks nobody to leave.
            if left.await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        Worker { task: tokio::spawn(run(options, vec![Box::new(renderer)], asked)), leave }
    }

    pub async fn artist(&self) -> Client {
        let identity = Identity::load_or_create(&self.directory.path().join("artist")).unwrap();
        Client::connect(&self.scheduler.link(Role::Artist), &identity).await.unwrap()
    }

    /// A job from its submission to its end.
    pub async fn completes(&self, package: &Package) -> (JobId, JobStatus) {
        let artist = self.artist().await;
        let job = artist.submit(package, JobOptions::default(), |_| {}).await.unwrap();
        (job, ended(&artist, job).await)
    }

    /// The films' digests of a completed job, in the order of its frames.
    pub async fn digests(&self, job: JobId) -> Vec<Digest> {
        let artist = self.artist().await;
        let mut digests = Vec::new();
        for frame in artist.manifest(job).await.unwrap().frames {
            let frame = artist.fetch_frame(job, frame.number).await.unwrap();
            digests.push(frame.film.digest());
        }
        digests
    }
}

/// The last status of a job.
pub async fn ended(artist: &Client, job: JobId) -> JobStatus {
    let mut watch = artist.watch(job).await.unwrap();
    let mut last = None;
    while let Some(status) = watch.next().await.unwrap() {
        last = Some(status);
    }
    last.unwrap()
}

/// What one process renders of the package.
pub fn local_digests(package: Package, workers: usize) -> Vec<Digest> {
    let renderers = (0..workers).map(|_| Box::new(Honest) as Box<dyn Renderer>).collect();
    let mut films: Vec<(FrameNumber, Digest)> = Vec::new();
    let status = render_local(Arc::new(package), renderers, LocalOptions::default(), &mut |event| {
        if let LocalEvent::Frame { head, film } = event {
            films.push((head.frame, film.digest()));
        }
        true
    });
    assert_eq!(status.unwrap().state, JobState::Completed);
    films.sort();
    films.into_iter().map(|(_, digest)| digest).collect()
}
