//! Small packages that pass the validator, and renderers whose pixels are a function of their names alone.

use std::sync::{Arc, Condvar, Mutex};

use tessera_scheduler::Referee;
use tessera_shared::KERNEL_VERSION;
use tessera_shared::digest::Digest;
use tessera_shared::film::BlockPixels;
use tessera_shared::grid::{BLOCK_PX, Grid};
use tessera_shared::ids::FrameNumber;
use tessera_shared::lease::BlockPass;
use tessera_shared::messages::{Device, DeviceKind};
use tessera_shared::package::layout::{SceneHeader, tables};
use tessera_shared::package::validate::SOBOL_DIRECTIONS;
use tessera_shared::package::{
    Camera, FrameEntry, Manifest, Package, SceneEntry, Section, SectionKind, Settings,
};
use tessera_worker::{BlockItem, Renderer, Scene, Stage};

/// What a test's job looks like.
#[derive(Clone, Copy)]
pub struct Shot {
    pub edge_px: (u32, u32),
    pub tile_px: u32,
    pub samples: u32,
    pub pass_samples: u32,
    pub frames: u32,
    /// Words of ballast that travel with the package.
    pub ballast: u32,
}

impl Default for Shot {
    fn default() -> Shot {
        Shot { edge_px: (100, 75), tile_px: 32, samples: 8, pass_samples: 8, frames: 1, ballast: 1 << 10 }
    }
}

impl Shot {
    pub fn package(&self) -> Package {
        let header = SceneHeader { environment_cos: 1.0, albedo_edge: 2, ..SceneHeader::default() };
        let mut words = vec![0u32; tables::words(2)];
        words[tables::SOBOL..tables::SOBOL + 32].copy_from_slice(&SOBOL_DIRECTIONS);
        let ballast: Vec<u32> = (0..self.ballast).map(|word| word.wrapping_mul(0x9e37_79b9)).collect();
        let sections = [
            (SectionKind::Header, bytemuck::bytes_of(&header).to_vec()),
            (SectionKind::Tables, bytemuck::cast_slice(&words).to_vec()),
            (SectionKind::Texels, bytemuck::cast_slice(&ballast).to_vec()),
        ];
        let camera = Camera {
            eye: [0.0, 0.0, 4.0],
            corner: [-1.0, 1.0, -1.0],
            step_x: [0.02, 0.0, 0.0],
            step_y: [0.0, -0.02, 0.0],
            ..Camera::default()
        };
        let frame = |number| FrameEntry { number: FrameNumber(number), scene: 0, camera };
        let mut package = Package {
            manifest: Manifest {
                kernel_version: KERNEL_VERSION,
                name: "test".to_owned(),
                settings: self.settings(),
                frames: (1..=self.frames).map(frame).collect(),
                scenes: vec![SceneEntry { sections: Vec::new() }],
            },
            blobs: Default::default(),
        };
        for (kind, bytes) in sections {
            let (blob, length) = (Digest::of(&bytes), bytes.len() as u64);
            package.manifest.scenes[0].sections.push(Section { kind, blob, bytes: length });
            package.blobs.insert(blob, bytes.into());
        }
        package
    }

    fn settings(&self) -> Settings {
        Settings {
            grid: Grid::new(self.edge_px.0, self.edge_px.1, self.tile_px).unwrap(),
            samples: self.samples,
            pass_samples: self.pass_samples,
            seed: 7,
            max_bounces: 4,
            roulette_start: 3,
            film_scale_log2: 20,
            sample_clamp: 16.0,
        }
    }
}

fn mix(words: [u32; 4]) -> u32 {
    words.iter().fold(0x2545_f491u32, |hash, word| (hash ^ word).wrapping_mul(0x9e37_79b1).rotate_left(13))
}

/// The block of an honest device: every sample adds a number that its place and index decide.
fn honest_block(frame: FrameNumber, settings: &Settings, item: &BlockItem) -> BlockPixels {
    let mut block = BlockPixels::zeroed();
    for (i, record) in block.0.iter_mut().enumerate() {
        let x = u32::from(item.at.x) * BLOCK_PX + i as u32 % BLOCK_PX;
        let y = u32::from(item.at.y) * BLOCK_PX + i as u32 / BLOCK_PX;
        if x >= settings.grid.width_px || y >= settings.grid.height_px {
            continue;
        }
        let mut sums = [0u64; 3];
        for sample in item.sample_start..item.sample_end {
            let value = mix([frame.0 ^ settings.seed, x, y, sample]);
            sums[0] += u64::from(value);
            sums[1] += u64::from(value >> 7) << 20;
            sums[2] = sums[2].wrapping_sub(u64::from(value & 0xff));
            record.covered += value & 1;
            record.camera_rays += 1;
        }
        record.rgb = sums.map(|sum| [sum as u32, (sum >> 32) as u32]);
    }
    block
}

fn device() -> Device {
    Device { name: "arithmetic".to_owned(), kind: DeviceKind::Cpu, driver: "test".to_owned() }
}

/// A device that renders what it should.
pub struct Honest;

impl Renderer for Honest {
    fn device(&self) -> Device {
        device()
    }

    fn render(
        &mut self,
        scene: &Scene,
        frame: &FrameEntry,
        items: &[BlockItem],
    ) -> anyhow::Result<Vec<BlockPixels>> {
        let settings = &scene.package.manifest.settings;
        Ok(items.iter().map(|item| honest_block(frame.number, settings, item)).collect())
    }
}

/// A device that changes one word of every block.
pub struct Forger;

impl Renderer for Forger {
    fn device(&self) -> Device {
        device()
    }

    fn render(
        &mut self,
        scene: &Scene,
        frame: &FrameEntry,
        items: &[BlockItem],
    ) -> anyhow::Result<Vec<BlockPixels>> {
        let mut blocks = Honest.render(scene, frame, items)?;
        blocks.iter_mut().for_each(|block| block.0[0].rgb[1][0] ^= 1);
        Ok(blocks)
    }
}

/// A door that renderers wait at, and a bell that they ring when they do.
#[derive(Default)]
pub struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
    pub reached: tokio::sync::Notify,
}

impl Gate {
    pub fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

/// An honest device that renders only while its gate is open.
pub struct Gated(pub Arc<Gate>);

impl Renderer for Gated {
    fn device(&self) -> Device {
        device()
    }

    fn render(
        &mut self,
        scene: &Scene,
        frame: &FrameEntry,
        items: &[BlockItem],
    ) -> anyhow::Result<Vec<BlockPixels>> {
        self.0.reached.notify_one();
        let mut open = self.0.open.lock().unwrap();
        while !*open {
            open = self.0.opened.wait(open).unwrap();
        }
        drop(open);
        Honest.render(scene, frame, items)
    }
}

/// The scheduler's own honest renderer.
pub struct HonestReferee;

impl Referee for HonestReferee {
    fn render(&mut self, package: &Arc<Package>, blocks: &[BlockPass]) -> anyhow::Result<Vec<BlockPixels>> {
        Stage::new(package.clone()).render(&mut Honest, blocks)
    }
}
