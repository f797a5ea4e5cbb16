//! A farm with a page, as processes of its own, and the links to it. Knows nothing of browsers.

use serde_json::Value;

use crate::sandbox::{Running, Sandbox};

/// A scheduler that serves the page; the user's configuration names its artist link.
pub struct Farm {
    pub sandbox: Sandbox,
    _scheduler: Running,
    worker_link: String,
    wrangler_link: String,
}

impl Farm {
    pub fn new() -> Farm {
        let sandbox = Sandbox::new();
        let options = "scheduler --data @farm --listen 127.0.0.1:0 --http 127.0.0.1:0";
        let mut scheduler = sandbox.start(options);
        let mut link = |role: &str| {
            let prefix = format!("{role} ");
            scheduler.line(|line| line.strip_prefix(&prefix).map(str::to_owned))
        };
        let [artist_link, worker_link, wrangler_link] = ["artist", "worker", "wrangler"].map(&mut link);
        std::fs::write(sandbox.path("home/config.toml"), format!("farm = \"{artist_link}\"\n")).unwrap();
        Farm { sandbox, _scheduler: scheduler, worker_link, wrangler_link }
    }

    /// A worker on one thread, as soon as it lends it.
    pub fn worker(&self, name: &str) -> Running {
        let link = &self.worker_link;
        let mut worker = self
            .sandbox
            .start(&format!("worker --join {link} --data @{name} --name {name} --backend cpu --threads 1"));
        worker.line(|line| line.starts_with("lending ").then_some(()));
        worker
    }

    /// A worker that has no room for a scene's blobs, so that its leases fail.
    pub fn cramped_worker(&self, name: &str) -> Running {
        let link = &self.worker_link;
        let arguments =
            format!("worker --join {link} --data @{name} --name {name} --backend cpu --threads 1");
        // Room for what its examination unpacks.
        let mut worker = self.sandbox.start_cramped(&arguments, 768 << 10);
        worker.line(|line| line.starts_with("lending ").then_some(()));
        worker
    }

    /// Submits a shot; returns its number.
    pub fn submit(&self, shot: &str) -> u64 {
        let id = self.sandbox.succeed(&format!("submit {shot}"));
        id.trim().strip_prefix('j').and_then(|number| number.parse().ok()).expect("a job id")
    }

    /// Where the artist's page is, with what logs in.
    pub fn artist_page(&self) -> String {
        self.sandbox.succeed("web").trim().to_owned()
    }

    /// Where the wrangler's page is, with what logs in.
    pub fn wrangler_page(&self) -> String {
        self.sandbox.succeed(&format!("web --to {}", self.wrangler_link)).trim().to_owned()
    }

    /// A job as `tessera jobs` lists it.
    pub fn job(&self, number: u64) -> Value {
        let stdout = self.sandbox.succeed("jobs --json");
        let mut jobs = stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        jobs.find(|job| job["job"] == format!("j{number}")).expect("the job is listed")
    }
}
