//! Runs `tessera` so that nothing of the user is read or touched: every folder it knows of is temporary. Knows no command.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// After so long without the awaited line a process is taken for stuck.
const PATIENCE: Duration = Duration::from_secs(240);

/// The user's folders, all below one that goes with the sandbox.
pub struct Sandbox {
    folder: TempDir,
}

/// How a command ended.
pub struct Ended {
    /// None if a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Sandbox {
    pub fn new() -> Sandbox {
        let folder = TempDir::new().unwrap();
        for name in ["home", "config", "cache", "data", "run", "out"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        Sandbox { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A path below the sandbox as an argument.
    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// `tessera` with these arguments, separated by blanks, at the repository's root. `@` opens a path below the sandbox.
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tessera"));
        let place = |argument: &str| match argument.strip_prefix('@') {
            Some(name) => self.text(name),
            None => argument.to_owned(),
        };
        command.args(arguments.split_whitespace().map(place)).current_dir(root()).stdin(Stdio::null());
        for (variable, name) in [
            ("HOME", "home"),
            ("TESSERA_HOME", "home"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_DATA_HOME", "data"),
            ("XDG_RUNTIME_DIR", "run"),
        ] {
            command.env(variable, self.path(name));
        }
        for variable in [
            "TESSERA_FARM",
            "TESSERA_LOG",
            "TESSERA_LOG_FORMAT",
            "TESSERA_WEBHOOKS",
            "RUST_BACKTRACE",
            "CLICOLOR_FORCE",
        ] {
            command.env_remove(variable);
        }
        command
    }

    pub fn run(&self, arguments: &str) -> Ended {
        let output = self.command(arguments).output().unwrap();
        Ended {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs a command that has to succeed; returns its standard output.
    pub fn succeed(&self, arguments: &str) -> String {
        let ended = self.run(arguments);
        assert_eq!(ended.code, Some(0), "tessera {arguments}\n{}", ended.stderr);
        ended.stdout
    }

    /// The digest that `tessera render` prints for one frame. The picture goes to the sandbox.
    pub fn film(&self, arguments: &str) -> String {
        only_film(&self.succeed(&format!("render {arguments} -o @out/film.exr")))
    }

    /// A command whose standard output nobody reads, nor its standard error if `both`: how it ends.
    pub fn unread(&self, arguments: &str, both: bool) -> Ended {
        let (nobody, output) = std::io::pipe().unwrap();
        drop(nobody);
        let mut command = self.command(arguments);
        if both {
            command.stderr(output.try_clone().unwrap());
        }
        let output = command.stdout(output).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        Ended { code: output.status.code(), stdout: String::new(), stderr }
    }

    /// A command that goes on and whose files cannot grow beyond so many bytes, a multiple of 512: to it, the disk is full.
    pub fn start_cramped(&self, arguments: &str, file_bytes_max: u64) -> Running {
        let inner = self.command(arguments);
        // A signal that is ignored stays so across exec, and the write fails instead.
        let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", file_bytes_max / 512);
        let mut command = Command::new("sh");
        command.arg("-c").arg(script).arg(inner.get_program()).args(inner.get_args());
        command.current_dir(root()).stdin(Stdio::null());
        for (variable, value) in inner.get_envs() {
            match value {
                Some(value) => command.env(variable, value),
                None => command.env_remove(variable),
            };
        }
        Running::new(command)
    }

    /// A command that goes on and says what it does.
    pub fn start_talking(&self, arguments: &str) -> Running {
        self.start_with(arguments, &[("TESSERA_LOG", "info")])
    }

    /// A command that goes on, with more variables.
    pub fn start_with(&self, arguments: &str, variables: &[(&str, &str)]) -> Running {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        Running::new(command)
    }

    /// A command that goes on; it is killed with the handle.
    pub fn start(&self, arguments: &str) -> Running {
        Running::new(self.command(arguments))
    }
}

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The digest of the only `film blake3:…` line, which has to be the only line.
pub fn only_film(stdout: &str) -> String {
    let digest = stdout.strip_prefix("film ").and_then(|rest| rest.strip_suffix('\n'));
    let digest = digest.unwrap_or_else(|| panic!("one film line, and not {stdout:?}"));
    let hex = digest.strip_prefix("blake3:").unwrap_or_default();
    let is_hex = hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    assert!(hex.len() == 64 && is_hex, "{digest:?} is no digest");
    digest.to_owned()
}

/// A software Vulkan device, if `tessera devices` lists one. Says on standard error what is skipped if not.
pub fn software_gpu(sandbox: &Sandbox, skipped: &str) -> Option<&'static str> {
    if sandbox.succeed("devices").contains("llvmpipe") {
        return Some("llvmpipe");
    }
    eprintln!("skipped: {skipped}, as Vulkan shows no llvmpipe here (mesa-vulkan-drivers)");
    None
}

/// A process and the lines of its two outputs, in the order of each.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Running {
    pub fn new(mut command: Command) -> Running {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let outputs: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for output in outputs {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            });
        }
        Running { child, lines, seen: Vec::new() }
    }

    /// Waits for a line that `wanted` makes something of.
    pub fn line<T>(&mut self, wanted: impl Fn(&str) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("the awaited line did not come; there were\n{}", self.seen.join("\n"));
            };
            let found = wanted(&line);
            self.seen.push(line);
            if let Some(found) = found {
                return found;
            }
        }
    }

    /// SIGKILL: no time to say goodbye.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Stands still until [`Running::go_on`]: the process hears and says nothing.
    pub fn stand_still(&self) {
        self.signal("-STOP");
    }

    pub fn go_on(&self) {
        self.signal("-CONT");
    }

    /// Ctrl-C.
    pub fn interrupt(&self) {
        self.signal("-INT");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(signal).arg(self.child.id().to_string()).status();
        assert!(sent.is_ok_and(|status| status.success()), "`kill {signal}` did not work");
    }

    /// SIGTERM, and its end.
    pub fn ask_to_end(mut self) {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(asked.is_ok_and(|status| status.success()), "`kill` did not work");
        self.child.wait().unwrap();
    }

    /// Waits for the end; returns the exit code and every line.
    pub fn end(mut self) -> (Option<i32>, Vec<String>) {
        let until = Instant::now() + PATIENCE;
        // The lines end when the process closes its outputs.
        while let Ok(line) = self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            self.seen.push(line);
        }
        assert!(Instant::now() < until, "the process does not end; it said\n{}", self.seen.join("\n"));
        (self.child.wait().unwrap().code(), std::mem::take(&mut self.seen))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
