//! A thread for every device, fed from one queue: whichever device is free takes the next lease.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tessera_shared::film::BlockPixels;
use tessera_shared::lease::BlockPass;

use crate::renderer::{Renderer, Stage};

/// What a device made of a task; `None` where the task had been aborted before it began.
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

/// The devices' queue. Its length is bounded by the core's slots. Threads end when it is dropped.
#[derive(Debug)]
pub(crate) struct Devices {
    queue: Sender<Task>,
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
        let _ = self.queue.send(task);
    }
}

fn work(mut renderer: Box<dyn Renderer>, tasks: &Mutex<Receiver<Task>>) {
    loop {
        let next = tasks.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).recv();
        let Ok(Task { stage, blocks, aborted, done }) = next else { return };
        let outcome = match aborted.load(Ordering::Relaxed) {
            true => None,
            false => Some(render(renderer.as_mut(), &stage, &blocks)),
        };
        done(outcome, blocks);
    }
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
