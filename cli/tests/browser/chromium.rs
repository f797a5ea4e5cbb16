//! A Chromium without a window, spoken to over two pipes in the DevTools protocol: JSON, each message ended by a zero byte.
//! Knows one tab and nothing of what is in it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// After so long without an answer the browser is taken for stuck.
const PATIENCE: Duration = Duration::from_secs(240);
/// How long it has to end by itself.
const GOODBYE: Duration = Duration::from_secs(10);

/// Gives the child its standard input and output as the descriptors 3 and 4, where Chromium looks for its commands.
const WITH_PIPES: &str = "exec 3<&0 4>&1 </dev/null >/dev/null; exec \"$0\" \"$@\"";

const FLAGS: [&str; 16] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-extensions",
    "--mute-audio",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--remote-debugging-pipe",
];

/// The browser with its one tab.
pub struct Chromium {
    child: Child,
    /// None once it was told to end.
    commands: Option<ChildStdin>,
    messages: Receiver<Value>,
    next_id: u64,
    /// Of the tab; empty until there is one.
    session: String,
    /// What went wrong in the page by itself.
    exceptions: Vec<String>,
    folder: TempDir,
}

impl Chromium {
    /// Starts one, or says on standard error what is skipped.
    pub fn start(skipped: &str) -> Option<Chromium> {
        let Some(program) = program() else {
            eprintln!("skipped: {skipped}, as there is no Chromium here (apt-get install chromium)");
            return None;
        };
        let folder = TempDir::new().unwrap();
        let said = std::fs::File::create(folder.path().join("said")).unwrap();
        let data = format!("--user-data-dir={}", folder.path().join("data").display());
        let mut command = Command::new("sh");
        command.args(["-c", WITH_PIPES]).arg(program).args(FLAGS).arg(data);
        // Its caches and its crash reports stay in the folder, too.
        for variable in ["HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"] {
            command.env(variable, folder.path());
        }
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(said).spawn().expect("sh starts");
        let commands = child.stdin.take();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            let mut message = Vec::new();
            while output.read_until(0, &mut message).is_ok_and(|length| length > 0) {
                message.pop();
                let parsed = serde_json::from_slice(&message).expect("Chromium writes JSON");
                if sender.send(parsed).is_err() {
                    break;
                }
                message.clear();
            }
        });
        let mut browser = Chromium {
            child,
            commands,
            messages,
            next_id: 1,
            session: String::new(),
            exceptions: Vec::new(),
            folder,
        };
        browser.open_tab();
        Some(browser)
    }

    fn open_tab(&mut self) {
        let target = self.call("Target.createTarget", json!({ "url": "about:blank" }))["targetId"].clone();
        let attached = self.call("Target.attachToTarget", json!({ "targetId": target, "flatten": true }));
        attached["sessionId"].as_str().unwrap().clone_into(&mut self.session);
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            self.call(domain, json!({}));
        }
    }

    /// Asks for something and waits for the answer, or for the error in its place.
    pub fn ask(&mut self, method: &str, params: Value) -> Result<Value, String> {
        let id = self.send(method, params);
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let message = match self.messages.recv_timeout(left) {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) => return Err(format!("{method}: no answer")),
                Err(RecvTimeoutError::Disconnected) => panic!("Chromium has ended\n{}", self.said()),
            };
            self.note(&message);
            if message["id"] != id {
                continue;
            }
            return match message.get("error") {
                None => Ok(message["result"].clone()),
                Some(error) => Err(format!("{method}: {error}")),
            };
        }
    }

    /// Asks for what has to succeed.
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.ask(method, params).unwrap_or_else(|error| panic!("{error}\n{}", self.said()))
    }

    /// Exceptions that nothing in the page caught, and what its policy refused.
    pub fn exceptions(&self) -> &[String] {
        &self.exceptions
    }

    fn send(&mut self, method: &str, params: Value) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let mut message = json!({ "id": id, "method": method, "params": params });
        if !self.session.is_empty() {
            message["sessionId"] = self.session.as_str().into();
        }
        let mut bytes = serde_json::to_vec(&message).unwrap();
        bytes.push(0);
        let commands = self.commands.as_mut().expect("the browser goes on");
        if commands.write_all(&bytes).is_err() {
            panic!("Chromium takes no more commands\n{}", self.said());
        }
        id
    }

    fn note(&mut self, message: &Value) {
        let params = &message["params"];
        match message["method"].as_str() {
            Some("Runtime.exceptionThrown") => {
                let details = &params["exceptionDetails"];
                let text = details["exception"]["description"].as_str().or(details["text"].as_str());
                self.exceptions.push(text.unwrap_or_default().to_owned());
            }
            Some("Log.entryAdded") if params["entry"]["source"] == "security" => {
                self.exceptions.push(params["entry"]["text"].to_string());
            }
            _ => {}
        }
    }

    /// What it wrote to its standard error.
    fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("said")).unwrap_or_default()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Its processes end with the browser, which ends when nobody holds the pipe.
        self.commands = None;
        let until = Instant::now() + GOODBYE;
        while Instant::now() < until {
            let left = until.saturating_duration_since(Instant::now());
            if let Err(RecvTimeoutError::Disconnected) = self.messages.recv_timeout(left) {
                break;
            }
        }
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Debian's name, and what others call it.
fn program() -> Option<std::path::PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let folders: Vec<_> = std::env::split_paths(&folders).collect();
    ["chromium", "chromium-browser", "google-chrome"]
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|path| path.is_file())
}
