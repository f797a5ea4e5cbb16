//! The validator against the compiler's own packages, and against those after a change of any word.

mod support;

use std::sync::{Arc, OnceLock};

use proptest::prelude::*;
use serde_json::json;
use support::{Folder, glb, triangle};
use tessera_scenes::{ImportLimits, Shot, ShotKeys, compile};
use tessera_shared::digest::Digest;
use tessera_shared::package::validate::validate;
use tessera_shared::package::{Manifest, Package, SectionKind};

/// A scene with every section: instances, a textured light, an environment.
fn package() -> &'static Package {
    static PACKAGE: OnceLock<Package> = OnceLock::new();
    PACKAGE.get_or_init(|| {
        let (mut document, binary) = triangle();
        let primitive = document["meshes"][0]["primitives"][0].clone();
        document["meshes"][0]["primitives"] = vec![primitive; 8].into();
        document["nodes"] = json!([{"mesh": 0}, {"mesh": 0, "scale": [1, -3, 1]}, {"mesh": 0, "rotation": [0.5, 0.5, 0.5, 0.5]}]);
        document["scenes"][0]["nodes"] = json!([0, 1, 2]);
        document["images"] = json!([{"uri": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="}]);
        document["textures"] = json!([{"source": 0}]);
        document["materials"][0]["pbrMetallicRoughness"] = json!({"baseColorTexture": {"index": 0}});
        document["extensions"] = json!({"KHR_lights_punctual": {"lights": [{"type": "spot", "spot": {}}, {"type": "directional"}]}});
        document["nodes"][0]["extensions"] = json!({"KHR_lights_punctual": {"light": 0}});
        document["nodes"][1]["extensions"] = json!({"KHR_lights_punctual": {"light": 1}});
        let folder = Folder::new();
        let scene = folder.write("scene.glb", glb(&document, &binary));
        let mut sky = Vec::new();
        let pixels: Vec<_> = (0..32).map(|i| image::Rgb([i as f32, 1.0, 2.0])).collect();
        image::codecs::hdr::HdrEncoder::new(&mut sky).encode(&pixels, 8, 4).unwrap();
        let flags = ShotKeys { environment: Some(folder.write("sky.hdr", sky)), ..ShotKeys::default() };
        compile(&Shot::read(&scene, flags).unwrap(), &ImportLimits::default()).unwrap().package
    })
}

/// The package with a section's bytes changed, its blob renamed as a careful forger would.
fn changed(kind: SectionKind, change: impl FnOnce(&mut Vec<u8>)) -> Package {
    let mut package = package().clone();
    let section = package.manifest.scenes[0].sections.iter_mut().find(|s| s.kind == kind).unwrap();
    let mut bytes = package.blobs[&section.blob].to_vec();
    change(&mut bytes);
    section.blob = Digest::of(&bytes);
    section.bytes = bytes.len() as u64;
    package.blobs.insert(section.blob, Arc::from(bytes));
    package
}

/// Sets a 32-bit word of a section.
fn word(kind: SectionKind, at: usize, value: u32) -> Result<(), String> {
    let package = changed(kind, |bytes| bytes[at * 4..at * 4 + 4].copy_from_slice(&value.to_le_bytes()));
    validate(&package).map_err(|error| error.to_string())
}

#[test]
fn the_compilers_packages_pass() {
    assert_eq!(validate(package()), Ok(()));
    let kinds = package().manifest.scenes[0].sections.len();
    assert_eq!(kinds, 15, "every section is there");
}

#[test]
fn broken_rules_are_named() {
    use SectionKind as Kind;
    let nan = f32::NAN.to_bits();
    for (kind, at, value, place) in [
        (Kind::Header, 0, 9, "environment"),
        (Kind::Header, 2, 17, "header"),
        (Kind::Header, 3, 99, "header"),
        (Kind::Header, 8, 1 << 20, "tables"),
        (Kind::Positions, 1, nan, "vertex 0"),
        (Kind::Positions, 1, 1, "vertex 0"),
        (Kind::Positions, 1, 0x8000_0000, "vertex 0"),
        (Kind::Positions, 1, 2f32.powi(41).to_bits(), "vertex 0"),
        (Kind::Positions, 3, 1f32.to_bits(), "vertex 0"),
        (Kind::Attributes, 0, 3f32.to_bits(), "vertex 0"),
        (Kind::Triangles, 0, 1 << 30, "triangle 0"),
        (Kind::Triangles, 0, 1, "triangle 0"),
        (Kind::Triangles, 3, 2, "triangle 0"),
        (Kind::Triangles, 3, 1, "triangle 0"),
        (Kind::Meshes, 0, 1, "mesh 0"),
        (Kind::Meshes, 1, 9, "mesh 0"),
        (Kind::Meshes, 1, u32::MAX, "mesh 0"),
        (Kind::Instances, 0, nan, "instance 0"),
        (Kind::Instances, 5, 4f32.to_bits(), "instance 0"),
        (Kind::Instances, 27, 1, "instance 0"),
        (Kind::Instances, 31, 2, "instance 0"),
        (Kind::Instances, 34, 1, "instance 0"),
        (Kind::Instances, 35, 1, "instance 0"),
        (Kind::Materials, 0, 1.5f32.to_bits(), "material 0"),
        (Kind::Materials, 16, 32, "material 0"),
        (Kind::Materials, 17, 1, "material 0"),
        (Kind::TextureSlots, 0, 1, "texture slot 0"),
        (Kind::TextureSlots, 1, 3, "texture slot 0"),
        (Kind::Images, 0, 1, "image 0"),
        (Kind::Images, 1, 0, "image 0"),
        (Kind::Images, 1, 40_000, "image 0"),
        (Kind::Images, 3, 2, "image 0"),
        (Kind::LightTriangles, 0, 1, "light triangle 0"),
        (Kind::LightTriangles, 1, 1, "light triangle 0"),
        (Kind::LightTriangles, 2, u32::MAX, "light triangle 0"),
        (Kind::LightTriangles, 3, 0, "light triangle 0"),
        (Kind::EnvironmentTexels, 0, (-1f32).to_bits(), "environment"),
        (Kind::EnvironmentTable, 0, u32::MAX, "environment"),
        (Kind::EnvironmentTable, 3, 5, "environment"),
        (Kind::EnvironmentTable, 37, 1f32.to_bits(), "environment"),
        (Kind::Tables, 0, 2f32.to_bits(), "tables"),
        (Kind::Tables, 256, 3f32.to_bits(), "tables"),
        (Kind::Tables, 300, nan, "tables"),
    ] {
        // A rise of a row's cumulative probability to the end is one that is not strict, so it passes.
        let harmless = kind == Kind::EnvironmentTable && value == u32::MAX;
        match word(kind, at, value) {
            Ok(()) => assert!(harmless, "{kind:?} word {at} = {value:#x} passes"),
            Err(error) => {
                assert!(error.starts_with(&format!("scene 0, {place}:")), "{kind:?} word {at}: {error}")
            }
        }
    }
}

#[test]
fn broken_rules_of_lights_are_named() {
    use SectionKind as Kind;
    let nan = f32::NAN.to_bits();
    for (kind, at, value, place) in [
        (Kind::Header, 4, 0, "header"),
        (Kind::Header, 12, 0, "header"),
        (Kind::Header, 13, 3, "header"),
        (Kind::Header, 11, 0, "header"),
        (Kind::Header, 14, 1, "header"),
        (Kind::Header, 15, 1, "header"),
        (Kind::PunctualLights, 0, nan, "punctual light 0"),
        (Kind::PunctualLights, 3, 0, "punctual light 0"),
        (Kind::PunctualLights, 3, u32::MAX, "punctual light 0"),
        (Kind::PunctualLights, 4, 1f32.to_bits(), "punctual light 0"),
        (Kind::PunctualLights, 7, 1f32.to_bits(), "punctual light 0"),
        (Kind::PunctualLights, 8, (-1f32).to_bits(), "punctual light 0"),
        (Kind::PunctualLights, 11, 2, "punctual light 0"),
        (Kind::PunctualLights, 12, 1, "punctual light 0"),
        (Kind::PunctualLights, 13, 2000f32.to_bits(), "punctual light 0"),
        (Kind::PunctualLights, 14, nan, "punctual light 0"),
        (Kind::PunctualLights, 15, (-1f32).to_bits(), "punctual light 0"),
        (Kind::PunctualLights, 16, 2f32.to_bits(), "punctual light 1"),
        (Kind::PunctualLights, 28, 2f32.to_bits(), "punctual light 1"),
    ] {
        let error = word(kind, at, value).expect_err(&format!("{kind:?} word {at} = {value:#x}"));
        assert!(error.starts_with(&format!("scene 0, {place}:")), "{kind:?} word {at}: {error}");
    }
}

#[test]
fn sections_and_manifests_must_be_whole() {
    let refused = |package: &Package| validate(package).unwrap_err().to_string();
    for section in &package().manifest.scenes[0].sections {
        let mut lacking = package().clone();
        lacking.blobs.remove(&section.blob);
        assert!(refused(&lacking).contains("its blob is missing"));
        let cut = changed(section.kind, |bytes| bytes.truncate(bytes.len() - 1));
        assert!(validate(&cut).is_err(), "{:?}", section.kind);
        let mut absent = package().clone();
        absent.manifest.scenes[0].sections.retain(|other| other.kind != section.kind);
        assert!(validate(&absent).is_err(), "{:?}", section.kind);
    }
    let with = |change: fn(&mut Manifest)| {
        let mut package = package().clone();
        change(&mut package.manifest);
        refused(&package)
    };
    assert!(with(|m| m.frames.clear()).starts_with("frames: 0 of them"));
    assert!(with(|m| m.frames.push(m.frames[0].clone())).contains("do not ascend"));
    assert!(with(|m| m.frames[0].scene = 1).contains("its scene does not exist"));
    assert!(with(|m| m.frames[0].camera.step_x = m.frames[0].camera.step_y).contains("film's plane"));
    assert!(with(|m| m.frames[0].camera.eye[0] = f32::NAN).contains("camera"));
    assert!(with(|m| m.frames[0].camera.lens_radius_px = f32::NAN).contains("lens radius"));
    assert!(with(|m| m.frames[0].camera.lens_radius_px = 1e-9).contains("lens radius"));
    assert!(with(|m| m.frames[0].camera.lens_radius_px = -0.0).contains("lens radius"));
    assert!(with(|m| m.settings.samples = 0).starts_with("settings: 0 samples"));
    assert!(with(|m| m.settings.pass_samples = 0).starts_with("settings: a pass of 0"));
    assert!(with(|m| m.settings.film_scale_log2 = 41).contains("could overflow"));
    assert!(with(|m| m.settings.sample_clamp = f32::INFINITY).contains("sample clamp"));
    assert!(with(|m| m.settings.grid.tile_px = 7).contains("a tile of 7"));
    assert!(with(|m| m.scenes[0].sections[1] = m.scenes[0].sections[0].clone()).contains("twice"));
    assert!(with(|m| m.scenes[0].sections[0].bytes = 1 << 40).contains("are read"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn no_change_panics(
        which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), value in prop_oneof![any::<u32>(), Just(0), Just(u32::MAX), 0u32..40],
        length in prop::option::weighted(0.1, any::<prop::sample::Index>()),
    ) {
        let sections = &package().manifest.scenes[0].sections;
        let kind = sections[which.index(sections.len())].kind;
        let changed = changed(kind, |bytes| {
            let at = at.index(bytes.len() / 4) * 4;
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
            if let Some(length) = length {
                bytes.truncate(length.index(bytes.len() + 1));
            }
        });
        if let Err(error) = validate(&changed) {
            prop_assert!(!error.place.is_empty() && !error.problem.is_empty());
        }
    }

    #[test]
    fn manifests_of_changed_bytes_never_panic(at in any::<prop::sample::Index>(), value in any::<u8>()) {
        let mut bytes = package().manifest.encode();
        let at = at.index(bytes.len());
        bytes[at] = value;
        if let Ok(manifest) = Manifest::decode(&bytes) {
            let _ = validate(&Package { manifest, blobs: package().blobs.clone() });
        }
    }
}
