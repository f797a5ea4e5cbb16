//! What a channel animates: a node's transform, visibility or weights, or a property of a material, camera or lamp that a JSON
//! pointer names (`KHR_animation_pointer`, glTF 2.0 asset object model). Knows no curve.

use gltf::json::Root;
use gltf::json::scene::UnitQuaternion;
use serde::Deserialize;
use serde_json::Value;

use crate::import::error::ImportError;
use crate::label::label;

pub const VISIBILITY: &str = "KHR_node_visibility";
const LIGHTS: &str = "/extensions/KHR_lights_punctual/lights/";

/// A property of the document that a channel writes. Indices are those of the file and exist.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    Translation(usize),
    Rotation(usize),
    Scale(usize),
    Visible(usize),
    /// All weights of a node, in the order of its mesh's morph targets.
    Weights(usize),
    /// One weight of a node.
    Weight(usize, usize),
    /// The weights of a mesh, which hold for nodes without their own.
    MeshWeights(usize),
    MeshWeight(usize, usize),
    /// A property of an [`Element`] by the names that lead to it.
    Property {
        element: Element,
        path: Vec<String>,
        width: usize,
    },
}

/// An object of the document that is edited as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Element {
    Material(usize),
    Camera(usize),
    Light(usize),
}

/// Properties of materials and how many numbers each has; those of texture transforms are in [`texture_transform`].
const MATERIAL: &[(&str, usize)] = &[
    ("alphaCutoff", 1),
    ("emissiveFactor", 3),
    ("normalTexture/scale", 1),
    ("occlusionTexture/strength", 1),
    ("pbrMetallicRoughness/baseColorFactor", 4),
    ("pbrMetallicRoughness/metallicFactor", 1),
    ("pbrMetallicRoughness/roughnessFactor", 1),
    ("extensions/KHR_materials_anisotropy/anisotropyRotation", 1),
    ("extensions/KHR_materials_anisotropy/anisotropyStrength", 1),
    ("extensions/KHR_materials_clearcoat/clearcoatFactor", 1),
    ("extensions/KHR_materials_clearcoat/clearcoatNormalTexture/scale", 1),
    ("extensions/KHR_materials_clearcoat/clearcoatRoughnessFactor", 1),
    ("extensions/KHR_materials_diffuse_transmission/diffuseTransmissionColorFactor", 3),
    ("extensions/KHR_materials_diffuse_transmission/diffuseTransmissionFactor", 1),
    ("extensions/KHR_materials_dispersion/dispersion", 1),
    ("extensions/KHR_materials_emissive_strength/emissiveStrength", 1),
    ("extensions/KHR_materials_ior/ior", 1),
    ("extensions/KHR_materials_iridescence/iridescenceFactor", 1),
    ("extensions/KHR_materials_iridescence/iridescenceIor", 1),
    ("extensions/KHR_materials_iridescence/iridescenceThicknessMaximum", 1),
    ("extensions/KHR_materials_iridescence/iridescenceThicknessMinimum", 1),
    ("extensions/KHR_materials_sheen/sheenColorFactor", 3),
    ("extensions/KHR_materials_sheen/sheenRoughnessFactor", 1),
    ("extensions/KHR_materials_specular/specularColorFactor", 3),
    ("extensions/KHR_materials_specular/specularFactor", 1),
    ("extensions/KHR_materials_transmission/transmissionFactor", 1),
    ("extensions/KHR_materials_volume/attenuationColor", 3),
    ("extensions/KHR_materials_volume/attenuationDistance", 1),
    ("extensions/KHR_materials_volume/thicknessFactor", 1),
    ("extensions/KHR_materials_volume_scatter/multiscatterColor", 3),
    ("extensions/KHR_materials_volume_scatter/scatterAnisotropy", 1),
];

const CAMERA: &[(&str, usize)] = &[
    ("orthographic/xmag", 1),
    ("orthographic/ymag", 1),
    ("orthographic/zfar", 1),
    ("orthographic/znear", 1),
    ("perspective/aspectRatio", 1),
    ("perspective/yfov", 1),
    ("perspective/zfar", 1),
    ("perspective/znear", 1),
];

const LIGHT: &[(&str, usize)] =
    &[("color", 3), ("intensity", 1), ("range", 1), ("spot/innerConeAngle", 1), ("spot/outerConeAngle", 1)];

