//! The page before a farm of 1,000 jobs and 10,000 workers that all go on: what stands in the document stays small, and everything
//! is found. The farm is made up here; its answers have the interface's shapes. Prints what was measured and asserts no time.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::page::Page;
use crate::sandbox::root;

const JOBS: u64 = 1_000;
const WORKERS: u64 = 10_000;
/// The pump's beat, and what it tells of at most in one: jobs and workers that go on, and as many again that changed their state.
const BEAT: Duration = Duration::from_millis(100);
const JOBS_A_BEAT: u64 = 125;
const WORKERS_A_BEAT: u64 = 54;
/// Frames of the screen over which a list is scrolled.
const FRAMES: u32 = 240;

/// A server that answers as a scheduler does whose farm is large.
struct Crowd {
    address: String,
    over: Arc<(AtomicBool, Mutex<()>, Condvar)>,
}

impl Crowd {
    fn gather() -> Crowd {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let over = Arc::new((AtomicBool::new(false), Mutex::new(()), Condvar::new()));
        let ends = over.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let ends = ends.clone();
                // A browser that goes away breaks its connections.
                std::thread::spawn(move || drop(serve(stream, &ends)));
            }
        });
        Crowd { address, over }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.over.0.store(true, Ordering::Relaxed);
        self.over.2.notify_all();
    }
}

/// Answers one request after another, until the browser closes the connection or follows the events.
fn serve(stream: TcpStream, over: &(AtomicBool, Mutex<()>, Condvar)) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut out = stream;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let target = line.split(' ').nth(1).unwrap_or("/").to_owned();
        while !line.trim_end().is_empty() {
            line.clear();
            reader.read_line(&mut line)?;
        }
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        if path == "/api/v1/events" {
            return follow(out, over);
        }
        let (status, kind, body) = answer(path, query);
        let length = body.len();
        write!(out, "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n")?;
        out.write_all(&body)?;
    }
}

fn answer(path: &str, query: &str) -> (&'static str, &'static str, Vec<u8>) {
    if let Some(path) = path.strip_prefix("/api/v1/") {
        let number = |name: &str| {
            let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
            value.and_then(|value| value.parse::<u64>().ok())
        };
        let limit = number("limit").unwrap_or(50);
        let document = match path {
            "farm" => about(),
            "jobs" => {
                let last = number("before").unwrap_or(JOBS + 1) - 1;
                let first = last.saturating_sub(limit - 1).max(1);
                let jobs: Vec<_> = (first..=last).rev().map(|number| job(number, 0)).collect();
                json!({ "jobs": jobs, "next": (first > 1).then_some(first) })
            }
            "workers" => {
                let first = number("after").unwrap_or(0) + 1;
                let last = (first + limit - 1).min(WORKERS);
                let workers: Vec<_> = (first..=last).map(|number| worker(number, 0)).collect();
                json!({ "workers": workers, "next": (last < WORKERS).then_some(last) })
            }
            _ => json!({ "entries": [], "next": null }),
        };
        return ("200 OK", "application/json", document.to_string().into_bytes());
    }
    let file = if path == "/" { "index.html" } else { path.trim_start_matches('/') };
    let kind = match file.rsplit('.').next() {
        Some("js") => "text/javascript",
        Some("css") => "text/css",
        Some("svg") => "image/svg+xml",
        _ => "text/html",
    };
    match std::fs::read(root().join("scheduler/page").join(file)) {
        Ok(bytes) => ("200 OK", kind, bytes),
        Err(_) => ("404 Not Found", kind, Vec::new()),
    }
}

