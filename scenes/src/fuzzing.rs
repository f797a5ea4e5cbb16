//! What fuzz targets call: importers and decoders on bytes from memory, under limits so small that whatever is slow or large is
//! a finding. Only there with the feature `fuzzing`.

use std::path::Path;

use gltf::json::Root;
use serde_json::json;
use tessera_shared::package::{Package, validate};

use crate::import::fuzzing as import;
use crate::{ImportLimits, Shot, ShotKeys, compile, environment};

/// Limits under which any input takes little time and memory.
fn limits() -> ImportLimits {
    ImportLimits {
        file_bytes_max: 1 << 20,
        buffer_bytes_max: 1 << 24,
        json_bytes_max: 1 << 20,
        json_values_max: 1 << 16,
        json_objects_max: 1 << 14,
        nodes_max: 1 << 12,
        depth_max: 256,
        vertices_max: 1 << 14,
        morphed_vertices_max: 1 << 14,
        animation_numbers_max: 1 << 14,
        scenes_max: 4,
        package_bytes_max: 1 << 26,
        triangles_max: 1 << 14,
        package_triangles_max: 1 << 14,
        placements_max: 1 << 12,
        light_triangles_max: 1 << 14,
        lamps_max: 1 << 10,
        image_pixels_max: 1 << 16,
        texels_max: 1 << 18,
        environment_pixels_max: 1 << 16,
    }
}

fn flags() -> ShotKeys {
    ShotKeys { width: Some(64), height: Some(64), spp: Some(4), ..ShotKeys::default() }
}

/// Writes the bytes under this name and compiles them as a scene.
///
/// # Panics
/// Where the validator refuses what compiles, which is what a target looks for.
pub fn scene(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    if std::fs::write(&path, bytes).is_ok()
        && let Ok(shot) = Shot::read(&path, flags())
        && let Ok(compiled) = compile(&shot, &limits())
    {
        validate::validate(&compiled.package).expect("what compiles is valid");
    }
}

/// Compiles a square whose material is the first of this MTL library.
pub fn library(folder: &Path, bytes: &[u8]) {
    if std::fs::write(folder.join("a.mtl"), bytes).is_ok() {
        let square = b"mtllib a.mtl\nv 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvt 1 1\nusemtl a\nf 1/1 2/2 3/1 4/2\n";
        scene(folder, "square.obj", square);
    }
}

/// Reads an environment.
pub fn environment(folder: &Path, bytes: &[u8]) {
    let path = folder.join("sky");
    if std::fs::write(&path, bytes).is_ok()
        && let Ok(read) = environment::read(&path, 1.0, &limits())
    {
        environment::table::build(&read);
    }
}

/// Reads a job file as JSON and as TOML.
pub fn job(folder: &Path, bytes: &[u8]) {
    for name in ["job.json", "job.toml"] {
        let path = folder.join(name);
        if std::fs::write(&path, bytes).is_ok() {
            let _ = Shot::read(&path, ShotKeys::default());
        }
    }
}

/// Decodes a meshopt stream; the first four bytes choose its layout.
pub fn meshopt(bytes: &[u8]) {
    import::meshopt(bytes);
}

/// Decodes a Draco stream as a primitive with positions, normals and texture coordinates, and reads what it decoded to.
pub fn draco(bytes: &[u8]) {
    let attributes = json!({"POSITION": 0, "NORMAL": 1, "TEXCOORD_0": 2});
    let extension = json!({"KHR_draco_mesh_compression": {"bufferView": 0, "attributes": attributes}});
    let accessor = |kind: &str| json!({"componentType": 5126, "count": 3, "type": kind});
    let document = json!({
        "asset": {"version": "2.0"},
        "meshes": [{"primitives": [{"attributes": attributes, "extensions": extension}]}],
        "accessors": [accessor("VEC3"), accessor("VEC3"), accessor("VEC2")],
        "bufferViews": [{"buffer": 0, "byteLength": bytes.len()}],
        "buffers": [{"byteLength": bytes.len()}],
    });
    if let Ok(root) = serde_json::from_value::<Root>(document) {
        import::draco(root, bytes, &limits());
    }
}

/// Decodes a picture.
pub fn image(bytes: &[u8]) {
    import::image(bytes, &limits());
}

/// A small valid package of every section that a scene without an environment has.
///
/// # Panics
/// Where the folder cannot be written.
pub fn package(folder: &Path) -> Package {
    let square =
        b"mtllib a.mtl\nv 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvt 1 1\nusemtl a\nf 1/1 2/2 3/1 4/2\n";
    std::fs::write(folder.join("a.mtl"), "newmtl a\nKe 1 1 1\n").expect("the folder is writable");
    std::fs::write(folder.join("square.obj"), square).expect("the folder is writable");
    let shot = Shot::read(&folder.join("square.obj"), flags()).expect("the square is a scene");
    compile(&shot, &limits()).expect("the square compiles").package
}
