//! What a shot chooses of a file: its scene and its material variant (`KHR_materials_variants`), by name or by index. A choice
//! is written into the document before anything is read of it.

use gltf::json::{Index, Root};
use serde::Deserialize;
use serde_json::Value;

use super::error::ImportError;
use crate::label::{label, quoted};

/// What is chosen; `None` for what the file shows by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// A scene.
    pub scene_name: Option<String>,
    /// A variant of `KHR_materials_variants`.
    pub variant: Option<String>,
    /// An animation, `all` or `none`.
    pub animation: Option<String>,
}

const VARIANTS: &str = "KHR_materials_variants";
/// Names that an error lists.
const LISTED_MAX: usize = 20;

/// The index of the first thing of that name, or else of that number.
pub fn choose(
    kind: &'static str,
    kinds: &'static str,
    names: &[Option<&str>],
    wanted: &str,
) -> Result<usize, ImportError> {
    let named = names.iter().position(|name| *name == Some(wanted));
    let numbered = || wanted.parse::<usize>().ok().filter(|index| *index < names.len());
    named.or_else(numbered).ok_or_else(|| {
        let shown = |(index, name): (usize, &Option<&str>)| name.map_or_else(|| index.to_string(), quoted);
        let mut known: Vec<String> = names.iter().enumerate().take(LISTED_MAX).map(shown).collect();
        if names.len() > LISTED_MAX {
            known.push(format!("{} more", names.len() - LISTED_MAX));
        }
        let known = if known.is_empty() { format!("no {kinds}") } else { known.join(", ") };
        ImportError::NoSuch { kind, wanted: quoted(wanted), known }
    })
}

/// Makes the chosen scene the file's default one.
pub fn select_scene(root: &mut Root, wanted: Option<&str>) -> Result<(), ImportError> {
    if let Some(wanted) = wanted {
        let names: Vec<Option<&str>> = root.scenes.iter().map(|scene| scene.name.as_deref()).collect();
        root.scene = Some(Index::new(choose("scene", "scenes", &names, wanted)? as u32));
    }
    Ok(())
}

#[derive(Deserialize)]
struct Variants {
    variants: Vec<Variant>,
}

#[derive(Deserialize)]
struct Variant {
    name: Option<String>,
}

#[derive(Deserialize)]
struct Mappings {
    mappings: Vec<Mapping>,
}

#[derive(Deserialize)]
struct Mapping {
    material: u32,
    variants: Vec<usize>,
}

/// Gives every primitive the material that the chosen variant has for it.
pub fn select_variant(root: &mut Root, wanted: Option<&str>) -> Result<(), ImportError> {
    let Some(wanted) = wanted else { return Ok(()) };
    let declared = root.extensions.as_ref().and_then(|all| all.others.get(VARIANTS));
    let declared = match declared {
        Some(value) => read::<Variants>(value, || "the file".into())?.variants,
        None => Vec::new(),
    };
    let names: Vec<Option<&str>> = declared.iter().map(|variant| variant.name.as_deref()).collect();
    let chosen = choose("variant", "variants", &names, wanted)?;
    for (index, mesh) in root.meshes.iter_mut().enumerate() {
        for (i, primitive) in mesh.primitives.iter_mut().enumerate() {
            let Some(value) = primitive.extensions.as_ref().and_then(|all| all.others.get(VARIANTS)) else {
                continue;
            };
            let place = || format!("primitive {i} of {}", label("mesh", index, mesh.name.as_deref()));
            let mappings = read::<Mappings>(value, place)?.mappings;
            if let Some(mapping) = mappings.iter().find(|mapping| mapping.variants.contains(&chosen)) {
                primitive.material = Some(Index::new(mapping.material));
            }
        }
    }
    Ok(())
}

fn read<'a, T: Deserialize<'a>>(value: &'a Value, place: impl Fn() -> String) -> Result<T, ImportError> {
    T::deserialize(value)
        .map_err(|error| ImportError::malformed(format!("{VARIANTS} of {}", place()), error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_win_over_numbers_and_errors_list_them() {
        let names = [Some("b"), None, Some("0")];
        let found = |wanted| choose("scene", "scenes", &names, wanted).map_err(|error| error.to_string());
        assert_eq!([found("0"), found("1"), found("b")], [Ok(2), Ok(1), Ok(0)]);
        let error = "the file has no scene \"3\"; it has \"b\", 1, \"0\"";
        assert_eq!(found("3"), Err(error.to_owned()));
        let none = choose("variant", "variants", &[], "red").unwrap_err().to_string();
        assert_eq!(none, "the file has no variant \"red\"; it has no variants");
        let many = vec![None; 30];
        assert!(choose("scene", "scenes", &many, "x").unwrap_err().to_string().ends_with("18, 19, 10 more"));
    }
}
