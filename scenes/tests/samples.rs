//! The sample scenes that the project ships: they compile without a notice and stay small.

use std::path::Path;

use tessera_scenes::{ImportLimits, Shot, ShotKeys, compile};
use tessera_shared::package::SectionKind;

#[test]
fn the_samples_compile_and_are_small() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, instanced) in [("marbles", false), ("mosaic", false), ("pebbles", true)] {
        let shot = Shot::read(&folder.join(format!("{name}.toml")), ShotKeys::default()).unwrap();
        let compiled = compile(&shot, &ImportLimits::default()).unwrap();
        assert_eq!(compiled.notices, []);
        let scene = &compiled.package.manifest.scenes[0];
        let meshes = compiled.package.section(scene, SectionKind::Meshes).len() / 16;
        assert_eq!(meshes > 1, instanced, "{name} has {meshes} meshes");
    }
    let bytes: u64 = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap())
        .filter(|metadata| metadata.is_file())
        .map(|metadata| metadata.len())
        .sum();
    assert!(bytes < 1_000_000, "the samples have {bytes} bytes");
}
