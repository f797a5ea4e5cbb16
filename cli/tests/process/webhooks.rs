//! What receivers of webhooks hear of a real farm: signed, again after they failed, and nothing that the farm must keep to itself.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::farm::Farm;
use crate::page::Site;
use crate::sandbox::Sandbox;

const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SHOT: &str = "scenes/mosaic.toml --width 32 --height 16 --spp 1";

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// Somebody who listens for events.
struct Receiver {
    listener: TcpListener,
    tls: Option<Arc<rustls::ServerConfig>>,
}

/// A POST, as it came.
struct Post {
    head: String,
    body: String,
    stream: BufReader<Box<dyn Stream>>,
}

impl Receiver {
    fn new() -> Receiver {
        Receiver { listener: TcpListener::bind("127.0.0.1:0").unwrap(), tls: None }
    }

    /// One who is called `localhost`, and the certificate that says so.
    fn encrypted() -> (Receiver, String) {
        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = rustls::pki_types::PrivatePkcs8KeyDer::from(signing_key.serialize_der());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key.into())
            .unwrap();
        (Receiver { tls: Some(Arc::new(config)), ..Receiver::new() }, cert.pem())
    }

    fn url(&self, path: &str) -> String {
        let port = self.listener.local_addr().unwrap().port();
        match self.tls {
            None => format!("http://127.0.0.1:{port}{path}"),
            Some(_) => format!("https://localhost:{port}{path}"),
        }
    }

    /// The next POST, unanswered.
    fn post(&self) -> Post {
        let (stream, _) = self.listener.accept().unwrap();
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(stream),
            Some(config) => {
                let connection = rustls::ServerConnection::new(config.clone()).unwrap();
                Box::new(rustls::StreamOwned::new(connection, stream))
            }
        };
        let mut stream = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(stream.read_line(&mut head).unwrap(), 0, "{head}");
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        stream.read_exact(&mut body).unwrap();
        Post { head, body: String::from_utf8(body).unwrap(), stream }
    }

    /// The next POST, taken.
    fn event(&self) -> Value {
        let mut post = self.post();
        post.answer("204 No Content", "");
        post.check();
        post.json()
    }
}

impl Post {
    fn answer(&mut self, status: &str, headers: &str) {
        let stream = self.stream.get_mut();
        write!(stream, "HTTP/1.1 {status}\r\n{headers}\r\n").unwrap();
        stream.flush().unwrap();
    }

    fn header(&self, name: &str) -> &str {
        let found = self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        found.unwrap_or_else(|| panic!("no {name}: {}", self.head))
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The signature is that of the specification, and of now.
    fn check(&self) {
        let (id, at_s) = (self.header("webhook-id"), self.header("webhook-timestamp"));
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &BASE64.decode(SECRET.as_bytes()).unwrap());
        let signed = format!("{id}.{at_s}.{}", self.body);
        let mac = BASE64.decode(self.header("webhook-signature").strip_prefix("v1,").unwrap().as_bytes());
        ring::hmac::verify(&key, signed.as_bytes(), &mac.unwrap()).unwrap();
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        assert!(now_s.abs_diff(at_s.parse().unwrap()) < 300, "{at_s}");
        assert_eq!((self.json()["id"].as_str(), self.header("content-type")), (Some(id), "application/json"));
    }
}

/// A scheduler that tells these receivers, and traces what it does.
fn farm(urls: &[String], options: &str) -> Farm {
    telling(Sandbox::new(), urls, options, &[])
}

fn telling(sandbox: Sandbox, urls: &[String], options: &str, variables: &[(&str, &str)]) -> Farm {
    std::fs::write(sandbox.path("secret"), format!("whsec_{SECRET}\n")).unwrap();
    let urls: String = urls.iter().map(|url| format!(" --webhook {url}")).collect();
    let options = format!("{urls} --webhook-secret-file @secret --http 127.0.0.1:0 {options}");
    let variables = [variables, &[("TESSERA_LOG", "trace")]].concat();
    let scheduler = sandbox.start_with(&format!("{}{options}", Farm::SCHEDULER), &variables);
    Farm::of(sandbox, scheduler)
}

/// Asks for the numbers of webhooks until they are these: an answer is counted a little after it was sent.
fn counts(site: &Site, expected: &[&str]) {
    let numbers = (0..300).map(|_| site.text("/metrics"));
    let wanted = |numbers: &String| {
        expected.iter().all(|number| numbers.contains(&format!("\ntessera_webhooks_{number}\n")))
    };
    let mut last = String::new();
    let found = numbers.inspect(|numbers| last.clone_from(numbers)).any(|numbers| wanted(&numbers));
    assert!(found, "{expected:?}: {last}");
}

