//! Packages of an empty scene, which is black: for tests of a farm, and for measuring what a farm itself costs. They pass the
//! validator.

use super::layout::{SceneHeader, tables};
use super::{Camera, FrameEntry, Manifest, Package, SceneEntry, Section, SectionKind, Settings};
use crate::KERNEL_VERSION;
use crate::digest::Digest;
use crate::ids::FrameNumber;

/// Edge of the albedo tables: the least there is.
const ALBEDO_EDGE: u32 = 2;

impl Package {
    /// Frames 1 to `frames` of nothing, seen from +Z.
    pub fn empty(name: &str, settings: Settings, frames: u32) -> Package {
        let [across, down] = [settings.grid.width_px, settings.grid.height_px].map(|edge| 2.0 / edge as f32);
        let camera = Camera {
            eye: [0.0, 0.0, 4.0],
            corner: [-1.0, 1.0, -1.0],
            step_x: [across, 0.0, 0.0],
            step_y: [0.0, -down, 0.0],
            ..Camera::default()
        };
        let frame = |number| FrameEntry { number: FrameNumber(number), scene: 0, camera };
        let manifest = Manifest {
            kernel_version: KERNEL_VERSION,
            name: name.to_owned(),
            settings,
            frames: (1..=frames).map(frame).collect(),
            scenes: vec![SceneEntry { sections: Vec::new() }],
        };
        let header = SceneHeader { environment_cos: 1.0, albedo_edge: ALBEDO_EDGE, ..SceneHeader::default() };
        let words = vec![0u32; tables::words(ALBEDO_EDGE)];
        let mut package = Package { manifest, blobs: Default::default() };
        package.add_section(SectionKind::Header, bytemuck::bytes_of(&header));
        package.add_section(SectionKind::Tables, bytemuck::cast_slice(&words));
        package
    }

    /// Adds a section to the last scene, which must have none of that kind.
    pub fn add_section(&mut self, kind: SectionKind, bytes: &[u8]) {
        let section = Section { kind, blob: Digest::of(bytes), bytes: bytes.len() as u64 };
        self.blobs.entry(section.blob).or_insert_with(|| bytes.into());
        if let Some(scene) = self.manifest.scenes.last_mut() {
            scene.sections.push(section);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::grid::Grid;

    /// Of a small frame whose last tiles are cut off.
    pub(crate) fn settings() -> Settings {
        Settings {
            grid: Grid::new(100, 75, 32).unwrap(),
            samples: 8,
            pass_samples: 8,
            seed: 7,
            max_bounces: 4,
            roulette_start: 3,
            film_scale_log2: 20,
            sample_clamp: 16.0,
        }
    }

    #[test]
    fn they_pass_the_validator() {
        let mut package = Package::empty("empty", settings(), 3);
        package.add_section(SectionKind::Texels, &[7; 64]);
        assert_eq!(crate::package::validate::validate(&package), Ok(()));
    }
}