impl Target {
    /// What a pointer names; `None` where the file has no such object or glTF's object model no such property.
    pub fn of_pointer(pointer: &str, root: &Root) -> Option<Target> {
        if let Some(rest) = pointer.strip_prefix(LIGHTS) {
            let lights = root.extensions.as_ref()?.khr_lights_punctual.as_ref()?;
            let (index, path) = indexed(rest, lights.lights.len())?;
            return Element::Light(index).property(path, LIGHT, root);
        }
        let (collection, rest) = pointer.strip_prefix('/')?.split_once('/')?;
        match collection {
            "nodes" => {
                let (node, path) = indexed(rest, root.nodes.len())?;
                match path {
                    "translation" => Some(Target::Translation(node)),
                    "rotation" => Some(Target::Rotation(node)),
                    "scale" => Some(Target::Scale(node)),
                    "weights" => (node_targets(root, node) > 0).then_some(Target::Weights(node)),
                    "extensions/KHR_node_visibility/visible" => Some(Target::Visible(node)),
                    _ => {
                        let at = indexed(path.strip_prefix("weights/")?, node_targets(root, node))?.0;
                        Some(Target::Weight(node, at))
                    }
                }
            }
            "meshes" => {
                let (mesh, path) = indexed(rest, root.meshes.len())?;
                if path == "weights" {
                    return (mesh_targets(root, mesh) > 0).then_some(Target::MeshWeights(mesh));
                }
                let at = indexed(path.strip_prefix("weights/")?, mesh_targets(root, mesh))?.0;
                Some(Target::MeshWeight(mesh, at))
            }
            "materials" => {
                let (index, path) = indexed(rest, root.materials.len())?;
                Element::Material(index).property(path, MATERIAL, root)
            }
            "cameras" => {
                let (index, path) = indexed(rest, root.cameras.len())?;
                Element::Camera(index).property(path, CAMERA, root)
            }
            _ => None,
        }
    }

    /// Numbers of one value.
    pub fn width(&self, root: &Root) -> usize {
        match self {
            Target::Translation(_) | Target::Scale(_) => 3,
            Target::Rotation(_) => 4,
            Target::Visible(_) | Target::Weight(..) | Target::MeshWeight(..) => 1,
            Target::Weights(node) => node_targets(root, *node),
            Target::MeshWeights(mesh) => mesh_targets(root, *mesh),
            Target::Property { width, .. } => *width,
        }
    }

    /// Components of the accessor that holds the values: weights come one by one.
    pub fn components(&self, root: &Root) -> usize {
        match self {
            Target::Weights(_) | Target::MeshWeights(_) => 1,
            _ => self.width(root),
        }
    }

    /// The node whose transform it changes.
    pub fn moved_node(&self) -> Option<usize> {
        match self {
            Target::Translation(node) | Target::Rotation(node) | Target::Scale(node) => Some(*node),
            _ => None,
        }
    }

    /// Writes a value of [`Target::width`] numbers into the document. Properties of elements go into their JSON instead.
    pub fn write(&self, value: &[f32], root: &mut Root) {
        match *self {
            Target::Translation(node) => root.nodes[node].translation = value.try_into().ok(),
            Target::Rotation(node) => {
                root.nodes[node].rotation = value.try_into().ok().map(UnitQuaternion);
            }
            Target::Scale(node) => root.nodes[node].scale = value.try_into().ok(),
            Target::Visible(node) => {
                let visible = value.iter().any(|x| *x != 0.0);
                let extensions = root.nodes[node].extensions.get_or_insert_with(Default::default);
                extensions.others.insert(VISIBILITY.into(), serde_json::json!({"visible": visible}));
            }
            Target::Weights(node) => root.nodes[node].weights = Some(value.to_vec()),
            Target::Weight(node, at) => {
                let targets = node_targets(root, node);
                let mesh = root.nodes[node].mesh.map(|mesh| mesh.value());
                let inherited = mesh.and_then(|mesh| root.meshes[mesh].weights.clone());
                let weights = &mut root.nodes[node].weights;
                set(weights.get_or_insert_with(|| inherited.unwrap_or_default()), at, value, targets);
            }
            Target::MeshWeights(mesh) => root.meshes[mesh].weights = Some(value.to_vec()),
            Target::MeshWeight(mesh, at) => {
                let targets = mesh_targets(root, mesh);
                set(root.meshes[mesh].weights.get_or_insert_default(), at, value, targets);
            }
            Target::Property { .. } => {}
        }
    }
}