/// The stream of events: a beat's worth of jobs and workers that went on, in turn.
fn follow(mut out: TcpStream, over: &(AtomicBool, Mutex<()>, Condvar)) -> std::io::Result<()> {
    write!(out, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n: open\n\n")?;
    let (ended, lock, wake) = over;
    for beat in 1u64.. {
        let held = lock.lock().unwrap();
        drop(wake.wait_timeout(held, BEAT).unwrap());
        if ended.load(Ordering::Relaxed) {
            break;
        }
        let turn = |count: u64, all: u64| (0..count).map(move |at| (beat * count + at) % all + 1);
        let jobs: Vec<_> = turn(JOBS_A_BEAT, JOBS).map(|number| job(number, beat)).collect();
        let workers: Vec<_> = turn(WORKERS_A_BEAT, WORKERS).map(|number| worker(number, beat)).collect();
        let mut batch = String::new();
        let _ = write!(batch, "event: jobs\ndata: {}\n\n", json!({ "jobs": jobs }));
        let _ = write!(batch, "event: workers\ndata: {}\n\n", json!({ "workers": workers }));
        let _ = write!(batch, "event: seen\nid: {beat}\ndata: {{}}\n\n");
        out.write_all(batch.as_bytes())?;
    }
    Ok(())
}

fn about() -> Value {
    json!({
        "version": "0.1.0", "kernel_version": 3, "uptime_ms": 60_000, "role": "wrangler", "key": null,
        "workers": { "connected": WORKERS, "busy": WORKERS, "quarantined": 0 },
        "jobs": { "queued": 0, "running": JOBS, "paused": 0, "waiting": 0, "completed": 0, "failed": 0, "cancelled": 0 },
        "rays_per_second": 12_000_000_000u64, "cursor": 0,
    })
}

/// A job of 240 frames; at each beat it has gone on a little.
fn job(number: u64, beat: u64) -> Value {
    let done = (number * 37 + beat) % 240;
    json!({
        "job": number, "name": format!("shot_{number:04}"), "owner": format!("{:064x}", number % 20),
        "state": "running", "reason": null, "priority": number % 5, "mode": "exact", "verify": "spot",
        "width_px": 1920, "height_px": 1080, "samples": 256, "tile_px": 64,
        "frames_total": 240, "frames_done": done, "tiles_total": 122_400, "tiles_done": done * 510,
        "samples_total": 240 * 530_841_600u64, "samples_done": done * 530_841_600,
        "rays": { "camera": done * 530_841_600, "bounce": done * 1_500_000_000, "shadow": done * 900_000_000 },
        "rays_checked": done * 9_000_000, "tiles_overturned": 0, "workers": 10, "elapsed_ms": beat * 100,
        "left_ms": (240 - done) * 30_000, "unserved": false, "package": format!("{number:064x}"),
    })
}

fn worker(number: u64, beat: u64) -> Value {
    json!({
        "worker": number, "name": format!("node-{number:05}"), "operator": format!("{number:064x}"),
        "state": "busy", "reason": null, "tags": ["gpu"],
        "devices": [{ "name": "Radeon RX 7900 XT", "driver": "radv", "backend": "vulkan" }],
        "tiles_accepted": number * 3 + beat, "tiles_rejected": 0, "rays_per_second": 1_000_000_000 + number,
        "connected_ms": 600_000 + beat * 100, "job": number % JOBS + 1,
        "standing": {
            "probation_left": 0, "delivered": number, "checked": number, "wrong": 0, "wrong_checks": 0,
            "late": 0, "failed": 0, "readmitted": 0, "rays_settled": 1, "rays_held": 1,
        },
    })
}

/// Scrolls a list down and up while events come; says how long frames of the screen took, and how long they kept the page busy.
fn scrolled(page: &mut Page, table: &str) -> String {
    let before_ms = page.busy_ms();
    let took = page.value(&format!(
        "new Promise((resolve) => {{
           const table = document.querySelector('{table}');
           const took = [];
           let last = performance.now();
           const step = () => {{
             const now = performance.now();
             took.push(now - last);
             last = now;
             if (took.length > {FRAMES}) {{
               took.sort((one, other) => one - other);
               resolve([0.5, 0.95].map((part) => took[Math.ceil(part * took.length) - 1].toFixed(1)).join(' and '));
               return;
             }}
             table.scrollBy(0, took.length % 80 < 40 ? 900 : -900);
             requestAnimationFrame(step);
           }};
           requestAnimationFrame(step);
         }})"
    ));
    let busy_ms = (page.busy_ms() - before_ms) / f64::from(FRAMES);
    format!("median and p95 {} ms, busy {busy_ms:.1} ms", took.as_str().unwrap())
}

/// Waits for the first row, then for all of them; prints how long both took since `began`, and how long they kept the page busy.
fn filled(page: &mut Page, rows: &str, all: &str, began: Instant, busy_before_ms: f64) {
    page.wait(&format!("seen('{rows}').length > 0"));
    let first_ms = began.elapsed().as_millis();
    page.wait(&format!("text('.found') === '{all} shown'"));
    let all_ms = began.elapsed().as_millis();
    let busy_ms = page.busy_ms() - busy_before_ms;
    println!(
        "{all}: first row after {first_ms} ms, all after {all_ms} ms; the page was busy {busy_ms:.0} ms"
    );
    let rows = page.value("document.querySelectorAll('.row').length").as_u64().unwrap();
    assert!(rows < 60, "{rows} rows stand in the document");
}

#[test]
fn a_large_farm_is_shown_in_small_pieces() {
    let farm = Crowd::gather();
    let Some(mut page) = Page::open("about:blank", "the page before a large farm") else { return };
    let (began, busy_ms) = (Instant::now(), page.busy_ms());
    page.go(&format!("http://{}/#token=any", farm.address));
    filled(&mut page, ".row.job", "1,000 jobs", began, busy_ms);
    println!("a frame of the screen while jobs are scrolled: {}", scrolled(&mut page, ".table.jobs"));

    let (began, busy_ms) = (Instant::now(), page.busy_ms());
    page.click("link('Workers')");
    filled(&mut page, ".row.worker", "10,000 workers", began, busy_ms);
    println!("a frame of the screen while workers are scrolled: {}", scrolled(&mut page, ".table.workers"));

    page.click("seen('.row.worker .link')[0]");
    page.wait("text('.detail h2').startsWith('node-')");
    page.click("button('Close')");
    page.key("End");
    page.wait("document.activeElement.textContent === 'node-10000'");
    page.click("document.querySelector('input[type=search]')");
    page.type_text("node-07777");
    page.wait(
        "text('.found') === '1 worker shown' && seen('.row.worker .link')[0].textContent === 'node-07777'",
    );
}
