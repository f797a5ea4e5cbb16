//! Nothing that a farm's processes log, at the highest level and of every crate, holds a token, a private key or the core's secret.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use data_encoding::{BASE32_NOPAD, BASE64, BASE64URL_NOPAD, HEXLOWER};
use serde_json::Value;

use crate::page::Site;
use crate::sandbox::Sandbox;

/// Every way in which bytes are likely to be written as text. `|` stands for the end of a line.
fn written(secret: &[u8]) -> Vec<String> {
    // Whole groups of three bytes: what follows them in the text does not change how they look.
    let groups = &secret[..secret.len() / 3 * 3];
    let hex = HEXLOWER.encode(secret);
    let numbers = |separator: &str| secret.iter().map(u8::to_string).collect::<Vec<_>>().join(separator);
    let pairs = |separator: &str| {
        let pairs = secret.iter().map(|byte| format!("{byte:02x}"));
        pairs.collect::<Vec<_>>().join(separator)
    };
    vec![
        hex.to_uppercase(),
        BASE32_NOPAD.encode(secret),
        BASE32_NOPAD.encode(secret).to_ascii_lowercase(),
        BASE64.encode(groups),
        BASE64URL_NOPAD.encode(groups),
        secret.escape_ascii().to_string(),
        numbers(", "),
        numbers(","),
        numbers(",|"),
        pairs(" "),
        pairs(":"),
        hex.clone(),
    ]
}

/// The first way in which a secret shows in a log.
fn shows(log: &[u8], secret: &[u8]) -> Option<String> {
    if log.windows(secret.len()).any(|window| window == secret) {
        return Some("as it is".to_owned());
    }
    let text = String::from_utf8_lossy(log);
    // JSON doubles what escapes.
    let joined = text.lines().map(str::trim).collect::<Vec<_>>().join("|").replace("\\\\", "\\");
    written(secret).into_iter().find(|form| joined.contains(form))
}

/// A process whose log goes to a file.
struct Logged(Child);

