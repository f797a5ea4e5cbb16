//! Which glTF extensions are rendered, and what a picture lacks where one is not.

use crate::label::quoted;
use crate::notice::Notices;

/// What Tessera does with an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Support {
    /// It is rendered as the extension says.
    Full,
    /// It is not rendered; the text says what the picture shows instead.
    Ignored(&'static str),
}

use Support::{Full, Ignored};

const FALLBACK_IMAGES: &str =
    "the PNG or JPEG fallback is read; where a texture has none, its factor alone is shown";

/// Extensions by name.
const EXTENSIONS: &[(&str, Support)] = &[
    (
        "EXT_lights_ies",
        Ignored("lamps of this kind give no light yet: the scene is darker than it should be"),
    ),
    (
        "EXT_lights_image_based",
        Ignored("the file's own environment is not read; name one with `environment`"),
    ),
    ("EXT_mesh_gpu_instancing", Full),
    ("EXT_mesh_manifold", Ignored("it says nothing about the picture, which does not change")),
    ("EXT_meshopt_compression", Full),
    ("EXT_texture_avif", Ignored(FALLBACK_IMAGES)),
    ("EXT_texture_webp", Full),
    ("KHR_animation_pointer", Full),
    ("KHR_draco_mesh_compression", Full),
    ("KHR_lights_punctual", Full),
    ("KHR_materials_anisotropy", Full),
    ("KHR_materials_clearcoat", Full),
    ("KHR_materials_diffuse_transmission", Full),
    ("KHR_materials_dispersion", Full),
    ("KHR_materials_emissive_strength", Full),
    ("KHR_materials_ior", Full),
    ("KHR_materials_iridescence", Full),
    (
        "KHR_materials_pbrSpecularGlossiness",
        Ignored("the metallic-roughness values of the material, or white plastic, are shown instead"),
    ),
    ("KHR_materials_sheen", Full),
    ("KHR_materials_specular", Full),
    (
        "KHR_materials_subsurface",
        Ignored("light does not scatter below the surface: skin and wax look like plastic"),
    ),
    ("KHR_materials_transmission", Full),
    ("KHR_materials_unlit", Full),
    ("KHR_materials_variants", Full),
    ("KHR_materials_volume", Full),
    ("KHR_materials_volume_scatter", Ignored("light does not scatter inside objects")),
    ("KHR_mesh_quantization", Full),
    ("KHR_meshopt_compression", Full),
    ("KHR_node_visibility", Full),
    ("KHR_texture_basisu", Full),
    ("KHR_texture_transform", Full),
    ("KHR_xmp_json_ld", Ignored("it says nothing about the picture, which does not change")),
    ("MSFT_lod", Ignored("the finest level of detail is shown")),
    ("MSFT_texture_dds", Ignored(FALLBACK_IMAGES)),
];

fn support(name: &str) -> Option<Support> {
    EXTENSIONS.iter().find(|(known, _)| *known == name).map(|(_, support)| *support)
}

/// The first required extension that is not rendered.
pub fn first_unsupported(required: &[String]) -> Option<&String> {
    required.iter().find(|name| support(name) != Some(Full))
}

/// Names each extension that a scene uses and the picture lacks.
pub fn add_notices(used: &[String], notices: &mut Notices) {
    for name in used {
        match support(name) {
            Some(Full) => {}
            Some(Ignored(effect)) => notices.add(name, format!("not rendered yet; {effect}")),
            None => {
                let name = quoted(name);
                notices.add(
                    name.trim_matches('"'),
                    "this extension is unknown and ignored; compare the picture with what you expect",
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_unique() {
        assert!(EXTENSIONS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
