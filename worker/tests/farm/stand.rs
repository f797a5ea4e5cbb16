//! A farm on the loopback interface: one scheduler, any number of workers and artists, each with a key of its own.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use tessera_scheduler::client::Client;
use tessera_scheduler::journal::Journal;
use tessera_scheduler::{
    Config, Identity, JobOptions, JobState, JobStatus, Limits, Role, Scheduler, SchedulerOptions, serve_with,
};
use tessera_scheduler_core::Record;
use tessera_shared::digest::Digest;
use tessera_shared::ids::{FrameNumber, JobId};
use tessera_shared::package::Package;
use tessera_worker::{LocalEvent, LocalOptions, Renderer, WorkerError, WorkerOptions, render_local, run};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::shot::{Honest, HonestReferee};

/// A journal that the test can read.
#[derive(Clone, Default)]
pub struct Records(pub Arc<Mutex<Vec<Record>>>);

impl Journal for Records {
    fn append(&mut self, records: Vec<Record>) -> std::io::Result<()> {
        self.0.lock().unwrap().extend(records);
        Ok(())
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

/// Checks wait for nobody: tests have few workers.
pub fn prompt(secret: [u8; 32]) -> Config {
    Config { check_wait_ms: 1, check_wait_max_ms: 20, ..Config::new(secret) }
}

impl Stand {
    pub async fn new() -> Stand {
        Stand::with(prompt).await
    }

    pub async fn with(config: impl FnOnce([u8; 32]) -> Config) -> Stand {
        Stand::at(TempDir::new().unwrap(), config, Limits::default()).await
    }

    /// With other limits on what peers may ask.
    pub async fn limited(limits: Limits) -> Stand {
        Stand::at(TempDir::new().unwrap(), prompt, limits).await
    }

    /// Another scheduler on the same data, once this one has stopped.
    pub async fn restarted(self) -> Stand {
        self.scheduler.stop().await;
        Stand::at(self.directory, prompt, Limits::default()).await
    }

    async fn at(directory: TempDir, config: impl FnOnce([u8; 32]) -> Config, limits: Limits) -> Stand {
        let options = SchedulerOptions {
            data: directory.path().join("scheduler"),
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            blob_bytes_max: 1 << 23,
            limits,
            ..SchedulerOptions::default()
        };
        let records = Records::default();
        let journal = Box::new(records.clone());
        let scheduler = serve_with(options, Box::new(HonestReferee), journal, config).await.unwrap();
        Stand { scheduler, records, directory }
    }

    /// A worker of an operator of its own.
    pub fn worker(&self, name: &str, renderer: impl Renderer + 'static) -> Worker {
        let data = self.directory.path().join(name);
        let options = WorkerOptions::new(self.scheduler.link(Role::Worker), data, name.to_owned());
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
