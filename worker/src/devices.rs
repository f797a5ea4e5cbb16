//! A thread for every device, fed from one queue: whichever device is free takes the next lease.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Barrier, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tessera_backends::conformance::Suite;
use tessera_shared::film::BlockPixels;
use tessera_shared::lease::BlockPass;
use tessera_shared::messages::Device;

use crate::failures::OnDevice;
use crate::renderer::{Renderer, Stage};

/// What a device made of a task; `None` where the task was aborted.
pub(crate) type Outcome = Option<anyhow::Result<Vec<BlockPixels>>>;

/// Blocks to render.
pub(crate) struct Task {
    pub stage: Arc<Stage>,
    pub blocks: Vec<BlockPass>,
    /// Set where nobody wants the result any more.
    pub aborted: Arc<AtomicBool>,
    /// Called on the device's thread: it must be quick.
    pub done: Box<dyn FnOnce(Outcome, Vec<BlockPass>) + Send>,
}

/// An examination of all devices, which none of them is spared: each waits for the others before it begins.
#[derive(Clone)]
pub(crate) struct Examine {
    make: MakeSuite,
    /// Made by the first device; none where it cannot be.
    suite: Arc<OnceLock<Option<Suite>>>,
    together: Arc<Barrier>,
    failed: Arc<Mutex<Vec<Inexact>>>,
    done: Arc<dyn Fn(Vec<Inexact>) + Send + Sync>,
}

/// Makes the conformance suite.
pub type MakeSuite = Arc<dyn Fn() -> anyhow::Result<Suite> + Send + Sync>;

/// A device that is not exact any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inexact {
    pub device: Device,
    /// What it failed of the conformance suite, each with the name of its vector; at least one.
    pub failures: Vec<String>,
}

impl std::fmt::Display for Inexact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Device { name, driver, .. } = &self.device;
        write!(f, "{name} ({driver}): {}", self.failures.first().map_or("it failed", String::as_str))
    }
}

/// What a device's thread is given.
enum Order {
    Render(Task),
    Examine(Examine),
}

/// The devices' queue. Its length is bounded by the core's slots. Threads end when it is dropped.
#[derive(Debug)]
pub(crate) struct Devices {
    queue: Sender<Order>,
    threads: Vec<JoinHandle<()>>,
}

impl Devices {
    /// Starts a thread for every renderer.
    pub fn start(renderers: Vec<Box<dyn Renderer>>) -> std::io::Result<Devices> {
        let (queue, tasks) = mpsc::channel();
        let tasks = Arc::new(Mutex::new(tasks));
        let mut threads = Vec::with_capacity(renderers.len());
        for (number, renderer) in renderers.into_iter().enumerate() {
            let tasks = tasks.clone();
            let thread = std::thread::Builder::new().name(format!("device-{number}"));
            threads.push(thread.spawn(move || work(renderer, &tasks))?);
        }
        Ok(Devices { queue, threads })
    }

    /// Ends the threads and waits until their devices are closed: a process that exits while a driver closes may crash.
    pub fn finish(self) {
        drop(self.queue);
        for thread in self.threads {
            // A renderer that panicked has failed its lease already.
            let _ = thread.join();
        }
    }

    pub fn render(&self, task: Task) {
        // The threads live as long as the queue.
        let _ = self.queue.send(Order::Render(task));
    }

    /// Sends every device through the suite at once; `done` is called on a device's thread with those that failed.
    pub fn examine(&self, make: MakeSuite, done: impl Fn(Vec<Inexact>) + Send + Sync + 'static) {
        let devices = self.threads.len();
        let examine = Examine {
            make,
            suite: Arc::default(),
            together: Arc::new(Barrier::new(devices)),
            failed: Arc::default(),
            done: Arc::new(done),
        };
        for _ in 0..devices {
            let _ = self.queue.send(Order::Examine(examine.clone()));
        }
    }
}

fn work(mut renderer: Box<dyn Renderer>, orders: &Mutex<Receiver<Order>>) {
    let mut pace = Pace { blocks: FIRST_BLOCKS };
    loop {
        let next = orders.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).recv();
        let Task { stage, blocks, aborted, done } = match next {
            Ok(Order::Render(task)) => task,
            Ok(Order::Examine(examine)) => {
                examine.device(renderer.as_mut());
                continue;
            }
            Err(_) => return,
        };
        let outcome = in_parts(&blocks, &mut pace, &aborted, |part| render(renderer.as_mut(), &stage, part));
        let outcome =
            outcome.map(|done| done.map_err(|error| error.context(OnDevice(renderer.device().name))));
        done(outcome, blocks);
    }
}

