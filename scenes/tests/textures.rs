//! WebP and Basis Universal textures against the PNG that they were made of, which image a texture means, and what is said
//! about those that are broken. `fixtures/tile*` are of our own making.

mod support;

use expect_test::expect;
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{Folder, glb, triangle};
use tessera_scenes::ImportLimits;
use tessera_shared::package::{Package, SectionKind};

/// The triangle with these textures and images, the first texture being its base colour.
fn textured(textures: Value, images: &[&[u8]], limits: &ImportLimits) -> Result<Package, String> {
    let (mut document, binary) = triangle();
    let folder = Folder::new();
    for (i, bytes) in images.iter().enumerate() {
        folder.write(&format!("{i}"), bytes);
    }
    document["images"] = (0..images.len()).map(|i| json!({"uri": format!("{i}")})).collect::<Vec<_>>().into();
    document["textures"] = textures;
    document["materials"][0] =
        json!({"alphaMode": "BLEND", "pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}});
    folder.compile(&glb(&document, &binary), limits).map(|compiled| compiled.package)
}

fn texels(package: &Package) -> Vec<[u8; 4]> {
    let scene = &package.manifest.scenes[0];
    bytemuck::pod_collect_to_vec(package.section(scene, SectionKind::Texels))
}

fn image(bytes: &[u8]) -> Result<Vec<[u8; 4]>, String> {
    let package = textured(json!([{"source": 0}]), &[bytes], &ImportLimits::default())?;
    Ok(texels(&package))
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(support::fixture(name)).unwrap()
}

#[test]
fn every_format_shows_the_png_that_it_was_made_of() {
    for (picture, alpha) in [("tile", false), ("tile_alpha", true)] {
        let plain = image(&fixture(&format!("{picture}.png"))).unwrap();
        assert_eq!(plain.len(), 20 * 12);
        // Root mean square differences in steps of 1/255; ETC1S keeps one hue a block.
        for (suffix, limit) in
            [(".webp", 30.0), ("_uastc.ktx2", 3.0), ("_uastc_zstd.ktx2", 3.0), ("_etc1s.ktx2", 30.0)]
        {
            let name = format!("{picture}{suffix}");
            let other = image(&fixture(&name)).unwrap();
            assert_eq!(other.len(), plain.len(), "{name}");
            let difference = |c: usize| {
                let squares = plain.iter().zip(&other).map(|(a, b)| f64::from(a[c].abs_diff(b[c])).powi(2));
                (squares.sum::<f64>() / plain.len() as f64).sqrt()
            };
            let found = [0, 1, 2, 3].map(difference);
            eprintln!("{name}: {found:.1?}");
            assert!(found.iter().all(|d| *d < limit), "{name}: {found:.1?}");
            assert_eq!(other.iter().any(|texel| texel[3] < 250), alpha, "{name}");
        }
        // Zstandard loses nothing.
        let stored = image(&fixture(&format!("{picture}_uastc.ktx2"))).unwrap();
        assert_eq!(stored, image(&fixture(&format!("{picture}_uastc_zstd.ktx2"))).unwrap());
    }
}

#[test]
fn the_extension_s_image_comes_before_the_plain_one() {
    let (png, webp, ktx2) = (fixture("tile.png"), fixture("tile.webp"), fixture("tile_uastc.ktx2"));
    let images = [&png[..], &webp[..], &ktx2[..]];
    let shown =
        |texture: Value| texels(&textured(json!([texture]), &images, &ImportLimits::default()).unwrap());
    let (plain, webp, basis) = (image(&png).unwrap(), image(&webp).unwrap(), image(&ktx2).unwrap());
    let with = |name: &str, source: u64| json!({"source": 0, "extensions": {name: {"source": source}}});
    assert_eq!(shown(json!({"source": 0})), plain);
    assert_eq!(shown(with("EXT_texture_webp", 1)), webp);
    assert_eq!(shown(with("KHR_texture_basisu", 2)), basis);
    assert_eq!(shown(with("MSFT_texture_dds", 2)), plain);
    let both = json!({"EXT_texture_webp": {"source": 1}, "KHR_texture_basisu": {"source": 2}});
    assert_eq!(shown(json!({"extensions": both})), basis);
    assert!(shown(json!({"extensions": {"EXT_texture_avif": {"source": 1}}})).is_empty());
    let missing = textured(json!([with("EXT_texture_webp", 9)]), &images, &ImportLimits::default());
    expect!["scene.glb: material 0: texture 0 has the image 9, which does not exist"]
        .assert_eq(&missing.unwrap_err());
}

#[test]
fn a_file_that_requires_both_extensions_compiles() {
    let (mut document, binary) = triangle();
    document["extensionsUsed"] = json!(["EXT_texture_webp", "KHR_texture_basisu"]);
    document["extensionsRequired"] = document["extensionsUsed"].clone();
    let compiled = Folder::new().compile(&glb(&document, &binary), &ImportLimits::default()).unwrap();
    assert_eq!(compiled.notices, []);
}

/// A container after a change to one of its 32-bit words.
fn word(name: &str, at: usize, value: u32) -> String {
    let mut bytes = fixture(name);
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    image(&bytes).map_or_else(|error| error, |_| "compiles".into())
}

#[test]
fn containers_that_are_something_else_are_named() {
    let name = "tile_uastc.ktx2";
    expect![[r#"scene.glb: image 0 "0": the image does not decode: it holds the Vulkan format 37; Basis Universal is read"#]].assert_eq(&word(name, 12, 37));
    expect![[r#"scene.glb: image 0 "0": the image does not decode: its level has 240 bytes for 786432 blocks of 16"#]].assert_eq(&word(name, 20, 1 << 20));
    expect![[
        r#"scene.glb: image 0 "0": the image does not decode: its level has 240 bytes for 0 blocks of 16"#
    ]]
    .assert_eq(&word(name, 20, 0));
    expect![[
        r#"scene.glb: image 0 "0": the image does not decode: its level has 240 bytes for 18 blocks of 16"#
    ]]
    .assert_eq(&word(name, 20, 24));
    expect![[r#"scene.glb: image 0 "0": the image does not decode: it is an array, a cube or a volume; single pictures are read"#]].assert_eq(&word(name, 28, 4));
    expect![[r#"scene.glb: image 0 "0": the image does not decode: it is an array, a cube or a volume; single pictures are read"#]].assert_eq(&word(name, 32, 4));
    expect![[r#"scene.glb: image 0 "0": the image does not decode: it is an array, a cube or a volume; single pictures are read"#]].assert_eq(&word(name, 36, 6));
    expect![[r#"scene.glb: image 0 "0": the image does not decode: it has 0 levels; 1 to 16 are read"#]]
        .assert_eq(&word(name, 40, 0));
    expect![[r#"scene.glb: image 0 "0": the image does not decode: it has 17 levels; 1 to 16 are read"#]]
        .assert_eq(&word(name, 40, 17));
    expect![[r#"scene.glb: image 0 "0": the image does not decode: it has the colour model 166 with supercompression 1; ETC1S with BasisLZ, and UASTC plain or with Zstandard are read"#]].assert_eq(&word(name, 44, 1));
    expect![[r#"scene.glb: image 0 "0": the image does not decode: it has the colour model 166 with supercompression 3; ETC1S with BasisLZ, and UASTC plain or with Zstandard are read"#]].assert_eq(&word(name, 44, 3));
    expect![[r#"scene.glb: image 0 "0": the image does not decode: its data format descriptor ends beyond the file"#]].assert_eq(&word(name, 48, u32::MAX));
    expect![[r#"scene.glb: image 0 "0": the image does not decode: its level ends beyond the file"#]]
        .assert_eq(&word(name, 84, 1));
    expect![[r#"scene.glb: image 0 "0": the image does not decode: its level has 4294967536 bytes for 15 blocks of 16"#]].assert_eq(&word("tile_uastc_zstd.ktx2", 100, 1));
    expect![[r#"scene.glb: image 0 "0": the image does not decode: its global data ends beyond the file"#]]
        .assert_eq(&word("tile_etc1s.ktx2", 68, 1));
}

#[test]
fn a_webp_bomb_is_refused_by_its_size() {
    // A lossless header that promises 16000 × 16000 pixels and brings none.
    let mut bytes = b"RIFF\x14\0\0\0WEBPVP8L\x08\0\0\0\x2f".to_vec();
    bytes.extend((15999u32 | 15999 << 14).to_le_bytes());
    bytes.extend([0; 3]);
    expect![[r#"scene.glb: image 0 "0": 256000000 pixels; at most 67108864 are read"#]]
        .assert_eq(&image(&bytes).unwrap_err());
    let limits = ImportLimits { texels_max: 200, ..ImportLimits::default() };
    let error = textured(json!([{"source": 0}]), &[&fixture("tile.webp")], &limits).unwrap_err();
    expect![[r#"scene.glb: image 0 "0" and those before it: 240 pixels; at most 200 are read"#]]
        .assert_eq(&error);
}

#[test]
fn a_picture_cut_anywhere_is_an_error_or_a_picture() {
    for name in ["tile_alpha.webp", "tile_alpha_uastc_zstd.ktx2", "tile_alpha_etc1s.ktx2", "tile_uastc.ktx2"]
    {
        let bytes = fixture(name);
        for length in 0..bytes.len() {
            if let Err(error) = image(&bytes[..length]) {
                assert!(error.contains("image 0 \"0\""), "{name}: {error}");
            }
        }
        assert!(image(&bytes[..bytes.len() / 2]).is_err(), "{name}");
    }
}

#[test]
fn codebooks_that_lead_nowhere_are_an_error() {
    let error = image(&fixture("broken_codebook.ktx2")).unwrap_err();
    assert!(error.contains("image 0 \"0\": the image does not decode"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn bent_pictures_never_panic(
        which in 0usize..4,
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
    ) {
        let names = ["tile_alpha.webp", "tile_alpha_uastc_zstd.ktx2", "tile_alpha_etc1s.ktx2", "tile_uastc.ktx2"];
        let mut bytes = fixture(names[which]);
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let limits = ImportLimits { image_pixels_max: 1 << 16, ..ImportLimits::default() };
        let _ = textured(json!([{"source": 0}]), &[&bytes], &limits);
    }
}
