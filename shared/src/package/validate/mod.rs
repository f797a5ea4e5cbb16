//! What a node demands of a package before a kernel reads it: every number finite, normal and in range, every index and count
//! in bounds. What passes is safe for kernels that index without checks. Normative: a rule that moves is a new kernel version.
//! Whether blobs hash to their names is checked where they arrive.

mod instance;
mod light;
mod material;
mod scene;

use super::layout::VertexAttributes;
use super::manifest::{BOUNCES_MAX, FRAMES_MAX, Manifest, SAMPLES_MAX};
use super::{Camera, Package, SectionKind, Settings};
use crate::grid::Grid;
use scene::Scene;

/// Least magnitude of a number that is not zero: 2⁻⁶⁰.
pub const MAGNITUDE_MIN: f32 = 8.673_617_4e-19;
/// Greatest magnitude of a coordinate: 2⁴⁰.
pub const MAGNITUDE_MAX: f32 = 1_099_511_627_776.0;
/// Largest section that is bound whole: what one storage buffer holds on every device.
const WHOLE_SECTION_BYTES_MAX: u64 = (1 << 31) - 1;
/// Most vertices, and most triangles, of a scene.
pub const VERTICES_MAX: u64 = 1 << 27;
/// Most texels of a scene.
pub const TEXELS_MAX: u64 = 1 << 30;
/// Most bytes that the scenes of a package name together, shared sections counted for every scene: validating takes time in
/// proportion.
pub const SCENES_BYTES_MAX: u64 = 1 << 42;
/// Longest name of a job, in bytes.
pub const NAME_BYTES_MAX: usize = 1024;
/// Most punctual lights of a scene.
pub const PUNCTUAL_LIGHTS_MAX: usize = 1 << 20;
/// Widest lens in pixels of the plane in focus; the narrowest is its inverse.
pub const LENS_RADIUS_MAX_PX: f32 = 1_048_576.0;
/// Longest vector of a camera's film.
pub const FILM_MAX: f32 = 16_777_216.0;
/// Largest edge of the directional-albedo table.
pub const ALBEDO_EDGE_MAX: u32 = 256;

/// Largest section of a kind, bytes. What kernels read in pages may be larger than what is bound whole: a device that binds
/// 2 GiB at once holds all of it.
pub const fn section_bytes_max(kind: SectionKind) -> u64 {
    match kind {
        SectionKind::Positions | SectionKind::Triangles => VERTICES_MAX * 16,
        SectionKind::Attributes => VERTICES_MAX * size_of::<VertexAttributes>() as u64,
        SectionKind::Texels => TEXELS_MAX * 4,
        _ => WHOLE_SECTION_BYTES_MAX,
    }
}

/// The rule that a package breaks, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct InvalidPackage {
    /// Such as `scene 0, triangle 17`.
    pub place: String,
    pub problem: String,
}

fn invalid<T>(place: impl Into<String>, problem: impl Into<String>) -> Result<T, InvalidPackage> {
    Err(InvalidPackage { place: place.into(), problem: problem.into() })
}

type Checked = Result<(), InvalidPackage>;

/// Whether kernels may read the package. Takes time linear in the bytes that its scenes name, those of sections that scenes
/// share mostly once, and never panics.
pub fn validate(package: &Package) -> Checked {
    validate_manifest(&package.manifest)?;
    let mut seen = Seen::default();
    (0..package.manifest.scenes.len()).try_for_each(|index| scene(package, index, &mut seen))
}

/// Whether kernels may read one scene of the package; blobs of other scenes need not be there. The manifest has passed
/// [`validate_manifest`].
pub fn validate_scene(package: &Package, index: usize) -> Checked {
    scene(package, index, &mut Seen::default())
}

