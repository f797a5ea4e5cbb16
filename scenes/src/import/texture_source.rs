//! Which image a texture shows: that of an extension whose format is read, before the plain PNG or JPEG.

use gltf::json::texture::Texture;
use serde_json::Value;

/// Extensions that name another image, the one to prefer first.
const EXTENSIONS: [&str; 2] = ["KHR_texture_basisu", "EXT_texture_webp"];

/// The index of the image; `None` where the texture has none in a format that is read. The index is not checked.
pub fn image_index(texture: &Texture) -> Option<usize> {
    let others = texture.extensions.as_ref().map(|extensions| &extensions.others);
    let named = EXTENSIONS.iter().find_map(|name| {
        let source = others?.get(*name)?.get("source").and_then(Value::as_u64)?;
        // An index beyond what the host can count is beyond every file's images.
        Some(usize::try_from(source).unwrap_or(usize::MAX - 1))
    });
    // glTF's JSON reader gives a missing source this index.
    named.or_else(|| Some(texture.source.value()).filter(|source| *source != u32::MAX as usize))
}
