//! An opened scene file: what holds for all frames is read once, and a model is made for any time. Knows no frame numbers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gltf::json::Root;

use super::accessor::Accessors;
use super::animation::{Animation, Pose};
use super::error::ImportError;
use super::image::Raster;
use super::material::SurfaceMaterial;
use super::placement::MeshLibrary;
use super::selection::{Selection, select_scene, select_variant};
use super::{
    Model, compressed_views, document, draco, exchange, image, lamp, material, nodes, placement, read_file,
    resources,
};
use crate::extensions;
use crate::limits::ImportLimits;
use crate::notice::Notices;

/// Elements that one model may read from accessors, per vertex that a scene may have: positions and seven attributes.
const ELEMENTS_PER_VERTEX: u64 = 8;

/// A file with everything that it refers to.
pub enum Source {
    Gltf(Box<GltfSource>),
    /// A format that knows neither time nor choices.
    Still(Model),
}

impl Source {
    /// Reads a scene file and all that it refers to: glTF, or OBJ or PLY by the name's extension.
    pub fn open(
        path: &Path,
        selection: &Selection,
        limits: &ImportLimits,
        notices: &mut Notices,
    ) -> Result<Source, ImportError> {
        match exchange::import(path, limits, notices) {
            None => GltfSource::open(path, selection, limits, notices)
                .map(|source| Source::Gltf(Box::new(source))),
            Some(model) if *selection == Selection::default() => model.map(Source::Still),
            Some(_) => {
                let problem = "holds neither scenes, variants nor animations; leave `scene_name`, `variant` and `animation` out";
                Err(ImportError::malformed("the file", problem))
            }
        }
    }

    /// What is animated, at a time in seconds.
    pub fn pose(&self, seconds: f64) -> Result<Pose, ImportError> {
        match self {
            Source::Gltf(source) => source.animation.pose(seconds),
            Source::Still(_) => Ok(Pose::default()),
        }
    }

    /// The scene in a pose of this source.
    pub fn model(&mut self, pose: &Pose, notices: &mut Notices) -> Result<Model, ImportError> {
        match self {
            Source::Gltf(source) => source.model(pose, notices),
            Source::Still(model) => Ok(model.clone()),
        }
    }
}

/// A glTF file.
pub struct GltfSource {
    root: Root,
    buffers: Vec<Vec<u8>>,
    folder: PathBuf,
    limits: ImportLimits,
    animation: Animation,
    meshes: MeshLibrary,
    images: Images,
    /// Of the model before, where no pose changes them.
    materials: Option<Arc<Vec<SurfaceMaterial>>>,
}

/// Decoded images and where the file's are among them.
#[derive(Default)]
struct Images {
    rasters: Arc<Vec<Raster>>,
    places: BTreeMap<usize, usize>,
}

impl GltfSource {
    fn open(
        path: &Path,
        selection: &Selection,
        limits: &ImportLimits,
        notices: &mut Notices,
    ) -> Result<GltfSource, ImportError> {
        let bytes = read_file(path, limits.file_bytes_max)?;
        let document = document::parse(&bytes, limits)?;
        drop(bytes);
        let mut root = document.root;
        if let Some(name) = extensions::first_unsupported(&root.extensions_required) {
            return Err(ImportError::RequiredExtension(
                crate::label::quoted(name).trim_matches('"').to_owned(),
            ));
        }
        extensions::add_notices(&root.extensions_used, notices);
        let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let mut buffers = resources::buffers(&root, document.chunk, &folder, limits)?;
        compressed_views::expand(&mut root, &mut buffers, limits)?;
        draco::expand(&mut root, &mut buffers, limits)?;
        select_scene(&mut root, selection.scene_name.as_deref())?;
        select_variant(&mut root, selection.variant.as_deref())?;
        let mut accessors = Accessors::new(&root, &buffers, limits.vertices_max * ELEMENTS_PER_VERTEX);
        let wanted = selection.animation.as_deref();
        let animation = Animation::read(&document.animations, wanted, &mut accessors, limits, notices)?;
        Ok(GltfSource {
            root,
            buffers,
            folder,
            limits: limits.clone(),
            animation,
            meshes: MeshLibrary::new(limits),
            images: Images::default(),
            materials: None,
        })
    }

    fn model(&mut self, pose: &Pose, notices: &mut Notices) -> Result<Model, ImportError> {
        self.animation.apply(pose, &mut self.root)?;
        let (root, limits) = (&self.root, &self.limits);
        let moved = self.animation.moved_nodes(root.nodes.len());
        let hierarchy = nodes::hierarchy(root, moved, limits)?;
        let mut accessors = Accessors::new(root, &self.buffers, limits.vertices_max * ELEMENTS_PER_VERTEX);
        let kept = self.materials.take().filter(|_| !self.animation.edits_materials());
        let is_kept = kept.is_some();
        let materials = match kept {
            Some(materials) => materials,
            None => Arc::new(material::materials(root)?),
        };
        let mut model = Model { materials, ..Model::default() };
        placement::place(&mut accessors, &hierarchy, &mut self.meshes, limits, &mut model, notices)?;
        if !is_kept {
            let materials = Arc::make_mut(&mut model.materials);
            self.images.resolve(root, &accessors, &self.folder, limits, materials)?;
        }
        model.images = self.images.rasters.clone();
        model.cameras = placement::cameras(root, &hierarchy)?;
        model.lamps = lamp::lamps(root, &hierarchy, limits, notices)?;
        self.materials = Some(model.materials.clone());
        Ok(model)
    }
}

impl Images {
    /// Makes materials refer to decoded images, which are decoded if one is met for the first time.
    fn resolve(
        &mut self,
        root: &Root,
        accessors: &Accessors,
        folder: &Path,
        limits: &ImportLimits,
        materials: &mut [SurfaceMaterial],
    ) -> Result<(), ImportError> {
        let images: Vec<usize> = uses(materials).map(|usage| usage.image).collect();
        if images.iter().all(|image| self.places.contains_key(image)) {
            for usage in uses(materials) {
                usage.image = self.places[&usage.image];
            }
            return Ok(());
        }
        self.rasters = Arc::new(image::images(root, accessors, folder, limits, materials)?);
        self.places = images.into_iter().zip(uses(materials).map(|usage| usage.image)).collect();
        Ok(())
    }
}

fn uses(materials: &mut [SurfaceMaterial]) -> impl Iterator<Item = &mut super::TextureUse> {
    materials.iter_mut().flat_map(|material| material.uses_mut()).flatten()
}
