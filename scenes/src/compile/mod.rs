//! From a shot to a package. Everything that is decided once for all nodes is decided here: what is flattened, how lights
//! are picked, how numbers are rounded.

mod camera;
mod emission;
mod film;
mod geometry;
mod glass;
mod lights;
mod materials;
pub(crate) mod number;
mod punctual;
mod scenes;
mod tables;
mod texels;
mod textures;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use tessera_shared::digest::Digest;
use tessera_shared::package::layout::{MATERIAL_UNLIT, SceneHeader, tables::ALBEDO_EDGE};
use tessera_shared::package::{Camera, FrameEntry, Package, Section, SectionKind, validate};

use crate::environment::{self, EnvironmentError};
use crate::import::{ImportError, Model, Pose, Source, SurfaceMaterial};
use crate::limits::ImportLimits;
use crate::notice::{Notice, Notices};
use crate::shot::{CameraKeys, EnvironmentKeys, Shot};
use materials::Surfaces;
use scenes::SceneWriter;
use texels::ImageFacts;

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
    #[error(
        "the frames' scenes have {found} bytes together; at most {limit} are compiled at once: render fewer frames at a time"
    )]
    TooManyBytes { found: u64, limit: u64 },
    #[error("more than {0} frames differ from each other; render fewer frames at a time")]
    TooManyScenes(usize),
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

/// Reads everything that the shot names and compiles every frame's scene. Equal input gives equal bytes on one machine, and a
/// frame's scene does not depend on which other frames are compiled with it. Takes time linear in the number of frames that
/// differ.
pub fn compile(shot: &Shot, limits: &ImportLimits) -> Result<Compiled, CompileError> {
    let mut notices = Notices::default();
    let fail = |source| CompileError::Scene { path: shot.scene.clone(), source };
    let source = Source::open(&shot.scene, &shot.selection, limits, &mut notices).map_err(fail)?;
    let mut writer = SceneWriter::new(limits);
    let environment = match &shot.environment {
        Some(keys) => environment(keys, limits, &mut writer)?,
        None => None,
    };
    let mut frames = Frames {
        shot,
        limits,
        source,
        environment,
        notices,
        images: ImageFacts::default(),
        surfaces: None,
        stage: None,
    };
    let mut known: BTreeMap<Digest, (u32, Camera)> = BTreeMap::new();
    let mut entries = Vec::with_capacity(shot.frames.len());
    for &number in &shot.frames {
        let pose = frames.source.pose(shot.seconds(number)).map_err(fail)?;
        let key = Digest::of(pose.bytes());
        let (scene, camera) = match known.get(&key) {
            Some(known) => *known,
            None => *known.entry(key).or_insert(frames.compile(&pose, &mut writer)?),
        };
        entries.push(FrameEntry { number, scene, camera });
    }
    let notices = frames.notices.into_vec();
    let package = writer.into_package(shot, entries);
    validate::validate(&package)?;
    Ok(Compiled { package, notices })
}

/// What frames have in common while they are compiled one after the other.
struct Frames<'a> {
    shot: &'a Shot,
    limits: &'a ImportLimits,
    source: Source,
    environment: Option<Environment>,
    notices: Notices,
    images: ImageFacts,
    /// Of the frame before, with what they were made of.
    surfaces: Option<(Arc<Vec<SurfaceMaterial>>, Vec<bool>, Surfaces)>,
    /// The scene's bounds at second 0, once they were asked for.
    stage: Option<Option<Bounds>>,
}

/// Least and greatest corner.
type Bounds = ([f64; 3], [f64; 3]);

/// An environment's part of a scene.
struct Environment {
    header: SceneHeader,
    sections: [Section; 2],
    /// The integral of its luminance.
    integral: f64,
}

