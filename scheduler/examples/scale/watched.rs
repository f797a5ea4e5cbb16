//! What watching costs a busy farm: clients of the stream of events come and go while workers work, and somebody orders jobs
//! about to see how soon all of them hear of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tessera_scheduler::client::Client;
use tessera_scheduler::{Identity, JobOptions, Verify};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::{Served, load, package};

/// How a farm is watched.
pub struct Plan {
    pub workers: u32,
    pub jobs: u32,
    pub clients: u32,
    pub seconds: u64,
    pub rounds: u32,
}

impl Plan {
    pub fn of(mut words: &[&str]) -> Result<Plan> {
        let mut plan = Plan { workers: 10_000, jobs: 1000, clients: 200, seconds: 20, rounds: 2 };
        while let [name, value, rest @ ..] = words {
            match *name {
                "--workers" => plan.workers = value.parse()?,
                "--jobs" => plan.jobs = value.parse()?,
                "--clients" => plan.clients = value.parse()?,
                "--seconds" => plan.seconds = value.parse()?,
                "--rounds" => plan.rounds = value.parse()?,
                word => anyhow::bail!("`{word}` is no option; the file's first lines name them"),
            }
            words = rest;
        }
        ensure!(words.is_empty() && plan.jobs > 1, "options come in pairs, and there are two jobs or more");
        Ok(plan)
    }
}

/// Priorities that orders give, each once and one after another, so that an event that shows one tells of one order.
const PRIORITIES: std::ops::Range<i32> = -1000..-1;
/// Between two orders.
const ORDER_EVERY: Duration = Duration::from_millis(200);

/// Where the page is.
#[derive(Clone)]
struct Site {
    address: String,
    token: String,
}

impl Site {
    async fn send(&self, method: &str, path: &str, body: &str) -> Result<BufReader<TcpStream>> {
        let mut stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        let (token, length) = (&self.token, body.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: farm\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await?;
        Ok(BufReader::new(stream))
    }

    /// The whole answer's bytes, which has to be a success.
    async fn ask(&self, method: &str, path: &str, body: &str) -> Result<usize> {
        let mut answer = Vec::new();
        self.send(method, path, body).await?.read_to_end(&mut answer).await?;
        ensure!(answer.starts_with(b"HTTP/1.1 2"), "{path}: {}", String::from_utf8_lossy(&answer));
        Ok(answer.len())
    }

    /// What the page asks for before it shows the queue and the workers.
    async fn first_view(&self) -> Result<Duration> {
        let start = Instant::now();
        self.ask("GET", "/", "").await?;
        for path in ["/api/v1/farm", "/api/v1/jobs?limit=50", "/api/v1/workers?limit=100"] {
            self.ask("GET", path, "").await?;
        }
        self.events(None).await?;
        Ok(start.elapsed())
    }

    /// The stream of events, open: its first line is read.
    async fn events(&self, job: Option<u64>) -> Result<BufReader<TcpStream>> {
        let path = job.map_or("/api/v1/events".to_owned(), |job| format!("/api/v1/events?job={job}"));
        let mut stream = self.send("GET", &path, "").await?;
        let mut line = String::new();
        while !line.starts_with(": tessera") {
            line.clear();
            ensure!(stream.read_line(&mut line).await? > 0, "the stream ended before it began");
        }
        Ok(stream)
    }
}

/// When each order was sent, and how long each client took to hear of each.
struct Orders {
    start: Instant,
    /// Microseconds of the run, by the order's place in [`PRIORITIES`].
    sent_us: Vec<AtomicU64>,
    heard_us: std::sync::Mutex<Vec<u64>>,
    bytes: AtomicU64,
}

impl Orders {
    fn new() -> Orders {
        Orders {
            start: Instant::now(),
            sent_us: PRIORITIES.map(|_| AtomicU64::new(0)).collect(),
            heard_us: std::sync::Mutex::default(),
            bytes: AtomicU64::new(0),
        }
    }

    fn now_us(&self) -> u64 {
        self.start.elapsed().as_micros() as u64
    }

    /// Reads a stream until the farm ends it.
    async fn hear(&self, mut stream: BufReader<TcpStream>) -> Result<()> {
        let (mut line, mut next) = (Vec::new(), 0);
        while stream.read_until(b'\n', &mut line).await? > 0 {
            self.bytes.fetch_add(line.len() as u64, Ordering::Relaxed);
            for priority in priorities(&line) {
                let order = (priority - PRIORITIES.start) as usize;
                if PRIORITIES.contains(&priority) && order >= next {
                    next = order + 1;
                    let us = self.now_us() - self.sent_us[order].load(Ordering::Relaxed);
                    self.heard_us.lock().expect("no client panics").push(us);
                }
            }
            line.clear();
        }
        Ok(())
    }

