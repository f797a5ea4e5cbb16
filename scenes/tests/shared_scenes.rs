//! Every model and job file of `../shared`: what compiles, what fails and by what name, and what is said about it.

use std::path::{Path, PathBuf};

use expect_test::expect_file;
use tessera_scenes::shot::Name;
use tessera_scenes::{ImportLimits, Shot, ShotKeys, compile};
use tessera_shared::package::layout::{Instance, Mesh, SceneHeader};
use tessera_shared::package::{Package, SectionKind, validate};

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
fn every_reference_job_compiles() {
    let Some(shared) = shared() else { return };
    let jobs = files(&shared.join("reference"), &["json"], 0);
    assert_eq!(jobs.len(), 21);
    for job in jobs {
        let text = describe(&job, "job");
        assert!(text.contains(" light triangles\n"), "{}: {text}", job.display());
    }
}

/// Pixels of a frame whose centre a triangle covers, by projecting every triangle of every instance.
fn coverage(package: &Package) -> Vec<bool> {
    let (grid, camera) = (package.manifest.settings.grid, package.manifest.frames[0].camera);
    let (width, height) = (grid.width_px as usize, grid.height_px as usize);
    let scene = &package.manifest.scenes[0];
    fn records<T: bytemuck::Pod>(bytes: &[u8]) -> Vec<T> {
        bytemuck::pod_collect_to_vec(bytes)
    }
    let positions: Vec<[f32; 4]> = records(package.section(scene, SectionKind::Positions));
    let triangles: Vec<[u32; 4]> = records(package.section(scene, SectionKind::Triangles));
    let meshes: Vec<Mesh> = records(package.section(scene, SectionKind::Meshes));
    let instances: Vec<Instance> = records(package.section(scene, SectionKind::Instances));
    let [eye, corner, x, y] =
        [camera.eye, camera.corner, camera.step_x, camera.step_y].map(|v| v.map(f64::from));
    let cross = |a: [f64; 3], b: [f64; 3]| {
        [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    };
    let dot = |a: [f64; 3], b: [f64; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    // Cramer's rule for p − eye = t (corner + px x + py y).
    let determinant = dot(corner, cross(x, y));
    let project = |p: [f64; 3]| {
        let p = [p[0] - eye[0], p[1] - eye[1], p[2] - eye[2]];
        let t = dot(p, cross(x, y)) / determinant;
        (t > 0.0)
            .then(|| [dot(corner, cross(p, y)) / determinant / t, dot(corner, cross(x, p)) / determinant / t])
    };
    let mut covered = vec![false; width * height];
    for instance in instances {
        let mesh = meshes[instance.mesh as usize];
        let range = mesh.triangle_start as usize..(mesh.triangle_start + mesh.triangle_count) as usize;
        for [a, b, c, _] in &triangles[range] {
            let corners = [a, b, c].map(|i| {
                let p = positions[*i as usize].map(f64::from);
                project(instance.object_to_world.map(|r| {
                    let [u, v, w, d] = r.map(f64::from);
                    u * p[0] + v * p[1] + w * p[2] + d
                }))
            });
            if let [Some(a), Some(b), Some(c)] = corners {
                fill(&mut covered, width, height, a, b, c);
            }
        }
    }
    covered
}

fn fill(covered: &mut [bool], width: usize, height: usize, a: [f64; 2], b: [f64; 2], c: [f64; 2]) {
    let bounds = |k: usize, size: usize| {
        let (low, high) = (a[k].min(b[k]).min(c[k]), a[k].max(b[k]).max(c[k]));
        (low.floor().clamp(0.0, size as f64) as usize, high.ceil().clamp(0.0, size as f64) as usize)
    };
    let ((x0, x1), (y0, y1)) = (bounds(0, width), bounds(1, height));
    let side =
        |p: [f64; 2], q: [f64; 2], r: [f64; 2]| (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]);
    for y in y0..y1 {
        for x in x0..x1 {
            let p = [x as f64 + 0.5, y as f64 + 0.5];
            let sides = [side(a, b, p), side(b, c, p), side(c, a, p)];
            covered[y * width + x] |= sides.iter().all(|s| *s >= 0.0) || sides.iter().all(|s| *s <= 0.0);
        }
    }
}

/// Geometry, transforms, skins, instances and cameras against another renderer: where its camera rays meet geometry.
#[test]
fn silhouettes_agree_with_the_references() {
    let Some(shared) = shared() else { return };
    for job in files(&shared.join("reference"), &["json"], 0) {
        let name = job.file_stem().unwrap().to_string_lossy().into_owned();
        let shot = Shot::read(&job, ShotKeys::default()).unwrap();
        let Ok(compiled) = compile(&shot, &ImportLimits::default()) else { continue };
        let mask = image::open(job.with_extension("mask.png")).unwrap().into_luma8();
        let covered = coverage(&compiled.package);
        // Partly covered pixels may go either way.
        let differs = |(ours, theirs): &(&bool, &u8)| if **ours { **theirs < 20 } else { **theirs > 235 };
        let differing = covered.iter().zip(mask.as_raw()).filter(differs).count();
        eprintln!("{name}: {differing}");
        // Cut-outs are not cut here.
        let limit = if name == "GlassVaseFlowers" { 30 } else { 0 };
        assert!(differing <= limit, "{name}: {differing} pixels differ");
    }
}

/// All nine cubes of Khronos's test at 0.7 s, against appendix C of glTF 2.0 evaluated apart from this program.
#[test]
fn interpolations_of_the_sample_model() {
    let Some(shared) = shared() else { return };
    let keys =
        ShotKeys { animation: Some(Name("all".into())), frame_seconds: Some(0.7), ..ShotKeys::default() };
    let shot = Shot::read(&shared.join("scenes/InterpolationTest.glb"), keys).unwrap();
    let package = compile(&shot, &ImportLimits::default()).unwrap().package;
    let instances: Vec<Instance> =
        bytemuck::pod_collect_to_vec(package.section(&package.manifest.scenes[0], SectionKind::Instances));
    // The plane, which stands still, comes first.
    assert_eq!(instances.len(), 10);
    let close = |cube: usize, row: usize, column: usize, expected: f32| {
        let found = instances[cube + 1].object_to_world[row][column];
        assert!((found - expected).abs() < 1e-4, "cube {cube}: {found} instead of {expected}");
    };
    for (cube, scale) in [(0, 0.5), (1, 0.80909), (2, 0.83699)] {
        (0..3).for_each(|k| close(cube, k, k, scale));
    }
    // Half angles about z: sin and cos.
    for (cube, sin, cos) in [(3, -0.38268, 0.92388), (4, -0.62417, 0.78129), (5, -0.59355f32, 0.8048f32)] {
        close(cube, 0, 0, cos * cos - sin * sin);
        close(cube, 1, 0, 2.0 * sin * cos);
    }
    for (cube, x, y) in [(6, 0.0, 10.0), (7, 3.30518, 6.96666), (8, -3.29758, 7.28)] {
        close(cube, 0, 3, x);
        close(cube, 1, 3, y);
    }
}
