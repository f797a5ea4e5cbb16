//! Small glb files for tests: a document as JSON, a binary chunk, and the pieces to bend.

#![allow(dead_code)]

pub mod animated;
pub mod ring;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tessera_scenes::{Compiled, ImportLimits, Shot, ShotKeys, compile};
use tessera_shared::package::{Package, SectionKind};

/// One triangle with UVs and indices in a binary chunk of its own.
pub fn triangle() -> (Value, Vec<u8>) {
    let mut binary = Vec::new();
    for x in [0.0f32, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0] {
        binary.extend(x.to_le_bytes());
    }
    for x in [0.0f32, 1.0, 1.0, 1.0, 0.0, 0.0] {
        binary.extend(x.to_le_bytes());
    }
    for i in [0u16, 1, 2, 0] {
        binary.extend(i.to_le_bytes());
    }
    let document = json!({
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"name": "lamp", "mesh": 0}],
        "meshes": [{"name": "panel", "primitives": [{
            "attributes": {"POSITION": 0, "TEXCOORD_0": 1}, "indices": 2, "material": 0,
        }]}],
        "materials": [{"name": "glow", "emissiveFactor": [1.0, 0.5, 0.25]}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3", "min": [0, 0, 0], "max": [1, 1, 0]},
            {"bufferView": 1, "componentType": 5126, "count": 3, "type": "VEC2"},
            {"bufferView": 2, "componentType": 5123, "count": 3, "type": "SCALAR"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": 36},
            {"buffer": 0, "byteOffset": 36, "byteLength": 24},
            {"buffer": 0, "byteOffset": 60, "byteLength": 6},
        ],
        "buffers": [{"byteLength": 68}],
    });
    (document, binary)
}

/// The bytes of a `.glb`.
pub fn glb(document: &Value, binary: &[u8]) -> Vec<u8> {
    let mut text = document.to_string().into_bytes();
    text.resize(text.len().next_multiple_of(4), b' ');
    let mut binary = binary.to_vec();
    binary.resize(binary.len().next_multiple_of(4), 0);
    let mut out = b"glTF".to_vec();
    let length = 28 + text.len() + binary.len();
    for word in [2, length as u32, text.len() as u32, 0x4E4F_534A] {
        out.extend(word.to_le_bytes());
    }
    out.extend(text);
    for word in [binary.len() as u32, 0x004E_4942] {
        out.extend(word.to_le_bytes());
    }
    out.extend(binary);
    out
}

/// A folder for one test's files, removed with it.
pub struct Folder(pub tempfile::TempDir);

impl Folder {
    pub fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Compiles `scene.glb` made of these bytes; the error's text without the folder.
    pub fn compile(&self, bytes: &[u8], limits: &ImportLimits) -> Result<Compiled, String> {
        self.compile_file(&self.write("scene.glb", bytes), limits)
    }

    pub fn compile_file(&self, path: &Path, limits: &ImportLimits) -> Result<Compiled, String> {
        let flags = ShotKeys { width: Some(64), height: Some(64), spp: Some(4), ..ShotKeys::default() };
        let folder = format!("{}/", self.path().display());
        let shot = Shot::read(path, flags).map_err(|error| error.to_string().replace(&folder, ""))?;
        compile(&shot, limits).map_err(|error| error.to_string().replace(&folder, ""))
    }
}

/// Compiles a document with a binary chunk in a folder of its own.
pub fn compiled(document: &Value, binary: &[u8]) -> Result<Compiled, String> {
    Folder::new().compile(&glb(document, binary), &ImportLimits::default())
}

/// A file of `tests/fixtures`.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// The records of a section of a package's first scene.
pub fn records<T: bytemuck::Pod>(package: &Package, kind: SectionKind) -> Vec<T> {
    bytemuck::pod_collect_to_vec(package.section(&package.manifest.scenes[0], kind))
}
