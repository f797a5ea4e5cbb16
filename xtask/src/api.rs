//! Drives the HTTP interface against its own document, as each role, with schemathesis on a farm of this build. Knows no path
//! of the interface but the document's and the stream's.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::test::{Install, cargo};

/// What drives the interface; another version may find other things.
const DRIVER: &str = "schemathesis==4.32.5";
/// What counts as a failure: an answer that the document does not have. Numbers are declared as `int64` where they are `u64`, so
/// what is taken beyond the former says nothing.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
response_schema_conformance,unsupported_method";
/// Never ends, so a driver that waits for the answer's end cannot read it; a test of the farm's processes does.
const STREAM: &str = "/api/v1/events";
/// Below what the scheduler grants a client in the long run, so that its answers are not all about that.
const RATE: &str = "95/s";
/// What the farm has to show: a job of two frames that is rendered, and one that waits.
const JOBS: [&str; 2] = [
    "scenes/mosaic.toml --width 32 --height 16 --spp 2 --tile 16 --frames 1-2",
    "scenes/mosaic.toml --width 64 --height 64 --spp 4096",
];

/// How hard the interface is driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drive {
    /// Requests that are made up for each operation, beside those of the document's edges.
    pub examples: u32,
    pub seed: u32,
}

impl Drive {
    /// What `cargo xtask test` does.
    pub const SHORT: Drive = Drive { examples: 3, seed: 1 };

    /// From `--examples N` and `--seed S`, both optional.
    pub fn of(arguments: &[&str]) -> Result<Drive> {
        let mut drive = Drive { examples: 100, ..Drive::SHORT };
        for pair in arguments.chunks(2) {
            let [name @ ("--examples" | "--seed"), value] = pair else {
                bail!("`{}` is no option of `api`; give --examples N and --seed S", pair.join(" "));
            };
            let number = value.parse().with_context(|| format!("{name} takes a number, not `{value}`"))?;
            match *name {
                "--examples" => drive.examples = number,
                _ => drive.seed = number,
            }
        }
        if drive.examples == 0 {
            bail!("--examples is at least 1");
        }
        Ok(drive)
    }
}

/// Drives the interface of this build's binary after building it.
pub fn build_and_run(root: &Path, drive: Drive) -> Result<()> {
    cargo(root, &["build", "--package", "tessera"])?;
    run(root, drive, Install::Missing)
}

/// Drives the interface of the binary that `cargo test` or `cargo build` has made. What is missing on this machine is said, and what is
/// skipped for it; an answer that the document does not allow is an error.
pub fn run(root: &Path, drive: Drive, install: Install) -> Result<()> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    let driver = match driver(&target, install) {
        Ok(driver) => driver,
        Err(error) => {
            println!("skipped: the HTTP interface is not driven against its document: {error:#}");
            return Ok(());
        }
    };
    let farm = Farm::start(root, target.join("debug/tessera"))?;
    for (role, link) in farm.links()? {
        println!("api: as {role}, {} examples of each operation, seed {}", drive.examples, drive.seed);
        farm.drive(&driver, &link, drive).with_context(|| format!("as {role}"))?;
    }
    Ok(())
}

/// The driver's program in an environment of its own below `target`, installed if need be.
fn driver(target: &Path, install: Install) -> Result<PathBuf> {
    let environment = target.join("api-driver");
    let (driver, stamp) = (environment.join("bin/schemathesis"), environment.join(DRIVER));
    if driver.exists() && stamp.exists() {
        return Ok(driver);
    }
    if install == Install::Nothing {
        bail!("{DRIVER} is not there; `cargo xtask api` installs it");
    }
    quietly(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))
        .context("python3 -m venv (on Debian: apt-get install python3-venv)")?;
    println!("api: installing {DRIVER} into {}", environment.display());
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", DRIVER];
    quietly(Command::new(environment.join("bin/python")).args(pip)).context("pip install")?;
    std::fs::write(&stamp, "")?;
    Ok(driver)
}

