//! Every model and job file of `../shared`: what compiles, what fails and by what name, and what is said about it.

use std::path::{Path, PathBuf};

use expect_test::expect_file;
use tessera_scenes::{ImportLimits, Shot, ShotKeys, compile};
use tessera_shared::package::layout::SceneHeader;
use tessera_shared::package::{SectionKind, validate};

/// The folder of third-party scenes, where there is one.
fn shared() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    if folder.join("scenes").is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: {} is not there", folder.join("scenes").display());
    None
}

fn files(folder: &Path, extensions: &[&str], depth: usize) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let extension = entry.extension().and_then(|e| e.to_str()).unwrap_or("");
        if entry.is_dir() && depth > 0 {
            found.extend(files(&entry, extensions, depth - 1));
        } else if extensions.contains(&extension) {
            found.push(entry);
        }
    }
    found.sort();
    found
}

fn describe(path: &Path, name: &str) -> String {
    let shot = Shot::read(path, ShotKeys::default()).unwrap();
    let compiled = match compile(&shot, &ImportLimits::default()) {
        Ok(compiled) => compiled,
        Err(error) => {
            let text = error.to_string();
            return format!("{name}: {}\n", text.split_once(": ").map_or(text.as_str(), |(_, rest)| rest));
        }
    };
    let package = compiled.package;
    assert_eq!(validate::validate(&package), Ok(()), "{name}");
    let header: SceneHeader =
        bytemuck::pod_read_unaligned(package.section(&package.manifest.scenes[0], SectionKind::Header));
    let mut text = format!(
        "{name}: {} triangles, {} instances, {} light triangles\n",
        header.triangle_count, header.instance_count, header.light_triangle_count
    );
    for notice in compiled.notices {
        text.push_str(&format!("    {notice}\n"));
    }
    text
}

#[test]
fn every_model_compiles_or_fails_by_name() {
    let Some(shared) = shared() else { return };
    let text: String = files(&shared.join("scenes"), &["glb", "gltf"], 1)
        .iter()
        .map(|path| describe(path, &path.file_name().unwrap().to_string_lossy()))
        .collect();
    expect_file!["models.txt"].assert_eq(&text);
}

#[test]
fn every_reference_job_compiles_but_the_one_that_requires_clearcoat() {
    let Some(shared) = shared() else { return };
    let jobs = files(&shared.join("reference"), &["json"], 0);
    assert_eq!(jobs.len(), 21);
    for job in jobs {
        let text = describe(&job, "job");
        let fails = job.file_stem().unwrap() == "ClearCoatCarPaint";
        let expected =
            if fails { "requires the extension KHR_materials_clearcoat" } else { " light triangles\n" };
        assert!(text.contains(expected), "{}: {text}", job.display());
    }
}
