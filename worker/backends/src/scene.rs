//! One scene of a package, ready for kernels: its sections as typed slices and the bounding volumes over them. Shared by
//! the backends and frames of a process. Knows no device; trusts the package's validator for everything but lengths.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytemuck::Pod;
use tessera_shared::package::layout::{
    Image, Instance, LightTriangle, MATERIAL_BLEND, MATERIAL_MASK, Material, Mesh, PunctualLight,
    SceneHeader, TextureSlot, VertexAttributes,
};
use tessera_shared::package::{Package, SceneEntry, SectionKind};

use crate::accel::{Accel, BuildOptions, FlatBvh, TooManyTriangles, WideBvh};

/// Why a scene cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    #[error("the package has {scenes} scenes; there is no scene {scene}")]
    NoScene { scene: u32, scenes: usize },
    #[error("the blob {blob} of section {kind:?} is not here; fetch it before preparing")]
    MissingBlob { kind: SectionKind, blob: tessera_shared::digest::Digest },
    #[error("section {kind:?} has {bytes} bytes, which is no multiple of {record}")]
    Length { kind: SectionKind, bytes: usize, record: usize },
    #[error("section Header holds {0} headers; a scene has one")]
    Header(usize),
    #[error("{kind:?} {index} points outside its section")]
    Index { kind: SectionKind, index: usize },
    #[error(transparent)]
    Triangles(#[from] TooManyTriangles),
}

/// A section's records. They stay in the blob where it is aligned, and are copied where it is not.
pub(crate) struct Records<T> {
    blob: Option<Arc<[u8]>>,
    copy: Vec<T>,
    record: PhantomData<T>,
}

impl<T: Pod> Records<T> {
    fn of(package: &Package, scene: &SceneEntry, kind: SectionKind) -> Result<Records<T>, PrepareError> {
        let Some(section) = scene.sections.iter().find(|section| section.kind == kind) else {
            return Ok(Records { blob: None, copy: Vec::new(), record: PhantomData });
        };
        let missing = || PrepareError::MissingBlob { kind, blob: section.blob };
        let blob = package.blobs.get(&section.blob).ok_or_else(missing)?;
        let (bytes, record) = (blob.len(), size_of::<T>());
        if !bytes.is_multiple_of(record) {
            return Err(PrepareError::Length { kind, bytes, record });
        }
        if bytemuck::try_cast_slice::<u8, T>(blob).is_ok() {
            return Ok(Records { blob: Some(blob.clone()), copy: Vec::new(), record: PhantomData });
        }
        Ok(Records { blob: None, copy: bytemuck::pod_collect_to_vec(blob), record: PhantomData })
    }
}

impl<T: Pod> Deref for Records<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.blob.as_deref().map_or(&self.copy, bytemuck::cast_slice)
    }
}

/// One scene of a package: sections parsed, bounding volumes built.
pub struct PreparedScene {
    pub(crate) header: SceneHeader,
    pub(crate) positions: Records<[f32; 4]>,
    pub(crate) attributes: Records<VertexAttributes>,
    pub(crate) triangles: Records<[u32; 4]>,
    pub(crate) instances: Records<Instance>,
    pub(crate) materials: Records<Material>,
    pub(crate) texture_slots: Records<TextureSlot>,
    pub(crate) images: Records<Image>,
    pub(crate) texels: Records<u32>,
    pub(crate) light_triangles: Records<LightTriangle>,
    pub(crate) environment_texels: Records<[f32; 4]>,
    pub(crate) environment_table: Records<u32>,
    pub(crate) tables: Records<f32>,
    pub(crate) punctual_lights: Records<PunctualLight>,
    meshes: Records<Mesh>,
    accel: Accel,
    flat: OnceLock<FlatBvh>,
    wide: OnceLock<WideBvh>,
}

impl std::fmt::Debug for PreparedScene {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PreparedScene({} instances, {} triangles)", self.instances.len(), self.triangles.len())
    }
}

