//! The scheduler's referee: the CPU backend of the machine that runs the scheduler.

use std::sync::Arc;

use tessera_scheduler::Referee;
use tessera_shared::film::BlockPixels;
use tessera_shared::lease::BlockPass;
use tessera_shared::package::Package;
use tessera_worker::{Renderer, Stage};

/// Renders on the CPU and keeps the last package prepared.
pub struct CpuReferee {
    renderer: Box<dyn Renderer>,
    stage: Option<Stage>,
}

impl CpuReferee {
    pub fn new(threads: usize) -> CpuReferee {
        CpuReferee { renderer: crate::devices::cpu(threads), stage: None }
    }
}

impl Referee for CpuReferee {
    fn render(&mut self, package: &Arc<Package>, blocks: &[BlockPass]) -> anyhow::Result<Vec<BlockPixels>> {
        let kept = self.stage.take().filter(|stage| Arc::ptr_eq(&stage.package, package));
        let stage = self.stage.insert(kept.unwrap_or_else(|| Stage::new(package.clone())));
        stage.render(self.renderer.as_mut(), blocks)
    }
}
