//! The dashboard before a real Prometheus that reads a real farm as `docs/api.md` says: every question of every panel has an answer.
//! Without Prometheus (Debian's package `prometheus`) the test says that it is skipped.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::farm::Farm;
use crate::page::Site;
use crate::sandbox::Running;

/// What `promtool` says; None where it refuses.
fn promtool(arguments: &[&str]) -> Option<Value> {
    let output = Command::new("promtool").args(arguments).stdin(Stdio::null()).output().unwrap();
    output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
}

/// Prometheus, reading `farm` every second.
struct Prometheus {
    address: String,
    _process: Running,
}

impl Prometheus {
    fn of(farm: &Farm, site: &Site) -> Prometheus {
        let (sandbox, target) = (&farm.sandbox, &site.address);
        std::fs::write(sandbox.path("token"), &site.token).unwrap();
        let token = sandbox.text("token");
        let config = format!(
            "global:\n  scrape_interval: 1s\n\
             scrape_configs:\n  - job_name: tessera\n    authorization:\n      credentials_file: {token}\n    \
             static_configs:\n      - targets: [\"{target}\"]\n"
        );
        std::fs::write(sandbox.path("prometheus.yml"), config).unwrap();
        // Freed at once for Prometheus, which cannot choose.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", sandbox.text("prometheus.yml")));
        command.arg(format!("--storage.tsdb.path={}", sandbox.text("prometheus")));
        command.arg(format!("--web.listen-address={address}")).stdin(Stdio::null());
        let mut process = Running::new(command);
        process.line(|line| line.contains("Server is ready").then_some(()));
        Prometheus { address, _process: process }
    }

    /// Series that answer now.
    fn ask(&self, question: &str) -> Vec<Value> {
        let url = format!("http://{}", self.address);
        let answer = promtool(&["query", "instant", "--format=json", &url, question]);
        answer.unwrap_or_else(|| panic!("refused: {question}")).as_array().unwrap().clone()
    }
}

#[test]
fn every_panel_of_the_dashboard_has_an_answer() {
    if !Command::new("prometheus").arg("--version").output().is_ok_and(|output| output.status.success()) {
        return eprintln!("skipped: the dashboard before a real Prometheus (Debian's package prometheus)");
    }
    let mut farm = Farm::with("--http 127.0.0.1:0");
    let wrangler = Site::of(&mut farm);
    let site = Site::at(farm.sandbox.succeed("web --read-only --days 0").trim());
    let prometheus = Prometheus::of(&farm, &site);
    let worker = farm.worker("one", "--backend cpu --threads 1");
    let job = farm.submit("scenes/mosaic.toml --width 96 --height 64 --spp 2");
    farm.sandbox.succeed(&format!("watch {job} --wait"));
    // Two readings with something done: rates need them.
    let seen = || {
        !prometheus
            .ask("count_over_time(tessera_rays_accepted[1m]) > 3 and tessera_rays_accepted > 0")
            .is_empty()
    };
    assert!((0..2000).any(|_| seen()), "Prometheus does not read the farm");

    let dashboard: Value = serde_json::from_str(include_str!("../../../docs/grafana.json")).unwrap();
    let mut panels = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            // As Grafana fills in what it is asked with.
            let question = target["expr"].as_str().unwrap();
            let question = question.replace("$farm", &site.address).replace("$__rate_interval", "1m");
            assert!(!question.contains('$'), "{question}");
            let answers = prometheus.ask(&question);
            assert!(!answers.is_empty(), "{}: nothing answers {question}", panel["title"]);
            panels.insert(panel["id"].as_u64());
        }
    }
    assert!(panels.len() >= 15, "{panels:?}");
    let connected = prometheus.ask("tessera_workers_connected");
    assert_eq!(connected[0]["value"][1], "1", "{connected:?}");
    drop((worker, wrangler));
}
