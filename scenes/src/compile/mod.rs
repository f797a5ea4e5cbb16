//! From a shot to a package. Everything that is decided once for all nodes is decided here: what is flattened, how lights
//! are picked, how numbers are rounded.

mod camera;
mod geometry;
mod lights;
pub(crate) mod number;
mod punctual;
mod tables;
mod textures;

use std::path::PathBuf;
use std::sync::Arc;

use bytemuck::Pod;
use tessera_shared::KERNEL_VERSION;
use tessera_shared::digest::Digest;
use tessera_shared::package::layout::{MATERIAL_UNLIT, SceneHeader, tables::ALBEDO_EDGE};
use tessera_shared::package::{
    FrameEntry, Manifest, Package, SceneEntry, Section, SectionKind, Settings, validate,
};

use crate::environment::{self, EnvironmentError};
use crate::import::{self, ImportError, Model};
use crate::limits::ImportLimits;
use crate::notice::{Notice, Notices};
use crate::shot::{EnvironmentKeys, Shot};

/// Largest radiance of one sample that the film takes.
const SAMPLE_CLAMP: f32 = 1_048_576.0;
/// Scattering events before Russian roulette may end a path.
const ROULETTE_START: u32 = 3;

/// A package, and what its picture lacks of what the scene asks for.
#[derive(Clone, Debug)]
pub struct Compiled {
    pub package: Package,
    /// Each feature once.
    pub notices: Vec<Notice>,
}

/// Why a shot does not compile.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    #[error("{}: {source}", path.display())]
    Scene { path: PathBuf, source: ImportError },
    #[error("environment: {0}")]
    Environment(#[from] EnvironmentError),
    #[error("{0}")]
    Limit(#[from] ImportError),
    #[error("{what} is more than 2⁴⁰ m from the origin; scale the scene down")]
    TooFar { what: String },
    #[error("the scene has no camera {name}; it has {known}")]
    NoCamera { name: String, known: String },
    #[error("the camera: {0}")]
    Camera(String),
    #[error(
        "the compiled scene breaks a rule of packages, which is a fault of this program: {0}; please report it"
    )]
    Invalid(#[from] validate::InvalidPackage),
}

/// Reads everything that the shot names and compiles it. Equal input gives equal bytes on one machine.
pub fn compile(shot: &Shot, limits: &ImportLimits) -> Result<Compiled, CompileError> {
    let mut notices = Notices::default();
    let model = import::import(&shot.scene, limits, &mut notices)
        .map_err(|source| CompileError::Scene { path: shot.scene.clone(), source })?;
    let surfaces = textures::surfaces(&model, &vertex_alpha(&model));
    let mut geometry = geometry::geometry(&model, &surfaces.materials, limits)?;
    let lights = lights::lights(&mut geometry, &surfaces.mean_emission, limits)?;
    let choice = camera::CameraChoice { keys: &shot.camera, lens: shot.lens.as_ref() };
    let camera = camera::camera(choice, &model.cameras, geometry.bounds, &shot.grid)?;
    let radius = radius(geometry.bounds);
    let punctual = punctual::punctual(&model.lamps, &shot.lamps, radius)?;
    drop(model);

    let mut header = SceneHeader {
        environment_cos: 1.0,
        albedo_edge: ALBEDO_EDGE,
        instance_count: geometry.instances.len() as u32,
        triangle_count: geometry.triangles.len() as u32,
        light_triangle_count: lights.triangles.len() as u32,
        punctual_count: punctual.lights.len() as u32,
        ..SceneHeader::default()
    };
    let mut blobs = Blobs::default();
    let environment = match &shot.environment {
        Some(keys) => environment_sections(keys, limits, &mut header, &mut blobs)?,
        None => None,
    };
    let powers = lights::Powers {
        environment: environment.map(|integral| integral * std::f64::consts::PI * radius * radius),
        punctual: (!punctual.lights.is_empty()).then_some(punctual.power),
        triangles: (!lights.triangles.is_empty()).then_some(lights.power),
    };
    lights::pick(&mut header, powers);
    let unlit = surfaces.materials.iter().any(|material| material.flags & MATERIAL_UNLIT != 0);
    let lamps = lights.triangles.len() + punctual.lights.len();
    if environment.is_none() && lamps == 0 && !unlit {
        notices.add("light", "the scene has no environment and no lights, so the picture is black; name an HDR or EXR file with `environment`");
    }
    if geometry.triangles.is_empty() {
        notices.add("geometry", "the scene has no triangle to show; only the environment is seen");
    }
    blobs.add(SectionKind::Header, std::slice::from_ref(&header));
    blobs.add(SectionKind::Positions, &geometry.positions);
    blobs.add(SectionKind::Attributes, &geometry.attributes);
    blobs.add(SectionKind::Triangles, &geometry.triangles);
    blobs.add(SectionKind::Meshes, &geometry.meshes);
    blobs.add(SectionKind::Instances, &geometry.instances);
    blobs.add(SectionKind::Materials, &surfaces.materials);
    blobs.add(SectionKind::TextureSlots, &surfaces.slots);
    blobs.add(SectionKind::Images, &surfaces.images);
    blobs.add(SectionKind::Texels, &surfaces.texels);
    blobs.add(SectionKind::LightTriangles, &lights.triangles);
    blobs.add(SectionKind::Tables, tables::tables());
    blobs.add(SectionKind::PunctualLights, &punctual.lights);
    let package = blobs.into_package(shot, camera);
    validate::validate(&package)?;
    Ok(Compiled { package, notices: notices.into_vec() })
}

