//! The HTTP interface of a real farm: who gets in, what it tells while a job runs, and that its pictures are those that are
//! fetched.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::farm::Farm;

/// What a server answered.
pub struct Answer {
    pub status: u16,
    pub head: String,
    body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Where the page is, and the token that its address holds.
pub struct Site {
    pub address: String,
    pub token: String,
}

impl Site {
    /// As the scheduler prints it, for the wrangler.
    pub fn of(farm: &mut Farm) -> Site {
        Site::at(&farm.scheduler.line(|line| line.strip_prefix("page ").map(str::to_owned)))
    }

    /// As a link says.
    pub fn at(link: &str) -> Site {
        let (address, token) = link.strip_prefix("http://").unwrap().split_once("/#token=").unwrap();
        Site { address: address.to_owned(), token: token.to_owned() }
    }

    /// Sends one request and returns its connection.
    fn send(&self, method: &str, path: &str, token: Option<&str>) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: farm\r\nConnection: close\r\n{token}\r\n").unwrap();
        BufReader::new(stream)
    }

    fn ask(&self, method: &str, path: &str, token: Option<&str>) -> Answer {
        answer(self.send(method, path, token))
    }

    /// Orders something; the body is JSON, or empty where the order needs none.
    pub fn post(&self, path: &str, body: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let (length, token) = (body.len(), &self.token);
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: farm\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        answer(BufReader::new(stream))
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, Some(&self.token))
    }

    /// The farm's events, from their first line on.
    pub fn stream(&self) -> BufReader<TcpStream> {
        let mut stream = self.send("GET", "/api/v1/events", Some(&self.token));
        assert!(head(&mut stream).contains("content-type: text/event-stream"));
        stream
    }

    pub fn text(&self, path: &str) -> String {
        String::from_utf8(self.get(path).body).unwrap()
    }
}

fn answer(mut stream: impl BufRead) -> Answer {
    let head = head(&mut stream);
    let mut body = Vec::new();
    stream.read_to_end(&mut body).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body }
}

fn head(stream: &mut impl BufRead) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(stream.read_line(&mut head).unwrap(), 0, "the connection ended: {head}");
    }
    head.to_ascii_lowercase()
}

/// Reads server-sent events, name and document, until one is what is waited for.
fn events_until(stream: impl BufRead, mut last: impl FnMut(&str, &Value) -> bool) {
    let mut name = String::new();
    for line in stream.lines() {
        let line = line.unwrap();
        if let Some(event) = line.strip_prefix("event: ") {
            event.clone_into(&mut name);
        } else if let Some(data) = line.strip_prefix("data: ")
            && last(&name, &serde_json::from_str(data).unwrap())
        {
            return;
        }
    }
    panic!("the stream of events ended");
}

fn pixels(png: &[u8]) -> (u32, u32, Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    bytes.truncate(info.buffer_size());
    (info.width, info.height, bytes)
}

#[test]
fn without_a_token_there_is_the_login_alone() {
    let mut farm = Farm::with("--http 127.0.0.1:0");
    let site = Site::of(&mut farm);
    let page = site.ask("GET", "/", None);
    assert_eq!(page.status, 200);
    assert!(page.head.contains("content-security-policy: default-src 'self'"), "{}", page.head);
    let text = String::from_utf8(page.body.clone()).unwrap();
    let named = ["href=\"/", "src=\"/"].map(|start| text.split(start).skip(1)).into_iter().flatten();
    let named: BTreeSet<_> = named.map(|rest| rest.split('"').next().unwrap().to_owned()).collect();
    assert!(named.contains("app.js") && named.contains("app.css"), "{named:?}");
    for file in named {
        assert_eq!(site.ask("GET", &format!("/{file}"), None).status, 200, "{file}");
    }
    let forged = format!("{}a", &site.token[..site.token.len() - 1]);
    let forged =
        if forged == site.token { format!("{}b", &site.token[..site.token.len() - 1]) } else { forged };
    for path in ["/api/v1/farm", "/api/v1/jobs", "/api/v1/events", "/openapi.json", "/metrics", "/none"] {
        for token in [None, Some(forged.as_str())] {
            let answer = site.ask("GET", path, token);
            assert_eq!(answer.status, 401, "{path}");
            assert!(answer.head.contains("content-type: application/problem+json"), "{}", answer.head);
            assert_eq!(answer.json()["status"], 401);
        }
    }
    for (path, status) in [
        ("/api/v1/farm", 200),
        ("/none", 404),
        ("/api/v1/jobs/7", 404),
        ("/api/v1/jobs/seven", 400),
        ("/api/v1/jobs?limit=0", 400),
        ("/api/v1/jobs?limit=201", 400),
        ("/api/v1/jobs?state=none", 400),
    ] {
        assert_eq!(site.get(path).status, status, "{path}");
    }
    assert_eq!(site.ask("POST", "/api/v1/farm", Some(&site.token)).status, 405);
}

