//! The renderers of `tessera_backends` as a worker's devices.

use std::sync::Arc;

use tessera_backends::conformance::Suite;
use tessera_backends::{Backend, BuildOptions, FrameView, prepare};
use tessera_shared::admission::{DeviceReport, FAILURES_MAX};
use tessera_shared::film::BlockPixels;
use tessera_shared::messages::{Device, DeviceKind};
use tessera_shared::package::FrameEntry;

use crate::renderer::{BlockItem, Renderer, Scene};

/// A CPU or a GPU of this machine. Its scenes are prepared at their first use and shared between devices.
pub struct BackendRenderer {
    backend: Box<dyn Backend>,
    build: BuildOptions,
}

/// The backends as devices, in their order.
pub fn renderers(backends: Vec<Box<dyn Backend>>, build: BuildOptions) -> Vec<Box<dyn Renderer>> {
    let device = |backend| Box::new(BackendRenderer { backend, build }) as Box<dyn Renderer>;
    backends.into_iter().map(device).collect()
}

/// A backend as the farm names it.
pub(crate) fn described(backend: &dyn Backend) -> Device {
    let described = backend.describe();
    let kind = match described.kind {
        tessera_backends::DeviceKind::Cpu { .. } => DeviceKind::Cpu,
        tessera_backends::DeviceKind::Gpu { .. } => DeviceKind::Gpu,
    };
    Device { name: described.name, kind, driver: described.driver }
}

/// What a backend fails of the suite, as it is told.
pub(crate) fn failures(suite: &Suite, backend: &mut dyn Backend) -> Vec<String> {
    let name = described(backend).name;
    let report = suite.run(backend, &mut |check| tracing::debug!(check, device = name));
    let failures = report.failures.iter().take(FAILURES_MAX);
    failures.map(|failure| DeviceReport::told(&failure.to_string())).collect()
}

impl Renderer for BackendRenderer {
    fn examine(&mut self, suite: &Suite) -> Vec<String> {
        failures(suite, self.backend.as_mut())
    }

    fn device(&self) -> Device {
        described(self.backend.as_ref())
    }

    fn render(
        &mut self,
        scene: &Scene,
        frame: &FrameEntry,
        items: &[BlockItem],
    ) -> anyhow::Result<Vec<BlockPixels>> {
        let build = self.build;
        let prepared = scene.prepared(|package, index| Ok(prepare(package, index, build)?))?;
        let settings = scene.package.manifest.settings.clone();
        let view = FrameView { number: frame.number, camera: frame.camera, settings };
        let item = |item: &BlockItem| tessera_backends::BlockItem {
            at: item.at,
            sample_start: item.sample_start,
            sample_end: item.sample_end,
        };
        let items: Vec<_> = items.iter().map(item).collect();
        let prepared: &Arc<_> = &prepared;
        Ok(self.backend.render(prepared, &view, &items)?)
    }
}