impl Drop for Logged {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(sandbox: &Sandbox, log: &str, arguments: &str) -> Logged {
    let format = if log.starts_with("json") { "json" } else { "text" };
    let mut command = sandbox.command(&format!("{arguments} --log-format {format}"));
    command.env("TESSERA_LOG", "trace").env("RUST_LOG", "trace").env("RUST_BACKTRACE", "1");
    let file = File::create(sandbox.path(log)).unwrap();
    Logged(command.stdout(Stdio::piped()).stderr(file).spawn().unwrap())
}

/// Standard output of a command that has to succeed; its log goes to a file.
fn succeed(sandbox: &Sandbox, log: &str, arguments: &str) -> String {
    let mut process = start(sandbox, log, arguments);
    let output = process.0.stdout.take().unwrap();
    let lines: Vec<String> = BufReader::new(output).lines().map_while(Result::ok).collect();
    assert!(process.0.wait().unwrap().success(), "tessera {arguments}");
    lines.join("\n")
}

#[test]
fn every_form_of_a_secret_is_found() {
    let secret: Vec<u8> = (0..32).map(|byte: u8| byte.wrapping_mul(73) ^ 0x5a).collect();
    for form in written(&secret) {
        let log = format!("before {} after", form.replace('|', "\n    "));
        assert!(shows(log.as_bytes(), &secret).is_some(), "{form}");
    }
    assert!(shows(format!("{secret:#?}").as_bytes(), &secret).is_some());
    assert!(shows(&[b"before ", &secret[..], b" after"].concat(), &secret).is_some());
    assert_eq!(shows(b"nothing of it", &secret), None);
}

#[test]
fn no_log_shows_a_secret() {
    let sandbox = run_logged("text");
    for log in LOGS {
        let log = read(&sandbox, &format!("text-{log}.log"));
        assert!(log.windows(5).any(|window| window == b"TRACE"), "nothing was traced");
    }
}

#[test]
fn a_log_for_machines_is_an_object_a_line_and_shows_no_secret_either() {
    let sandbox = run_logged("json");
    let mut said = Vec::new();
    for log in LOGS {
        let text = String::from_utf8(read(&sandbox, &format!("json-{log}.log"))).unwrap();
        let objects: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(objects.iter().any(|line| line["level"] == "TRACE"), "nothing was traced");
        for line in &objects {
            let texts = [&line["timestamp"], &line["target"]];
            assert!(texts.into_iter().all(Value::is_string) && line["fields"].is_object(), "{line}");
        }
        said.extend(objects);
    }
    let said = |level: &str, start: &str| {
        let message = |line: &Value| line["fields"]["message"].as_str().map(str::to_owned);
        let ours = said.iter().filter(|line| line["level"] == level).filter_map(message);
        ours.filter(|message| message.starts_with(start)).count()
    };
    // The log, a note, and how a command failed.
    assert_eq!((said("INFO", "scheduler listens"), said("INFO", "lending ")), (1, 1));
    assert_eq!(said("ERROR", "tessera: the farm refuses"), 1);
}

/// Whose logs are looked at.
const LOGS: [&str; 7] = ["scheduler", "worker", "submit", "watch", "fetch", "web", "refused"];

fn read(sandbox: &Sandbox, name: &str) -> Vec<u8> {
    std::fs::read(sandbox.path(name)).unwrap()
}

/// A whole farm's life, with logs of a format; none shows a secret.
fn run_logged(format: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let [scheduler_log, worker_log, submit_log, watch_log, fetch_log, web_log, refused_log] =
        LOGS.map(|log| format!("{format}-{log}.log"));
    let mut scheduler =
        start(&sandbox, &scheduler_log, "scheduler --data @farm --listen 127.0.0.1:0 --http 127.0.0.1:0");
    let mut lines = BufReader::new(scheduler.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut link = |role: &str| {
        let line = lines.next().unwrap();
        line.strip_prefix(role).unwrap().trim().to_owned()
    };
    let (artist, worker) = (link("artist"), link("worker"));
    std::fs::write(sandbox.path("home/config.toml"), format!("farm = \"{artist}\"\n")).unwrap();
    let join = format!("worker --join {worker} --data @worker --name w --backend cpu --threads 1");
    let lent = start(&sandbox, &worker_log, &join);
    let shot = "submit scenes/mosaic.toml --width 32 --height 16 --spp 1";
    let job = succeed(&sandbox, &submit_log, shot);
    succeed(&sandbox, &watch_log, &format!("watch {job} --wait"));
    succeed(&sandbox, &fetch_log, &format!("fetch {job} -o @fetched"));
    let page = succeed(&sandbox, &web_log, "web");
    let (site, web_token) = (Site::at(&page), page.split_once("=").unwrap().1);
    assert_eq!(site.get("/api/v1/farm").status, 200);
    // And of those who are turned away.
    let wrong = format!("jobs --to {}", worker.replace("/worker/", "/artist/"));
    drop(start(&sandbox, &refused_log, &wrong).0.wait());

    let file = |name: &str| read(&sandbox, name);
    let secrets = file("farm/secrets");
    // The seed of an ed25519 key in PKCS #8 form (RFC 8410) comes after 16 bytes.
    let seed = |name: &str| file(name)[16..48].to_vec();
    let named = [
        ("the artists' token", secrets[..16].to_vec()),
        ("the workers' token", secrets[16..32].to_vec()),
        ("the core's secret", secrets[32..].to_vec()),
        ("the farm's key", seed("farm/node.key")),
        ("the worker's key", seed("worker/node.key")),
        ("the artist's key", seed("home/node.key")),
        ("the token of a link to the page", web_token.as_bytes().to_vec()),
    ];
    for log in LOGS {
        let log = file(&format!("{format}-{log}.log"));
        for (name, secret) in &named {
            assert_eq!(shows(&log, secret), None, "{name} is in a log");
        }
    }
    drop((scheduler, lent));
    sandbox
}