#[test]
fn no_operation_of_the_document_answers_without_a_token() {
    let mut farm = Farm::with("--http 127.0.0.1:0");
    let site = Site::of(&mut farm);
    let document = site.get("/openapi.json").json();
    assert_eq!(document["security"], serde_json::json!([{ "token": [] }]));
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        // Numbers stand for what the path names.
        let path = path.split('/').map(|part| if part.starts_with('{') { "1" } else { part });
        let path = path.collect::<Vec<_>>().join("/");
        for method in item.as_object().unwrap().keys() {
            let answer = site.ask(&method.to_uppercase(), &path, None);
            assert_eq!(answer.status, 401, "{method} {path}");
            assert!(answer.head.contains("www-authenticate: bearer"), "{}", answer.head);
            asked += 1;
        }
    }
    assert!(asked >= 19, "{asked} operations");
}

#[test]
fn a_job_is_watched_to_its_end_and_its_picture_is_the_one_that_is_fetched() {
    let mut farm = Farm::with("--http 127.0.0.1:0");
    let site = Site::of(&mut farm);
    let shot = "scenes/mosaic.toml --width 80 --height 48 --spp 4 --pass-spp 2 --tile 16 --outputs exr,png";
    let job = farm.submit(shot);
    let path = format!("/api/v1/jobs/{}", &job[1..]);
    let waiting = site.get(&format!("{path}/frames/1/picture.png"));
    assert!(waiting.head.contains("tessera-finished: false"), "{}", waiting.head);
    assert_eq!(
        pixels(&waiting.body),
        (80, 48, vec![0; 80 * 48 * 4]),
        "nothing is rendered, so nothing is seen"
    );

    let why = site.get(&format!("{path}/why")).json();
    assert_eq!(why["sentences"][0].as_str().map(|text| text.contains("worker")), Some(true), "{why}");
    assert_eq!(site.get(&format!("{path}/log")).json()["failures"], serde_json::json!([]));

    let mut stream = site.send("GET", &format!("/api/v1/events?job={}", &job[1..]), Some(&site.token));
    assert!(head(&mut stream).contains("content-type: text/event-stream"));
    // The job's tiles are noted from here on.
    let mut first = String::new();
    while !first.starts_with(':') {
        first.clear();
        stream.read_line(&mut first).unwrap();
    }
    let worker = farm.worker("node", "--backend cpu --threads 1");
    let (mut accepted, mut joined) = (BTreeSet::new(), false);
    events_until(stream, |name, data| match name {
        "tiles" => {
            let tiles = data["tiles"].as_array().unwrap().iter();
            accepted.extend(tiles.filter(|tile| tile[1] == "accepted").map(|tile| tile[0].as_u64().unwrap()));
            false
        }
        "log" => {
            let lines = data["entries"].as_array().unwrap();
            joined |= lines.iter().any(|line| line["kind"] == "joined");
            false
        }
        "jobs" => data["jobs"][0]["state"] == "completed",
        _ => false,
    });
    assert!(joined, "the log did not tell of the worker");
    assert!(!accepted.is_empty(), "no tile was seen to be accepted");

    let tiles = site.get(&format!("{path}/frames/1/tiles")).json();
    assert_eq!((&tiles["columns"], &tiles["rows"], &tiles["passes"]), (&5.into(), &3.into(), &2.into()));
    let all = tiles["tiles"].as_array().unwrap();
    assert_eq!(all.len(), 15);
    assert!(all.iter().all(|tile| tile[1] == "accepted" && tile[2] == 2 && tile[3].is_u64()), "{tiles}");
    let frames = site.get(&format!("{path}/frames")).json();
    assert_eq!(
        (&frames["frames"][0]["state"], frames["frames"][0]["tiles_done"].as_u64()),
        (&"finished".into(), Some(30))
    );
    let workers = site.get("/api/v1/workers").json();
    let node = &workers["workers"][0];
    assert_eq!(node["name"], "node");
    let alone = site.get(&format!("/api/v1/workers/{}", node["worker"])).json();
    assert_eq!((&alone["standing"], &alone["devices"]), (&node["standing"], &node["devices"]));

    shows_what_is_fetched(&farm, &site, &job);
    assert!(
        site.get("/openapi.json").json()["paths"][path_of("/jobs/{job}/frames/{frame}/tiles")]["get"]
            .is_object()
    );
    let metrics = site.text("/metrics");
    assert!(metrics.contains("tessera_jobs{state=\"completed\"} 1\n"), "{metrics}");
    drop(worker);
}

/// The finished picture, whole and one tile of it, against the file that `fetch` writes.
fn shows_what_is_fetched(farm: &Farm, site: &Site, job: &str) {
    let path = format!("/api/v1/jobs/{}", &job[1..]);
    farm.sandbox.succeed(&format!("fetch {job} -o @fetched"));
    let fetched = std::fs::read(farm.sandbox.path("fetched/mosaic.png")).unwrap();
    let shown = site.get(&format!("{path}/frames/1/picture.png"));
    assert!(shown.head.contains("tessera-finished: true"), "{}", shown.head);
    assert_eq!(pixels(&shown.body), pixels(&fetched));
    let tile = site.get(&format!("{path}/frames/1/picture.png?tile=14"));
    let (width, height, bytes) = pixels(&tile.body);
    assert_eq!((width, height), (16, 16));
    let (_, _, whole) = pixels(&fetched);
    let start = (32 * 80 + 64) * 3;
    assert_eq!(bytes[..48], whole[start..start + 48]);
}

fn path_of(path: &str) -> String {
    format!("/api/v1{path}")
}