    /// Gives the job one priority after another.
    async fn give(&self, site: &Site, job: u64, orders: std::ops::Range<usize>) -> Result<()> {
        let mut every = tokio::time::interval(ORDER_EVERY);
        for order in orders {
            every.tick().await;
            self.sent_us[order].store(self.now_us(), Ordering::Relaxed);
            let priority = PRIORITIES.start + order as i32;
            let body = format!("{{\"priority\":{priority}}}");
            site.ask("POST", &format!("/api/v1/jobs/{job}/priority"), &body).await?;
        }
        Ok(())
    }
}

/// Every priority below zero that a line of the stream tells of.
fn priorities(line: &[u8]) -> impl Iterator<Item = i32> + '_ {
    const BEFORE: &[u8] = b"\"priority\":-";
    let found = line.windows(BEFORE.len()).enumerate().filter(|(_, bytes)| *bytes == BEFORE);
    found.filter_map(|(at, _)| {
        let digits = line[at + BEFORE.len()..].iter().take_while(|byte| byte.is_ascii_digit());
        let number = digits.fold(0, |number, digit| number * 10 + i32::from(digit - b'0'));
        Some(-number)
    })
}

/// Tiles that the farm has accepted, and the scheduler's processor time.
async fn spent(served: &Served, artist: &Client) -> Result<(u64, Duration)> {
    let tiles = artist.jobs().await?.iter().map(|job| job.tiles_done).sum();
    Ok((tiles, served.cpu()?))
}

/// Prints processor time a tile without clients and with them, in turns, and how soon clients hear and see.
pub async fn run(plan: Plan) -> Result<()> {
    let data = tempfile::tempdir_in(crate::memory())?;
    let served = Served::start(8, data.path())?;
    let (address, token) = served.page.split_once("/#token=").context("the page's address")?;
    let address = address.trim_start_matches("http://").to_owned();
    let site = Site { address, token: token.to_owned() };
    let artist = Client::connect(&served.artist, &Identity::ephemeral()?).await?;
    let options = JobOptions { verify: Verify::None, ..JobOptions::default() };
    // First the workers: they take all of the processor once there is work.
    let load = load::Load::connect(&served.worker, plan.workers).await?;
    for _ in 0..plan.jobs {
        artist.submit(&package(4)?, options.clone(), |_| {}).await?;
    }
    println!("{} workers have joined, {} jobs are submitted", plan.workers, plan.jobs);
    let (orders, mut given) = (Arc::new(Orders::new()), 0);
    let window = Duration::from_secs(plan.seconds);
    println!("clients  tiles/s  µs a tile  orders heard  p50 ms  p99 ms  first view ms  MB/s to clients");
    for _ in 0..plan.rounds {
        for clients in [0, plan.clients] {
            let mut listening = JoinSet::new();
            for client in 0..clients {
                // Half of them look at the first job, which is at work for long.
                let stream = site.events((client % 2 == 0).then_some(1)).await?;
                let orders = orders.clone();
                listening.spawn(async move { orders.hear(stream).await });
            }
            orders.heard_us.lock().expect("no client panics").clear();
            orders.bytes.store(0, Ordering::Relaxed);
            let (before, start) = (spent(&served, &artist).await?, Instant::now());
            // As many orders with clients as without: they cost too.
            let count = (window.as_millis() / ORDER_EVERY.as_millis()) as usize;
            let giving = orders.give(&site, u64::from(plan.jobs), given..given + count);
            let viewing = views(&site, window);
            let (gave, views) = tokio::join!(giving, viewing);
            gave?;
            given += count;
            let (after, seconds) = (spent(&served, &artist).await?, start.elapsed().as_secs_f64());
            let tiles = (after.0 - before.0) as f64;
            let mut heard = orders.heard_us.lock().expect("no client panics").clone();
            heard.sort_unstable();
            let ms = |permille| heard.get(heard.len() * permille / 1000).map_or(0.0, |us| *us as f64 / 1e3);
            println!(
                "{clients:7}  {:7.0}  {:9.2}  {:12}  {:6.1}  {:6.1}  {:13.1}  {:15.2}",
                tiles / seconds,
                (after.1 - before.1).as_secs_f64() * 1e6 / tiles,
                heard.len(),
                ms(500),
                ms(990),
                views?.as_secs_f64() * 1e3,
                orders.bytes.load(Ordering::Relaxed) as f64 / seconds / 1e6,
            );
            listening.abort_all();
        }
    }
    load.end();
    artist.close().await;
    Ok(())
}

/// The slowest of the first views that are opened in the time, one a second, with clients and without.
async fn views(site: &Site, window: Duration) -> Result<Duration> {
    let (start, mut slowest) = (Instant::now(), Duration::ZERO);
    let mut every = tokio::time::interval(Duration::from_secs(1));
    while start.elapsed() < window {
        every.tick().await;
        slowest = slowest.max(site.first_view().await?);
    }
    Ok(slowest)
}
