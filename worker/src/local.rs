//! The embedded farm: scheduler and worker in one process, without sockets.

use std::sync::Arc;

use tessera_shared::film::Film;
use tessera_shared::messages::{FrameHead, JobStatus};
use tessera_shared::package::Package;

use crate::renderer::Renderer;

/// Options of [`render_local`].
#[derive(Clone, Debug, Default)]
pub struct LocalOptions {}

/// What the caller of [`render_local`] learns while it runs.
#[derive(Debug)]
pub enum LocalEvent {
    Progress(JobStatus),
    /// A frame is finished.
    Frame {
        head: FrameHead,
        film: Film,
    },
}

/// Renders every frame of a package on this machine's devices. `on_event` returns false to stop early.
pub fn render_local(
    package: Arc<Package>,
    renderers: Vec<Box<dyn Renderer>>,
    _options: LocalOptions,
    mut on_event: impl FnMut(LocalEvent) -> bool,
) -> anyhow::Result<()> {
    anyhow::ensure!(!renderers.is_empty(), "no device is left to render with");
    let _ = (&package, &mut on_event);
    anyhow::bail!("the farm's core is being built")
}