impl Frames<'_> {
    fn model(&mut self, pose: &Pose) -> Result<Model, CompileError> {
        let model = self.source.model(pose, &mut self.notices);
        model.map_err(|source| CompileError::Scene { path: self.shot.scene.clone(), source })
    }

    /// Writes the scene of one pose. Returns its index and the camera that looks at it.
    fn compile(&mut self, pose: &Pose, writer: &mut SceneWriter) -> Result<(u32, Camera), CompileError> {
        let model = self.model(pose)?;
        let stage = self.stage(pose, &model)?;
        let limits = self.limits;
        let surfaces = self.surfaces(&model);
        let mut geometry = geometry::geometry(&model, &surfaces.materials, limits)?;
        let emission = emission::Emission::new(&model.materials, &model.images, &surfaces.mean_emission);
        let lights = lights::lights(&mut geometry, emission, limits)?;
        let stage = stage.or(geometry.bounds);
        let choice = camera::CameraChoice { keys: &self.shot.camera, lens: self.shot.lens.as_ref() };
        let camera = camera::camera(choice, &model.cameras, stage, &self.shot.grid)?;
        let radius = radius(geometry.bounds);
        let punctual = punctual::punctual(&model.lamps, &self.shot.lamps, radius)?;
        drop(model);

        let surfaces = &self.surfaces.as_ref().expect("made above").2;
        let mut header = SceneHeader {
            albedo_edge: ALBEDO_EDGE,
            instance_count: geometry.instances.len() as u32,
            triangle_count: geometry.triangles.len() as u32,
            light_triangle_count: lights.triangles.len() as u32,
            punctual_count: punctual.lights.len() as u32,
            ..self.environment.as_ref().map_or_else(dark, |environment| environment.header)
        };
        let integral = self.environment.as_ref().map(|environment| environment.integral);
        let powers = lights::Powers {
            environment: integral.map(|integral| integral * std::f64::consts::PI * radius * radius),
            punctual: (!punctual.lights.is_empty()).then_some(punctual.power),
            triangles: (!lights.triangles.is_empty()).then_some(lights.power),
        };
        lights::pick(&mut header, powers);
        let unlit = surfaces.materials.iter().any(|material| material.flags & MATERIAL_UNLIT != 0);
        let lamps = lights.triangles.len() + punctual.lights.len();
        if integral.is_none() && lamps == 0 && !unlit {
            self.notices.add("light", "the scene has no environment and no lights, so the picture is black; name an HDR or EXR file with `environment`");
        }
        if geometry.triangles.is_empty() {
            self.notices.add("geometry", "the scene has no triangle to show; only the environment is seen");
        }
        writer.add(SectionKind::Header, std::slice::from_ref(&header));
        writer.add(SectionKind::Positions, &geometry.positions);
        writer.add(SectionKind::Attributes, &geometry.attributes);
        writer.add(SectionKind::Triangles, &geometry.triangles);
        writer.add(SectionKind::Meshes, &geometry.meshes);
        writer.add(SectionKind::Instances, &geometry.instances);
        writer.add(SectionKind::Materials, &surfaces.materials);
        writer.add(SectionKind::TextureSlots, &surfaces.textures.slots);
        writer.add(SectionKind::Images, &surfaces.textures.images);
        writer.add(SectionKind::Texels, &surfaces.textures.texels);
        writer.add(SectionKind::LightTriangles, &lights.triangles);
        writer.add(SectionKind::PunctualLights, &punctual.lights);
        writer.add(SectionKind::Tables, &surfaces.tables);
        if let Some(environment) = &self.environment {
            writer.share(&environment.sections);
        }
        Ok((writer.finish_scene()?, camera))
    }

    /// What an automatic camera is framed on, if that is not the frame's own scene: it stands still while the scene moves.
    fn stage(&mut self, pose: &Pose, model: &Model) -> Result<Option<Bounds>, CompileError> {
        let is_framed = matches!(self.shot.camera, CameraKeys::Automatic { .. }) && model.cameras.is_empty();
        if !is_framed || self.shot.frame_seconds.is_some() {
            return Ok(None);
        }
        if let Some(stage) = self.stage {
            return Ok(stage);
        }
        let start = self.source.pose(0.0);
        let start = start.map_err(|source| CompileError::Scene { path: self.shot.scene.clone(), source })?;
        if start == *pose {
            return Ok(None);
        }
        let model = self.model(&start)?;
        let limits = self.limits;
        let bounds = geometry::geometry(&model, &self.surfaces(&model).materials, limits)?.bounds;
        Ok(*self.stage.insert(bounds))
    }

    /// The materials and textures of a model, those of the frame before where nothing changed.
    fn surfaces(&mut self, model: &Model) -> &Surfaces {
        let alpha = vertex_alpha(model);
        let kept = self.surfaces.take().filter(|(materials, known_alpha, _)| {
            Arc::ptr_eq(materials, &model.materials) && *known_alpha == alpha
        });
        let kept = kept.unwrap_or_else(|| {
            let surfaces = materials::surfaces(model, &alpha, &mut self.images);
            (model.materials.clone(), alpha, surfaces)
        });
        &self.surfaces.insert(kept).2
    }
}

/// Writes the environment's sections; a black one is none.
fn environment(
    keys: &EnvironmentKeys,
    limits: &ImportLimits,
    writer: &mut SceneWriter,
) -> Result<Option<Environment>, CompileError> {
    let environment = environment::read(&keys.path, keys.strength, limits)?;
    let (table, integral) = environment::table::build(&environment);
    if integral <= 0.0 {
        return Ok(None);
    }
    let turn = keys.rotation_degrees.rem_euclid(360.0).to_radians();
    let header = SceneHeader {
        environment_width: environment.width,
        environment_height: environment.height,
        environment_cos: number::settled(turn.cos()),
        environment_sin: number::settled(turn.sin()),
        ..SceneHeader::default()
    };
    let sections = [
        writer.section(SectionKind::EnvironmentTexels, &environment.texels),
        writer.section(SectionKind::EnvironmentTable, &table),
    ];
    Ok(Some(Environment { header, sections, integral }))
}

/// The header of a scene without an environment.
fn dark() -> SceneHeader {
    SceneHeader { environment_cos: 1.0, ..SceneHeader::default() }
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