/// Parses the sections of a scene of a validated package and builds its bounding volumes.
pub fn prepare(package: &Package, scene: u32, options: BuildOptions) -> Result<PreparedScene, PrepareError> {
    let scenes = package.manifest.scenes.len();
    let entry = package.manifest.scenes.get(scene as usize).ok_or(PrepareError::NoScene { scene, scenes })?;
    let header: Records<SceneHeader> = Records::of(package, entry, SectionKind::Header)?;
    let [header] = header[..] else { return Err(PrepareError::Header(header.len())) };
    let positions: Records<[f32; 4]> = Records::of(package, entry, SectionKind::Positions)?;
    let triangles: Records<[u32; 4]> = Records::of(package, entry, SectionKind::Triangles)?;
    let instances: Records<Instance> = Records::of(package, entry, SectionKind::Instances)?;
    let materials: Records<Material> = Records::of(package, entry, SectionKind::Materials)?;
    let meshes: Records<Mesh> = Records::of(package, entry, SectionKind::Meshes)?;
    check_indices(&positions, &triangles, &instances, &materials, &meshes)?;
    let geometry = Geometry {
        positions: &positions,
        triangles: &triangles,
        instances: &instances,
        meshes: &meshes,
        materials: &materials,
    };
    let accel = timed("trees", &triangles, || Accel::build(&geometry, options))?;
    Ok(PreparedScene {
        header,
        attributes: Records::of(package, entry, SectionKind::Attributes)?,
        texture_slots: Records::of(package, entry, SectionKind::TextureSlots)?,
        images: Records::of(package, entry, SectionKind::Images)?,
        texels: Records::of(package, entry, SectionKind::Texels)?,
        light_triangles: Records::of(package, entry, SectionKind::LightTriangles)?,
        environment_texels: Records::of(package, entry, SectionKind::EnvironmentTexels)?,
        environment_table: Records::of(package, entry, SectionKind::EnvironmentTable)?,
        tables: Records::of(package, entry, SectionKind::Tables)?,
        punctual_lights: Records::of(package, entry, SectionKind::PunctualLights)?,
        positions,
        triangles,
        instances,
        materials,
        meshes,
        accel,
        flat: OnceLock::new(),
        wide: OnceLock::new(),
    })
}

/// Builds something over the triangles and logs how long it took.
fn timed<T>(what: &str, triangles: &[[u32; 4]], build: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let built = build();
    tracing::info!(triangles = triangles.len(), seconds = start.elapsed().as_secs_f32(), "built {what}");
    built
}

impl PreparedScene {
    fn geometry(&self) -> Geometry<'_> {
        Geometry {
            positions: &self.positions,
            triangles: &self.triangles,
            instances: &self.instances,
            meshes: &self.meshes,
            materials: &self.materials,
        }
    }

    /// Volumes for the kernel on a GPU; made when first asked for.
    pub(crate) fn flat(&self) -> &FlatBvh {
        let build = || FlatBvh::build(&self.accel, &self.geometry());
        self.flat.get_or_init(|| timed("binary volumes", &self.triangles, build))
    }

    /// Bytes that a GPU is given of the scene. The kernel's volumes are built when this is first asked.
    pub fn device_bytes(&self) -> u64 {
        let bytes = |sections: &[crate::pages::Section<'_>]| {
            sections.iter().map(|section| section.bytes.len() as u64).sum()
        };
        crate::gpu::scene_sections(self, bytes)
    }

    /// Instances with the roots of the kernel's volumes.
    pub(crate) fn rooted_instances(&self) -> Vec<Instance> {
        let roots = &self.flat().mesh_roots;
        let rooted = |instance: &Instance| Instance { blas_root: roots[instance.mesh as usize], ..*instance };
        self.instances.iter().map(rooted).collect()
    }

    /// Global indices of a mesh's triangles.
    pub(crate) fn mesh_triangles(&self, mesh: u32) -> std::ops::Range<u32> {
        let mesh = self.meshes[mesh as usize];
        mesh.triangle_start..mesh.triangle_start + mesh.triangle_count
    }

    /// Volumes for SIMD on the CPU; made when first asked for.
    pub(crate) fn wide(&self) -> &WideBvh {
        let build = || WideBvh::build(&self.accel, &self.geometry());
        self.wide.get_or_init(|| timed("eight-wide volumes", &self.triangles, build))
    }
}

/// What bounding volumes are built over.
pub(crate) struct Geometry<'a> {
    pub positions: &'a [[f32; 4]],
    pub triangles: &'a [[u32; 4]],
    pub instances: &'a [Instance],
    pub meshes: &'a [Mesh],
    pub materials: &'a [Material],
}

impl Geometry<'_> {
    /// Whether a triangle's material may have holes.
    pub fn holed(&self, triangle: u32) -> bool {
        let material = self.triangles[triangle as usize][3];
        self.materials[material as usize].flags & (MATERIAL_MASK | MATERIAL_BLEND) != 0
    }
}

/// The indices that building follows. The validator has checked them and all others; a wrong one here must not panic.
fn check_indices(
    positions: &[[f32; 4]],
    triangles: &[[u32; 4]],
    instances: &[Instance],
    materials: &[Material],
    meshes: &[Mesh],
) -> Result<(), PrepareError> {
    let bad = |kind, index| Err(PrepareError::Index { kind, index });
    for (index, &[a, b, c, material]) in triangles.iter().enumerate() {
        if a.max(b).max(c) as usize >= positions.len() || material as usize >= materials.len() {
            return bad(SectionKind::Triangles, index);
        }
    }
    for (index, mesh) in meshes.iter().enumerate() {
        let end = u64::from(mesh.triangle_start) + u64::from(mesh.triangle_count);
        if end > triangles.len() as u64 {
            return bad(SectionKind::Meshes, index);
        }
    }
    match instances.iter().position(|instance| instance.mesh as usize >= meshes.len()) {
        Some(index) => bad(SectionKind::Instances, index),
        None => Ok(()),
    }
}