fn set(weights: &mut Vec<f32>, at: usize, value: &[f32], targets: usize) {
    weights.resize(targets, 0.0);
    weights[at] = value.first().copied().unwrap_or(0.0);
}

/// `7/rest` where 7 is below `count`.
fn indexed(text: &str, count: usize) -> Option<(usize, &str)> {
    let (index, rest) = text.split_once('/').unwrap_or((text, ""));
    let plain = !index.is_empty() && index.bytes().all(|b| b.is_ascii_digit());
    let index = index.parse::<usize>().ok().filter(|index| plain && *index < count)?;
    Some((index, rest))
}

/// Morph targets of a mesh: the most that one of its primitives has.
pub fn mesh_targets(root: &Root, mesh: usize) -> usize {
    let primitives = root.meshes.get(mesh).map_or(&[][..], |mesh| &mesh.primitives);
    primitives.iter().map(|primitive| primitive.targets.as_ref().map_or(0, Vec::len)).max().unwrap_or(0)
}

/// Morph targets of a node's mesh.
pub fn node_targets(root: &Root, node: usize) -> usize {
    root.nodes[node].mesh.map_or(0, |mesh| mesh_targets(root, mesh.value()))
}

/// Numbers of a property of `KHR_texture_transform`.
fn texture_transform(path: &str) -> Option<usize> {
    let (info, property) = path.split_once("/extensions/KHR_texture_transform/")?;
    info.ends_with("Texture").then_some(())?;
    match property {
        "offset" | "scale" => Some(2),
        "rotation" => Some(1),
        _ => None,
    }
}

impl Element {
    fn property(self, path: &str, known: &[(&str, usize)], root: &Root) -> Option<Target> {
        let width = match known.iter().find(|(name, _)| *name == path) {
            Some((_, width)) => *width,
            None => texture_transform(path).filter(|_| matches!(self, Element::Material(_)))?,
        };
        let path: Vec<String> = path.split('/').map(str::to_owned).collect();
        let json = self.json(root).ok()?;
        // Factors have defaults, and so have objects that hold nothing else; textures, lenses and cones do not.
        let mut at = Some(&json);
        for name in &path[..path.len() - 1] {
            at = at.and_then(|value| value.get(name));
            if at.is_none() && (name.ends_with("Texture") || !matches!(self, Element::Material(_))) {
                return None;
            }
        }
        Some(Target::Property { element: self, path, width })
    }

    fn label(self, root: &Root) -> String {
        match self {
            Element::Material(i) => label("material", i, root.materials[i].name.as_deref()),
            Element::Camera(i) => label("camera", i, root.cameras[i].name.as_deref()),
            Element::Light(i) => label("light", i, None),
        }
    }

    /// The object as JSON.
    pub fn json(self, root: &Root) -> Result<Value, ImportError> {
        let json = match self {
            Element::Material(index) => serde_json::to_value(&root.materials[index]),
            Element::Camera(index) => serde_json::to_value(&root.cameras[index]),
            Element::Light(index) => {
                let lights = root.extensions.as_ref().and_then(|all| all.khr_lights_punctual.as_ref());
                serde_json::to_value(lights.and_then(|lights| lights.lights.get(index)))
            }
        };
        json.map_err(|error| ImportError::malformed(self.label(root), error.to_string()))
    }

    /// Puts the object back into the document.
    pub fn put(self, json: &Value, root: &mut Root) -> Result<(), ImportError> {
        let label = self.label(root);
        let fail = |error: serde_json::Error| ImportError::malformed(label, error.to_string());
        match self {
            Element::Material(index) => {
                root.materials[index] = Deserialize::deserialize(json).map_err(fail)?
            }
            Element::Camera(index) => root.cameras[index] = Deserialize::deserialize(json).map_err(fail)?,
            Element::Light(index) => {
                let lights = root.extensions.as_mut().and_then(|all| all.khr_lights_punctual.as_mut());
                if let Some(light) = lights.and_then(|lights| lights.lights.get_mut(index)) {
                    *light = Deserialize::deserialize(json).map_err(fail)?;
                }
            }
        }
        Ok(())
    }
}

