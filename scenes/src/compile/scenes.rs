//! The scenes of a package, section by section. Bytes that were written before are neither kept nor hashed again, and scenes of
//! the same sections are one. Knows no layout.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytemuck::Pod;
use tessera_shared::KERNEL_VERSION;
use tessera_shared::digest::Digest;
use tessera_shared::package::{FrameEntry, Manifest, Package, SceneEntry, Section, SectionKind, Settings};

use super::CompileError;
use crate::limits::ImportLimits;
use crate::shot::Shot;

/// Largest radiance of one sample that the film takes.
const SAMPLE_CLAMP: f32 = 1_048_576.0;
/// Scattering events before Russian roulette may end a path.
const ROULETTE_START: u32 = 3;

/// Writes scenes one after the other.
pub struct SceneWriter {
    scenes_max: usize,
    bytes_max: u64,
    bytes: u64,
    blobs: BTreeMap<Digest, Arc<[u8]>>,
    /// The section of each kind that was written last: the next frame's is likely the same.
    last: BTreeMap<SectionKind, (Section, Arc<[u8]>)>,
    /// Of the scene being written.
    sections: Vec<Section>,
    scenes: Vec<SceneEntry>,
    known: BTreeMap<Vec<(SectionKind, Digest)>, u32>,
}

impl SceneWriter {
    pub fn new(limits: &ImportLimits) -> SceneWriter {
        SceneWriter {
            scenes_max: limits.scenes_max,
            bytes_max: limits.package_bytes_max,
            bytes: 0,
            blobs: BTreeMap::new(),
            last: BTreeMap::new(),
            sections: Vec::new(),
            scenes: Vec::new(),
            known: BTreeMap::new(),
        }
    }

    /// Keeps the records of a section that scenes may share. Packages are little-endian, as every host here is.
    pub fn section<T: Pod>(&mut self, kind: SectionKind, records: &[T]) -> Section {
        let bytes: &[u8] = bytemuck::cast_slice(records);
        if let Some((section, known)) = self.last.get(&kind)
            && **known == *bytes
        {
            return section.clone();
        }
        let section = Section { kind, blob: Digest::of(bytes), bytes: bytes.len() as u64 };
        let blob = self.blobs.entry(section.blob).or_insert_with(|| {
            self.bytes += bytes.len() as u64;
            bytes.into()
        });
        self.last.insert(kind, (section.clone(), blob.clone()));
        section
    }

    /// Adds a section to the scene; an empty one is left out.
    pub fn add<T: Pod>(&mut self, kind: SectionKind, records: &[T]) {
        if !records.is_empty() {
            let section = self.section(kind, records);
            self.sections.push(section);
        }
    }

    /// Adds sections that are kept already.
    pub fn share(&mut self, sections: &[Section]) {
        self.sections.extend_from_slice(sections);
    }

    /// Ends the scene. Returns its index, or that of an equal one.
    pub fn finish_scene(&mut self) -> Result<u32, CompileError> {
        let mut sections = std::mem::take(&mut self.sections);
        sections.sort_by_key(|section| section.kind);
        if self.bytes > self.bytes_max {
            return Err(CompileError::TooManyBytes { found: self.bytes, limit: self.bytes_max });
        }
        let key: Vec<_> = sections.iter().map(|section| (section.kind, section.blob)).collect();
        let next = self.scenes.len();
        let index = *self.known.entry(key).or_insert(next as u32);
        if index as usize == next {
            if next == self.scenes_max {
                return Err(CompileError::TooManyScenes(self.scenes_max));
            }
            self.scenes.push(SceneEntry { sections });
        }
        Ok(index)
    }

    pub fn into_package(self, shot: &Shot, frames: Vec<FrameEntry>) -> Package {
        let settings = Settings {
            grid: shot.grid,
            samples: shot.spp,
            pass_samples: shot.pass_spp,
            seed: shot.seed,
            max_bounces: shot.max_bounces,
            roulette_start: ROULETTE_START,
            film_scale_log2: Settings::film_scale_for(shot.spp, SAMPLE_CLAMP),
            sample_clamp: SAMPLE_CLAMP,
        };
        let (kernel_version, name) = (KERNEL_VERSION, shot.name.clone());
        let manifest = Manifest { kernel_version, name, settings, frames, scenes: self.scenes };
        Package { manifest, blobs: self.blobs }
    }
}
