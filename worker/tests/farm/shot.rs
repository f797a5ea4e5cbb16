//! Small packages that pass the validator, and renderers whose pixels are a function of their names alone.

use std::sync::{Arc, Condvar, Mutex};

use tessera_scheduler::Referee;
use tessera_shared::film::BlockPixels;
use tessera_shared::grid::{BLOCK_PX, Grid};
use tessera_shared::ids::FrameNumber;
use tessera_shared::lease::BlockPass;
use tessera_shared::messages::{Device, DeviceKind};
use tessera_shared::package::{FrameEntry, Package, SectionKind, Settings};
use tessera_worker::{BlockItem, Renderer, Scene, Stage};

/// What a test's job looks like.
#[derive(Clone, Copy)]
pub struct Shot {
    pub edge_px: (u32, u32),
    pub tile_px: u32,
    pub samples: u32,
    pub pass_samples: u32,
    pub frames: u32,
    /// Scenes that frames show in turn; they differ in their ballast.
    pub scenes: u32,
    /// Words of ballast that travel with each scene.
    pub ballast: u32,
}

impl Default for Shot {
    fn default() -> Shot {
        Shot {
            edge_px: (100, 75),
            tile_px: 32,
            samples: 8,
            pass_samples: 8,
            frames: 1,
            scenes: 1,
            ballast: 1 << 10,
        }
    }
}

impl Shot {
    pub fn package(&self) -> Package {
        let ballast = |scene: u32| -> Vec<u32> {
            (0..self.ballast).map(|word| (word ^ scene).wrapping_mul(0x9e37_79b9)).collect()
        };
        let mut package = Package::empty("test", self.settings(), self.frames);
        let plain = package.manifest.scenes[0].clone();
        package.add_section(SectionKind::Texels, bytemuck::cast_slice(&ballast(0)));
        for scene in 1..self.scenes {
            package.manifest.scenes.push(plain.clone());
            package.add_section(SectionKind::Texels, bytemuck::cast_slice(&ballast(scene)));
        }
        for (index, frame) in package.manifest.frames.iter_mut().enumerate() {
            frame.scene = index as u32 % self.scenes;
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
    /// Rung by those who have rendered behind it.
    pub passed: tokio::sync::Notify,
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
        let rendered = Honest.render(scene, frame, items);
        self.0.passed.notify_one();
        rendered
    }
}

/// The scheduler's own honest renderer.
pub struct HonestReferee;

impl Referee for HonestReferee {
    fn render(&mut self, package: &Arc<Package>, blocks: &[BlockPass]) -> anyhow::Result<Vec<BlockPixels>> {
        Stage::new(package.clone()).render(&mut Honest, blocks)
    }
}
