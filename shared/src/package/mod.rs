//! The package: a compiled scene as a manifest and blobs addressed by blake3. What the bytes mean is in `layout`, what a
//! node demands of them in `validate`. Knows no file format that artists use.

pub mod archive;
mod empty;
pub mod layout;
pub mod manifest;
pub mod validate;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::digest::Digest;
pub use manifest::{Camera, FrameEntry, Manifest, Projection, SceneEntry, Section, SectionKind, Settings};

/// A manifest with all of its blobs in memory.
#[derive(Clone, Debug)]
pub struct Package {
    pub manifest: Manifest,
    pub blobs: BTreeMap<Digest, Arc<[u8]>>,
}

impl Package {
    /// The package's id: the digest of its encoded manifest.
    pub fn id(&self) -> Digest {
        Digest::of(&self.manifest.encode())
    }

    /// The bytes of a scene's section; empty where the scene has none of that kind or the blob is absent.
    pub fn section(&self, scene: &SceneEntry, kind: SectionKind) -> &[u8] {
        let section = scene.sections.iter().find(|section| section.kind == kind);
        section.and_then(|section| self.blobs.get(&section.blob)).map_or(&[], |bytes| bytes)
    }
}