/// Adds the environment's sections. Returns the integral of its luminance; a black one is left out.
fn environment_sections(
    keys: &EnvironmentKeys,
    limits: &ImportLimits,
    header: &mut SceneHeader,
    blobs: &mut Blobs,
) -> Result<Option<f64>, CompileError> {
    let environment = environment::read(&keys.path, keys.strength, limits)?;
    let (table, integral) = environment::table::build(&environment);
    if integral <= 0.0 {
        return Ok(None);
    }
    let turn = keys.rotation_degrees.rem_euclid(360.0).to_radians();
    header.environment_width = environment.width;
    header.environment_height = environment.height;
    header.environment_cos = number::settled(turn.cos());
    header.environment_sin = number::settled(turn.sin());
    blobs.add(SectionKind::EnvironmentTexels, &environment.texels);
    blobs.add(SectionKind::EnvironmentTable, &table);
    Ok(Some(integral))
}

/// For each material, whether it covers a vertex whose colour has alpha below 1.
fn vertex_alpha(model: &Model) -> Vec<bool> {
    let mut found = vec![false; model.materials.len()];
    for mesh in &model.meshes {
        for (corners, material) in mesh.triangles.iter().zip(&mesh.materials) {
            found[*material as usize] |= corners.iter().any(|i| mesh.vertices[*i as usize].color[3] < 1.0);
        }
    }
    found
}

/// Of the sphere around the bounds.
fn radius(bounds: Option<([f64; 3], [f64; 3])>) -> f64 {
    bounds.map_or(1.0, |(low, high)| crate::affine::length(crate::affine::sub(high, low)) / 2.0)
}

/// Sections and their blobs.
#[derive(Default)]
struct Blobs {
    sections: Vec<Section>,
    blobs: std::collections::BTreeMap<Digest, Arc<[u8]>>,
}

impl Blobs {
    /// Adds a section; an empty one is left out. Packages are little-endian, as every host here is.
    fn add<T: Pod>(&mut self, kind: SectionKind, records: &[T]) {
        let bytes: &[u8] = bytemuck::cast_slice(records);
        if bytes.is_empty() {
            return;
        }
        let blob = Digest::of(bytes);
        self.sections.push(Section { kind, blob, bytes: bytes.len() as u64 });
        self.blobs.entry(blob).or_insert_with(|| bytes.into());
    }

    fn into_package(mut self, shot: &Shot, camera: tessera_shared::package::Camera) -> Package {
        self.sections.sort_by_key(|section| section.kind);
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
        let frames =
            shot.frames.iter().map(|number| FrameEntry { number: *number, scene: 0, camera }).collect();
        let manifest = Manifest {
            kernel_version: KERNEL_VERSION,
            name: shot.name.clone(),
            settings,
            frames,
            scenes: vec![SceneEntry { sections: self.sections }],
        };
        Package { manifest, blobs: self.blobs }
    }
}
