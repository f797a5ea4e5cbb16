//! Workers of the test's own process that forge: the scheduler and everybody else are processes, and cannot tell.

use std::path::PathBuf;
use std::thread::JoinHandle;

use tessera_backends::{BuildOptions, cpu_backend};
use tessera_shared::film::BlockPixels;
use tessera_shared::ids::FrameNumber;
use tessera_shared::messages::Device;
use tessera_shared::package::FrameEntry;
use tessera_worker::{BlockItem, Renderer, Scene, WorkerError, WorkerOptions, renderers, run};
use tokio::sync::watch;

use crate::farm::Farm;

/// What a forger makes of a lease.
#[derive(Clone, Copy)]
pub enum Forgery {
    /// The right pixels, but one word of every block of this frame.
    OneFrame(u32),
    /// Grey, without any work, so much faster than who renders.
    Everything,
}

struct Forger {
    honest: Box<dyn Renderer>,
    forgery: Forgery,
}

impl Renderer for Forger {
    fn device(&self) -> Device {
        self.honest.device()
    }

    fn render(
        &mut self,
        scene: &Scene,
        frame: &FrameEntry,
        items: &[BlockItem],
    ) -> anyhow::Result<Vec<BlockPixels>> {
        match self.forgery {
            Forgery::OneFrame(number) => {
                let mut blocks = self.honest.render(scene, frame, items)?;
                if frame.number == FrameNumber(number) {
                    blocks.iter_mut().for_each(|block| block.0[0].rgb[1][0] ^= 1 << 24);
                }
                Ok(blocks)
            }
            Forgery::Everything => {
                let mut grey = BlockPixels::zeroed();
                grey.0.iter_mut().for_each(|pixel| pixel.camera_rays = 1);
                Ok(items.iter().map(|_| grey.clone()).collect())
            }
        }
    }
}

/// Lends a forger to the farm until it is found out or asked to leave; its key is in the folder.
fn lend(
    link: &str,
    data: PathBuf,
    name: &str,
    forgery: Forgery,
    mut leave: watch::Receiver<bool>,
) -> Result<(), WorkerError> {
    let options = WorkerOptions::new(link.parse().unwrap(), data, name.to_owned());
    let honest = renderers(vec![cpu_backend(1)], BuildOptions::default()).remove(0);
    let forger = Forger { honest, forgery };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(run(options, vec![Box::new(forger)], async move {
        // An error is a test that has ended without asking.
        let _ = leave.wait_for(|leave| *leave).await;
    }))
}

/// One forger, until it is found out.
pub fn forges(farm: &Farm, forgery: Forgery) -> JoinHandle<Result<(), WorkerError>> {
    let (link, data) = (farm.worker_link.clone(), farm.sandbox.path("forger"));
    std::thread::spawn(move || {
        let (_stay, leave) = watch::channel(false);
        lend(&link, data, "forger", forgery, leave)
    })
}

/// Forgers that come back under new keys.
pub struct Swarm {
    leave: watch::Sender<bool>,
    /// Each returns how often it was turned out.
    members: Vec<JoinHandle<u32>>,
}

impl Swarm {
    pub fn new(farm: &Farm, members: u32) -> Swarm {
        let (leave, asked) = watch::channel(false);
        let member = |number| {
            let (link, folder, asked) = (farm.worker_link.clone(), farm.sandbox.path("swarm"), asked.clone());
            std::thread::spawn(move || {
                let mut turned_out = 0;
                while !*asked.borrow() {
                    let data = folder.join(format!("{number}-{turned_out}"));
                    match lend(&link, data, "swarm", Forgery::Everything, asked.clone()) {
                        Ok(()) => break,
                        Err(WorkerError::Quarantined(_)) => turned_out += 1,
                        Err(error) => panic!("a forger ended by itself: {error}"),
                    }
                }
                turned_out
            })
        };
        let members = (0..members).map(member).collect();
        Swarm { leave, members }
    }

    /// Ends it; how many keys were turned out.
    pub fn ends(self) -> u32 {
        self.leave.send_replace(true);
        self.members.into_iter().map(|member| member.join().unwrap()).sum()
    }
}