#[test]
fn a_receiver_hears_of_a_job_from_its_beginning_to_its_end() {
    let receiver = Receiver::new();
    let mut farm = farm(&[receiver.url("/hook?token=t0psecret")], "");
    let job = farm.submit(&format!("{SHOT} --priority 3"));
    // The receiver fails at first: the same event comes again, signed anew.
    let mut failed = receiver.post();
    assert!(failed.head.starts_with("POST /hook?token=t0psecret HTTP/1.1\r\n"), "{}", failed.head);
    failed.check();
    failed.answer("500 Internal Server Error", "");
    let mut again = receiver.post();
    again.check();
    assert_eq!((again.header("webhook-id"), &again.body), (failed.header("webhook-id"), &failed.body));
    again.answer("200 OK", "");
    let accepted = again.json();
    assert_eq!((&accepted["type"], &accepted["job"]["state"]), (&json!("job.accepted"), &json!("queued")));
    assert_eq!((&accepted["job"]["job"], &accepted["job"]["priority"]), (&json!(1), &json!(3)));

    farm.sandbox.succeed(&format!("pause {job}"));
    assert_eq!(receiver.event()["type"], "job.paused");
    farm.sandbox.succeed(&format!("resume {job}"));
    assert_eq!(receiver.event()["type"], "job.resumed");
    let worker = farm.worker("one", "--backend cpu --threads 1");
    assert_eq!(receiver.event()["type"], "job.started");
    let completed = receiver.event();
    assert_eq!(
        (&completed["type"], &completed["job"]["state"]),
        (&json!("job.completed"), &json!("completed"))
    );
    farm.sandbox.succeed(&format!("requeue {job} --frames 1"));
    let requeued = receiver.event();
    assert_eq!((&requeued["type"], &requeued["frames"]), (&json!("frame.requeued"), &json!([1])));
    assert_eq!(receiver.event()["type"], "job.completed");

    let site = Site::of(&mut farm);
    assert_eq!(site.get("/api/v1/jobs/1").json()["owner"], completed["job"]["owner"]);
    counts(&site, &["delivered_total 7", "dropped_total 0", "failed_attempts_total 1", "waiting 0"]);
    drop(worker);
    farm.scheduler.interrupt();
    let (_, lines) = farm.scheduler.end();
    assert!(lines.iter().any(|line| line.contains("is tried again")), "{lines:?}");
    let secrets = ["t0psecret", SECRET, "/hook"];
    let shown = lines.iter().find(|line| secrets.iter().any(|secret| line.contains(secret)));
    assert_eq!(shown, None);
}

#[test]
fn a_receiver_that_sends_elsewhere_or_answers_without_end_holds_up_nobody() {
    let (moved, endless, whole) = (Receiver::new(), Receiver::new(), Receiver::new());
    let urls = [moved.url("/"), endless.url("/"), whole.url("/")];
    let mut farm = farm(&urls, "--webhook-events job.cancelled,frame.finished");
    let job = farm.submit(&format!("{SHOT} --frames 1-2"));
    farm.sandbox.succeed(&format!("cancel {job}"));
    let mut post = moved.post();
    post.answer("302 Found", &format!("Location: {}\r\n", whole.url("/elsewhere")));
    let mut post = endless.post();
    post.answer("200 OK", "");
    // More follows than anybody would read.
    while post.stream.get_mut().write_all(&[b' '; 1 << 16]).is_ok() {}
    assert_eq!(whole.event()["type"], "job.cancelled");

    let worker = farm.worker("one", "--backend cpu --threads 1");
    farm.submit(&format!("{SHOT} --frames 7-8"));
    let frames: BTreeSet<_> = (0..2).map(|_| whole.event()["frames"][0].as_u64()).collect();
    assert_eq!(frames, BTreeSet::from([Some(7), Some(8)]));
    counts(&Site::of(&mut farm), &["dropped_total 1"]);
    drop(worker);
}

#[test]
fn a_receivers_certificate_has_to_be_one_that_the_machine_trusts() {
    let (trusted, certificate) = Receiver::encrypted();
    let (other, _) = Receiver::encrypted();
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.path("roots.pem"), certificate).unwrap();
    let roots = sandbox.text("roots.pem");
    let urls = [trusted.url("/"), other.url("/")];
    let mut farm = telling(sandbox, &urls, "", &[("SSL_CERT_FILE", &roots)]);
    farm.submit(SHOT);
    assert_eq!(trusted.event()["type"], "job.accepted");
    // Who it is comes before what it is told.
    let (mut stream, _) = other.listener.accept().unwrap();
    let mut connection = rustls::ServerConnection::new(other.tls.clone().unwrap()).unwrap();
    assert!(connection.complete_io(&mut stream).is_err());
    counts(&Site::of(&mut farm), &["delivered_total 1", "failed_attempts_total 1", "waiting 1"]);
}

#[test]
fn what_cannot_be_a_webhook_is_refused_without_repeating_it() {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.path("secret"), "short").unwrap();
    let scheduler = Farm::SCHEDULER;
    let usage = "--webhook needs --webhook-secret-file FILE; `openssl rand -base64 32 > FILE` makes one";
    for (options, code, said) in [
        ("--webhook http://a/t0psecret", 2, usage),
        (
            "--webhook ftp://a/t0psecret --webhook-secret-file @secret",
            2,
            "--webhook, URL 1: it begins with neither http:// nor https://",
        ),
        ("--webhook http://a/t0psecret --webhook-secret-file @none", 6, "No such file or directory"),
        (
            "--webhook http://a/t0psecret --webhook-secret-file @secret",
            6,
            "it holds no base64 of 24 to 64 random bytes; `openssl rand -base64 32` makes some",
        ),
        (
            "--webhook-events job.done",
            2,
            "no event is called `job.done`; there are job.accepted, job.started,",
        ),
    ] {
        let refused = sandbox.run(&format!("{scheduler} {options}"));
        assert_eq!(refused.code, Some(code), "{options}: {}", refused.stderr);
        assert!(refused.stderr.contains(said), "{options}: {}", refused.stderr);
        assert!(!refused.stderr.contains("t0psecret"), "{}", refused.stderr);
    }
}