impl Examine {
    /// A device's part in it.
    fn device(self, renderer: &mut dyn Renderer) {
        // Each takes one order: who waits here takes no second.
        self.together.wait();
        let examined = catch_unwind(AssertUnwindSafe(|| {
            self.suite
                .get_or_init(|| self.made())
                .as_ref()
                .map(|suite| renderer.examine(suite))
                .unwrap_or_default()
        }));
        let failures =
            examined.unwrap_or_else(|_| vec!["the suite: the device's driver panicked".to_owned()]);
        if !failures.is_empty() {
            let inexact = Inexact { device: renderer.device(), failures };
            self.failed.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(inexact);
        }
        if self.together.wait().is_leader() {
            let failed =
                std::mem::take(&mut *self.failed.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
            (self.done)(failed);
        }
    }

    fn made(&self) -> Option<Suite> {
        let made = (self.make)();
        made.inspect_err(
            |error| tracing::warn!(%error, "the conformance suite cannot be made: no device is examined"),
        )
        .ok()
    }
}

/// Blocks that a device is given before its speed is known.
const FIRST_BLOCKS: usize = 256;
/// How long a device works without asking whether anybody still wants the result. Short against a lease, long against a
/// dispatch.
const PART_AIM: Duration = Duration::from_millis(500);

/// How many blocks a device renders in [`PART_AIM`], as it last did.
struct Pace {
    blocks: usize,
}

impl Pace {
    /// The pace after so many blocks took so long: at most four times what it was, and at least a block.
    fn learn(&mut self, blocks: usize, took: Duration) {
        let fitting = blocks as f64 * PART_AIM.as_secs_f64() / took.as_secs_f64().max(1e-6);
        self.blocks = (fitting as usize).clamp(1, self.blocks.saturating_mul(4));
    }
}

/// Renders a task's blocks part by part, so that one whose lease is over frees its device.
fn in_parts(
    blocks: &[BlockPass],
    pace: &mut Pace,
    aborted: &AtomicBool,
    mut render: impl FnMut(&[BlockPass]) -> anyhow::Result<Vec<BlockPixels>>,
) -> Outcome {
    let mut pixels = Vec::with_capacity(blocks.len());
    let mut rest = blocks;
    while !aborted.load(Ordering::Relaxed) {
        if rest.is_empty() {
            return Some(Ok(pixels));
        }
        let (part, after) = rest.split_at(pace.blocks.min(rest.len()));
        let start = Instant::now();
        match render(part) {
            Ok(rendered) => pixels.extend(rendered),
            Err(error) => return Some(Err(error)),
        }
        pace.learn(part.len(), start.elapsed());
        rest = after;
    }
    None
}

/// A renderer that panics fails its lease, not its worker.
fn render(
    renderer: &mut dyn Renderer,
    stage: &Stage,
    blocks: &[BlockPass],
) -> anyhow::Result<Vec<BlockPixels>> {
    let rendered = catch_unwind(AssertUnwindSafe(|| stage.render(renderer, blocks)));
    rendered.unwrap_or_else(|panic| {
        let reason = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let reason = reason.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Err(anyhow::anyhow!("the renderer panicked: {reason}"))
    })
}

#[cfg(test)]
mod tests {
    use tessera_shared::grid::BlockAt;
    use tessera_shared::ids::FrameNumber;

    use super::*;

    fn blocks(count: u16) -> Vec<BlockPass> {
        let block = |x| BlockPass {
            frame: FrameNumber(1),
            block: BlockAt { x, y: 0 },
            sample_start: 0,
            sample_end: 1,
        };
        (0..count).map(block).collect()
    }

    #[test]
    fn parts_follow_each_other_and_leave_nothing_out() {
        let (mut pace, aborted, mut seen) = (Pace { blocks: 3 }, AtomicBool::new(false), Vec::new());
        let outcome = in_parts(&blocks(20), &mut pace, &aborted, |part| {
            seen.extend(part.iter().map(|block| block.block.x));
            Ok(part.iter().map(|_| BlockPixels::zeroed()).collect())
        });
        assert_eq!(outcome.unwrap().unwrap().len(), 20);
        assert_eq!(seen, (0..20).collect::<Vec<u16>>());
        assert!(pace.blocks > 3, "parts that take no time grow");
    }

    #[test]
    fn an_aborted_task_ends_with_its_part() {
        let (mut pace, aborted, mut parts) = (Pace { blocks: 4 }, AtomicBool::new(false), 0);
        let outcome = in_parts(&blocks(20), &mut pace, &aborted, |part| {
            parts += 1;
            aborted.store(true, Ordering::Relaxed);
            Ok(part.iter().map(|_| BlockPixels::zeroed()).collect())
        });
        assert!(outcome.is_none() && parts == 1);
    }

    #[test]
    fn a_slow_device_is_asked_block_by_block() {
        let mut pace = Pace { blocks: FIRST_BLOCKS };
        pace.learn(256, Duration::from_secs(1000));
        assert_eq!(pace.blocks, 1);
        pace.learn(1, Duration::from_millis(1));
        assert_eq!(pace.blocks, 4);
    }
}