/// Runs a command of which only a failure is worth reading.
fn quietly(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .context("it does not start")?;
    if !output.status.success() {
        bail!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// A farm of this build with a job that is done and one that is not; its processes end with it.
struct Farm {
    root: PathBuf,
    program: PathBuf,
    folder: TempDir,
    processes: Vec<Child>,
    artist: String,
    wrangler_page: String,
}

impl Drop for Farm {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // It may have ended by itself.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Farm {
    fn start(root: &Path, program: PathBuf) -> Result<Farm> {
        let folder = TempDir::new()?;
        let mut farm = Farm {
            root: root.to_path_buf(),
            program,
            folder,
            processes: Vec::new(),
            artist: String::new(),
            wrangler_page: String::new(),
        };
        let data = farm.path("farm");
        let mut scheduler = farm.tessera(&["scheduler", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
        let mut scheduler = scheduler.arg("--data").arg(data).stdout(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(scheduler.stdout.take().context("the scheduler's output")?).lines();
        farm.processes.push(scheduler);
        let mut link = |role: &str| -> Result<String> {
            let line = lines.next().context("the scheduler ended")??;
            let link = line.strip_prefix(role).map(str::trim).map(str::to_owned);
            link.with_context(|| format!("the scheduler printed another line where `{role}` was due"))
        };
        farm.artist = link("artist ")?;
        let worker = link("worker ")?;
        link("wrangler ")?;
        farm.wrangler_page = link("page ")?;
        let data = farm.path("node");
        let mut node = farm.tessera(&["worker", "--backend", "cpu", "--threads", "1", "--join", &worker]);
        farm.processes.push(node.arg("--data").arg(data).spawn()?);
        let [done, waiting] = JOBS.map(|shot| farm.submit(shot));
        quietly(&mut farm.tessera(&["watch", &done?, "--wait", "--to", &farm.artist]))?;
        waiting?;
        Ok(farm)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command that reads and touches nothing of the user's.
    fn tessera(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(&self.root).stdin(Stdio::null()).stdout(Stdio::null());
        for variable in
            ["HOME", "TESSERA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"]
        {
            command.env(variable, self.path("home"));
        }
        command.env_remove("TESSERA_FARM").env("TESSERA_LOG", "error");
        command
    }

    fn submit(&self, shot: &str) -> Result<String> {
        let mut command = self.tessera(&["submit", "--to", &self.artist]);
        Ok(quietly(command.args(shot.split(' ')))?.trim().to_owned())
    }

    /// The page's address with each role's token; who can change least comes first.
    fn links(&self) -> Result<[(&'static str, String); 3]> {
        let link = |options: &[&str]| -> Result<String> {
            let mut command = self.tessera(&["web", "--to", &self.artist]);
            Ok(quietly(command.args(options))?.trim().to_owned())
        };
        Ok([
            ("read-only", link(&["--read-only"])?),
            ("artist", link(&[])?),
            ("wrangler", self.wrangler_page.clone()),
        ])
    }

    fn drive(&self, driver: &Path, link: &str, drive: Drive) -> Result<()> {
        let (address, token) = link.split_once("/#token=").context("a link without a token")?;
        let status = Command::new(driver)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .args(["run", &format!("{address}/openapi.json"), "--header"])
            .arg(format!("Authorization: Bearer {token}"))
            .args(["--checks", CHECKS, "--exclude-path", STREAM, "--rate-limit", RATE])
            .args(["--max-examples", &drive.examples.to_string(), "--seed", &drive.seed.to_string()])
            .args(["--continue-on-failure", "--request-timeout", "20", "--no-color", "--warnings", "off"])
            .args(["--generation-database", "none"])
            .status()
            .context("schemathesis does not start")?;
        if !status.success() {
            bail!("the HTTP interface and its document differ (schemathesis: {status})");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_hard_is_said_in_two_numbers() {
        assert_eq!(Drive::of(&["--seed", "7", "--examples", "9"]).unwrap(), Drive { examples: 9, seed: 7 });
        assert_eq!(Drive::of(&[]).unwrap(), Drive { examples: 100, seed: 1 });
        for (arguments, expected) in [
            (&["--examples"][..], "is no option"),
            (&["--examples", "many"], "takes a number"),
            (&["--examples", "0"], "at least 1"),
            (&["--hard", "1"], "is no option"),
        ] {
            assert!(Drive::of(arguments).unwrap_err().to_string().contains(expected), "{arguments:?}");
        }
    }
}