/// Writes numbers at a path below a JSON object, and makes the objects on the way that are not there. One number is written
/// as itself, more as an array. What is no object on the way is left alone.
pub fn write_json(mut at: &mut Value, path: &[String], value: &[f32]) {
    for name in path {
        let Value::Object(object) = at else { return };
        at = object.entry(name.as_str()).or_insert_with(|| Value::Object(Default::default()));
    }
    *at = match value {
        [one] => Value::from(*one),
        many => many.iter().copied().map(Value::from).collect(),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document() -> Root {
        serde_json::from_value(json!({
            "asset": {"version": "2.0"},
            "nodes": [{"mesh": 0}, {}],
            "cameras": [{"type": "perspective", "perspective": {"yfov": 1.0, "znear": 0.1}}],
            "meshes": [{"primitives": [{"attributes": {}, "targets": [{}, {}]}]}],
            "materials": [{"name": "m", "normalTexture": {"index": 0}, "extensions": {"VENDOR_x": {"kept": [1]}}}],
            "extensions": {"KHR_lights_punctual": {"lights": [{"type": "spot", "spot": {}}, {"type": "point"}]}},
        }))
        .unwrap()
    }

    #[test]
    fn pointers_resolve_where_objects_are() {
        let root = document();
        let width = |pointer: &str| Target::of_pointer(pointer, &root).map(|target| target.width(&root));
        for (pointer, expected) in [
            ("/nodes/1/translation", Some(3)),
            ("/nodes/1/rotation", Some(4)),
            ("/nodes/0/weights", Some(2)),
            ("/nodes/0/weights/1", Some(1)),
            ("/meshes/0/weights", Some(2)),
            ("/nodes/1/extensions/KHR_node_visibility/visible", Some(1)),
            ("/materials/0/pbrMetallicRoughness/baseColorFactor", Some(4)),
            ("/materials/0/extensions/KHR_materials_sheen/sheenColorFactor", Some(3)),
            ("/materials/0/normalTexture/extensions/KHR_texture_transform/offset", Some(2)),
            ("/cameras/0/perspective/yfov", Some(1)),
            ("/extensions/KHR_lights_punctual/lights/0/spot/outerConeAngle", Some(1)),
            ("/extensions/KHR_lights_punctual/lights/1/color", Some(3)),
            ("/nodes/2/translation", None),
            ("/nodes/+1/translation", None),
            ("/nodes/1/weights", None),
            ("/nodes/0/weights/2", None),
            ("/nodes/1/matrix", None),
            ("/materials/0/doubleSided", None),
            ("/materials/0/emissiveTexture/extensions/KHR_texture_transform/offset", None),
            ("/materials/0/pbrMetallicRoughness/extensions/KHR_texture_transform/offset", None),
            ("/cameras/0/orthographic/xmag", None),
            ("/extensions/KHR_lights_punctual/lights/1/spot/outerConeAngle", None),
            ("/extensions/KHR_lights_punctual/lights/2/color", None),
            ("nodes/1/translation", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(width(pointer), expected, "{pointer}");
        }
    }

    #[test]
    fn an_edited_material_keeps_what_is_not_edited() {
        let mut root = document();
        let element = Element::Material(0);
        let mut json = element.json(&root).unwrap();
        let path = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
        write_json(&mut json, &path("pbrMetallicRoughness/roughnessFactor"), &[0.25]);
        write_json(&mut json, &path("extensions/KHR_materials_ior/ior"), &[1.75]);
        write_json(&mut json, &path("emissiveFactor"), &[0.5, 1.0, 0.0]);
        element.put(&json, &mut root).unwrap();
        let material = &root.materials[0];
        assert_eq!(material.pbr_metallic_roughness.roughness_factor.0, 0.25);
        assert_eq!(material.emissive_factor.0, [0.5, 1.0, 0.0]);
        let extensions = material.extensions.as_ref().unwrap();
        assert_eq!(extensions.ior.as_ref().unwrap().ior.0, 1.75);
        assert_eq!(extensions.others["VENDOR_x"], json!({"kept": [1]}));
        assert_eq!(material.name.as_deref(), Some("m"));
    }
}