fn scene(package: &Package, index: usize, seen: &mut Seen) -> Checked {
    let Some(entry) = package.manifest.scenes.get(index) else {
        return invalid(format!("scene {index}"), "it does not exist");
    };
    for section in &entry.sections {
        match package.blobs.get(&section.blob) {
            Some(bytes) if bytes.len() as u64 == section.bytes => {}
            Some(bytes) => {
                let problem = format!("its blob has {} bytes where {} are named", bytes.len(), section.bytes);
                return invalid(format!("scene {index}, {:?}", section.kind), problem);
            }
            None => return invalid(format!("scene {index}, {:?}", section.kind), "its blob is missing"),
        }
    }
    let prefixed =
        |error: InvalidPackage| InvalidPackage { place: format!("scene {index}, {}", error.place), ..error };
    Scene::read(package, entry).and_then(|scene| scene.validate(seen)).map_err(prefixed)
}

/// Checks that passed in a scene before, by the bytes in memory that they read: scenes of an animation share most of theirs.
#[derive(Default)]
struct Seen(std::collections::BTreeSet<(&'static str, Vec<usize>)>);

impl Seen {
    /// Runs a check unless it has passed for these sections and numbers.
    fn once(
        &mut self,
        check: &'static str,
        sections: &[&[u8]],
        numbers: &[u32],
        run: impl FnOnce() -> Checked,
    ) -> Checked {
        let places = sections.iter().flat_map(|bytes| [bytes.as_ptr() as usize, bytes.len()]);
        let key = (check, places.chain(numbers.iter().map(|n| *n as usize)).collect());
        if self.0.contains(&key) {
            return Ok(());
        }
        run()?;
        self.0.insert(key);
        Ok(())
    }
}

/// The part of [`validate`] that needs no blobs.
pub fn validate_manifest(manifest: &Manifest) -> Checked {
    if manifest.name.len() > NAME_BYTES_MAX {
        return invalid("name", format!("{} bytes; at most {NAME_BYTES_MAX}", manifest.name.len()));
    }
    validate_settings(&manifest.settings)?;
    if manifest.frames.is_empty() || manifest.frames.len() > FRAMES_MAX {
        return invalid(
            "frames",
            format!("{} of them; 1 to {FRAMES_MAX} are rendered", manifest.frames.len()),
        );
    }
    if manifest.frames.windows(2).any(|pair| pair[0].number >= pair[1].number) {
        return invalid("frames", "their numbers do not ascend");
    }
    for frame in &manifest.frames {
        if frame.scene as usize >= manifest.scenes.len() {
            return invalid(format!("frame {}", frame.number.0), "its scene does not exist");
        }
        validate_camera(&frame.camera).map_err(|error| InvalidPackage {
            place: format!("frame {}, {}", frame.number.0, error.place),
            ..error
        })?;
    }
    let sections = manifest.scenes.iter().flat_map(|scene| &scene.sections);
    let bytes = sections.fold(0u64, |sum, section| sum.saturating_add(section.bytes));
    if bytes > SCENES_BYTES_MAX {
        let problem = format!("they name {bytes} bytes; at most {SCENES_BYTES_MAX}: split the job by frames");
        return invalid("scenes", problem);
    }
    for (index, scene) in manifest.scenes.iter().enumerate() {
        let mut seen = std::collections::BTreeSet::new();
        for section in &scene.sections {
            let place = || format!("scene {index}, {:?}", section.kind);
            if !seen.insert(section.kind) {
                return invalid(place(), "the section is there twice");
            }
            let bytes_max = section_bytes_max(section.kind);
            if section.bytes == 0 || section.bytes > bytes_max {
                return invalid(place(), format!("{} bytes; 1 to {bytes_max} are read", section.bytes));
            }
        }
    }
    Ok(())
}

fn validate_settings(settings: &Settings) -> Checked {
    if let Err(error) = Grid::new(settings.grid.width_px, settings.grid.height_px, settings.grid.tile_px) {
        return invalid("settings", error.to_string());
    }
    let Settings { samples, pass_samples, max_bounces, film_scale_log2, sample_clamp, .. } = *settings;
    if samples == 0 || samples > SAMPLES_MAX {
        return invalid("settings", format!("{samples} samples; 1 to {SAMPLES_MAX} are rendered"));
    }
    if pass_samples == 0 || pass_samples > samples {
        return invalid("settings", format!("a pass of {pass_samples} samples out of {samples}"));
    }
    if max_bounces > BOUNCES_MAX {
        return invalid("settings", format!("{max_bounces} bounces; at most {BOUNCES_MAX}"));
    }
    if !(is_number(sample_clamp) && sample_clamp > 0.0) {
        return invalid("settings", format!("a sample clamp of {sample_clamp}"));
    }
    let whole = f64::from(samples) * f64::from(sample_clamp) * 2f64.powi(film_scale_log2.min(100) as i32);
    if film_scale_log2 > 40 || whole >= 2f64.powi(62) {
        return invalid("settings", format!("a film scale of 2^{film_scale_log2} could overflow"));
    }
    Ok(())
}

fn validate_camera(camera: &Camera) -> Checked {
    let Camera { eye, corner, step_x, step_y, projection: _, lens_radius_px } = camera;
    numbers("camera", eye)?;
    for vector in [corner, step_x, step_y] {
        numbers("camera", vector)?;
        if vector.iter().any(|x| x.abs() > FILM_MAX) {
            return invalid("camera", "a direction is longer than 2²⁴");
        }
    }
    if lens_radius_px.to_bits() != 0 {
        within("camera", "lens radius", &[*lens_radius_px], 1.0 / LENS_RADIUS_MAX_PX, LENS_RADIUS_MAX_PX)?;
    }
    // No ray may have length zero: the eye must lie off the film's plane, and parallel rays must not run in it.
    let [corner, x, y] = [corner, step_x, step_y].map(|v| v.map(f64::from));
    let normal = cross(x, y);
    let length = dot(normal, normal).sqrt();
    if length < 1e-60 || (dot(corner, normal) / length).abs() < 1.0 / 1_048_576.0 {
        return invalid("camera", "the eye lies in the film's plane");
    }
    Ok(())
}

/// 0 (not −0), or a magnitude from 2⁻⁶⁰ to 2⁴⁰.
pub fn is_number(x: f32) -> bool {
    x.to_bits() == 0 || (MAGNITUDE_MIN..=MAGNITUDE_MAX).contains(&x.abs())
}

fn numbers(place: &str, values: &[f32]) -> Checked {
    match values.iter().find(|x| !is_number(**x)) {
        Some(x) => invalid(place, format!("{x:e} is not 0 or of a magnitude from 2^-60 to 2^40")),
        None => Ok(()),
    }
}

/// Every value is a number from `low` to `high`.
fn within(place: &str, name: &str, values: &[f32], low: f32, high: f32) -> Checked {
    match values.iter().find(|x| !(is_number(**x) && **x >= low && **x <= high)) {
        Some(x) => invalid(
            place,
            format!("its {name} is {x:e}; it must be {low} to {high}, and 0 or at least 2^-60"),
        ),
        None => Ok(()),
    }
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// Whether a triangle has no area that a kernel could use. Its normal, `(b − a) × (c − a)` in f32 arithmetic, must have a
/// component of at least 2⁻¹⁰⁰, and its area must not be below 2⁻⁴⁰ of its longest edge's square.
pub fn is_degenerate(a: [f32; 3], b: [f32; 3], c: [f32; 3]) -> bool {
    let edge = |p: [f32; 3], q: [f32; 3]| [q[0] - p[0], q[1] - p[1], q[2] - p[2]];
    let (u, v) = (edge(a, b), edge(a, c));
    let rounded =
        [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]].map(f32::abs);
    // A comparison that NaN fails, so that it counts as degenerate.
    let is_large = |x: &f32| f64::from(*x) >= 2f64.powi(-100);
    if !rounded.iter().any(is_large) {
        return true;
    }
    let [p, q, r] = [a, b, c].map(|point| point.map(f64::from));
    let edge = |p: [f64; 3], q: [f64; 3]| [q[0] - p[0], q[1] - p[1], q[2] - p[2]];
    let (u, v, w) = (edge(p, q), edge(p, r), edge(q, r));
    let normal = cross(u, v);
    let longest = dot(u, u).max(dot(v, v)).max(dot(w, w));
    dot(normal, normal).sqrt() < longest * 2f64.powi(-40)
}
