//! OBJ and PLY as scenes: Blender's exports of one shape against its glTF export, what MTL's numbers and maps become, and
//! what is said about files that are broken.

mod support;

use expect_test::{Expect, expect};
use image::ImageEncoder;
use proptest::prelude::*;
use support::ring::{Steps, corners, same_ring};
use support::{Folder, records};
use tessera_scenes::{Compiled, ImportLimits};
use tessera_shared::package::SectionKind;
use tessera_shared::package::layout::{
    MATERIAL_BLEND, MATERIAL_DOUBLE_SIDED, MATERIAL_EMISSIVE, Material, SLOT_ROLE_SHIFT, TextureSlot,
    VertexAttributes, role,
};

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(support::fixture(name)).unwrap()
}

/// Compiles a file of this name and these bytes with `others` beside it.
fn compiled(name: &str, bytes: &[u8], others: &[(&str, &[u8])]) -> Result<Compiled, String> {
    let folder = Folder::new();
    for (name, bytes) in others {
        if let Some((sub, _)) = name.rsplit_once('/') {
            std::fs::create_dir_all(folder.path().join(sub)).unwrap();
        }
        folder.write(name, bytes);
    }
    let path = folder.write(name, bytes);
    folder.compile_file(&path, &ImportLimits::default())
}

fn features(compiled: &Compiled) -> Vec<String> {
    compiled
        .notices
        .iter()
        .map(|notice| notice.feature.clone())
        .filter(|feature| feature != "light")
        .collect()
}

#[test]
fn blender_s_obj_is_its_gltf() {
    let bytes = fixture("ring.obj");
    let compiled = compiled("ring.obj", &bytes, &[("ring.mtl", &fixture("ring.mtl"))]).unwrap();
    assert!(features(&compiled).is_empty(), "{:?}", compiled.notices);
    same_ring(&compiled.package, Steps { position: 1e-5, normal: 1e-3, color: 1e-3 });
    let [glaze] = records::<Material>(&compiled.package, SectionKind::Materials)[..] else { panic!() };
    assert_eq!((glaze.base_color, glaze.metallic, glaze.roughness), ([0.2, 0.5, 0.8, 1.0], 0.0, 0.3));
    assert_eq!((glaze.specular, glaze.specular_color), (1.0, [1.0; 3]));
    assert_eq!(glaze.flags, MATERIAL_DOUBLE_SIDED);
}

#[test]
fn blender_s_ply_is_its_gltf_as_text_and_as_bytes_of_both_orders() {
    let steps = || Steps { position: 1e-5, normal: 1e-3, color: 0.01 };
    let binary = fixture("ring.ply");
    for (name, bytes) in
        [("text", fixture("ring_ascii.ply")), ("little", binary.clone()), ("big", turned(&binary))]
    {
        let compiled = compiled("ring.ply", &bytes, &[]).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(features(&compiled).is_empty(), "{name}: {:?}", compiled.notices);
        same_ring(&compiled.package, steps());
        let uvs: Vec<VertexAttributes> = records(&compiled.package, SectionKind::Attributes);
        assert!(uvs.iter().any(|vertex| vertex.u0 > 0.9 && vertex.v0 < 0.2), "{name}");
    }
}

/// Blender's binary ring with every number turned round.
fn turned(little: &[u8]) -> Vec<u8> {
    let end = little.windows(11).position(|w| w == b"end_header\n").unwrap() + 11;
    let header = std::str::from_utf8(&little[..end]).unwrap().replace("little", "big");
    let mut rest = &little[end..];
    let mut out = header.into_bytes();
    let mut turn = |size: usize| {
        let (number, after) = rest.split_at(size);
        rest = after;
        out.extend(number.iter().rev());
    };
    for _ in 0..117 {
        for size in [4, 4, 4, 4, 4, 4, 1, 1, 1, 1, 4, 4] {
            turn(size);
        }
    }
    for _ in 0..96 {
        for size in [1, 4, 4, 4, 4] {
            turn(size);
        }
    }
    assert!(rest.is_empty());
    out
}

/// A square of one material with texture coordinates.
const SQUARE: &str = "mtllib a.mtl\nv 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\nusemtl a\nf 1/1 2/2 3/3 4/4\n";

fn png(texels: &[[u8; 4]], width: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let height = texels.len() as u32 / width;
    image::codecs::png::PngEncoder::new(&mut out)
        .write_image(texels.as_flattened(), width, height, image::ExtendedColorType::Rgba8)
        .unwrap();
    out
}

/// The square's first material with these lines of MTL.
fn material(lines: &str, others: &[(&str, &[u8])]) -> (Material, Compiled) {
    let library = format!("newmtl a\n{lines}");
    let files: Vec<_> = others.iter().copied().chain([("a.mtl", library.as_bytes())]).collect();
    let compiled = compiled("square.obj", SQUARE.as_bytes(), &files).unwrap();
    let [material] = records::<Material>(&compiled.package, SectionKind::Materials)[..] else { panic!() };
    (material, compiled)
}

#[test]
fn numbers_of_mtl_become_metallic_roughness() {
    let plain = |lines: &str| material(lines, &[]).0;
    let a = plain("Kd 0.1 0.2 0.3\nNs 30\nNi 1.0\nd 0.25\nillum 2");
    assert_eq!(a.base_color, [0.1, 0.2, 0.3, 0.25]);
    assert!((f64::from(a.roughness) - (2.0f64 / 32.0).powf(0.25)).abs() < 1e-6);
    assert_eq!(a.flags & MATERIAL_BLEND, MATERIAL_BLEND);
    assert_eq!((a.specular, a.dielectric_f0), (1.0, 0.04));
    assert_eq!(plain("Tr 0.25").base_color[3], 0.75);
    let metal = plain("Pm 1\nPr 0.125\nNs 1000\nillum 1");
    assert_eq!((metal.metallic, metal.roughness, metal.specular), (1.0, 0.125, 1.0));
    assert_eq!(plain("Kd 0.5\nillum 1\nKs 1 1 1").specular, 0.0);
    let tinted = plain("Ks 0.5 0.25 0\nillum 2");
    assert_eq!((tinted.specular, tinted.specular_color), (1.0, [1.0, 0.5, 0.0]));
    assert_eq!(plain("Ks 0 0 0\nillum 2").specular, 0.0);
    assert!((plain("Ni 1.33").dielectric_f0 - 0.020_06).abs() < 1e-4);
    let lamp = plain("Ke 3 2 1");
    assert_eq!((lamp.emission, lamp.flags & MATERIAL_EMISSIVE), ([3.0, 2.0, 1.0], MATERIAL_EMISSIVE));
}

/// A material's texture of a role.
fn texture(compiled: &Compiled, material: &Material, role: u32) -> Option<TextureSlot> {
    let slots: Vec<TextureSlot> = records(&compiled.package, SectionKind::TextureSlots);
    let own = &slots[material.slot_start as usize..][..material.slot_count as usize];
    own.iter().find(|slot| slot.flags >> SLOT_ROLE_SHIFT == role).copied()
}

#[test]
fn maps_of_mtl_take_the_place_of_numbers_and_are_joined() {
    let color = png(&[[200, 100, 50, 255], [20, 10, 5, 255]], 2);
    let mask = png(&[[128, 128, 128, 255]], 1);
    let dark = png(&[[64, 64, 64, 255]], 1);
    let bumpy = png(&[[128, 128, 255, 255]], 1);
    let others: [(&str, &[u8]); 4] =
        [("t/color.png", &color), ("mask.png", &mask), ("dark.png", &dark), ("bumpy.png", &bumpy)];
    let (a, compiled) = material(
        "Kd 0.8 0.8 0.8\nmap_Kd -s 2 3 -o 0.5 0.25 t\\color.png\nmap_d mask.png\nPr 0\nmap_Pr mask.png\nmap_Pm dark.png\nmap_Bump -bm 0.5 bumpy.png\nmap_Ks dark.png",
        &others,
    );
    assert_eq!(features(&compiled), ["MTL map_ks"]);
    assert_eq!((a.base_color, a.metallic, a.roughness, a.normal_scale), ([1.0; 4], 1.0, 1.0, 0.5));
    assert_eq!(a.flags & MATERIAL_BLEND, MATERIAL_BLEND);
    let texels: Vec<[u8; 4]> = records(&compiled.package, SectionKind::Texels);
    for texel in [[200, 100, 50, 128], [20, 10, 5, 128], [255, 128, 64, 255], [128, 128, 255, 255]] {
        assert!(texels.contains(&texel), "{texel:?} {texels:?}");
    }
    let slot = texture(&compiled, &a, role::BASE_COLOR).unwrap();
    // v points up in MTL: 0.25 at the bottom edge is 1 − 3 − 0.25 at the top.
    assert_eq!((slot.row_u, slot.row_v), ([2.0, 0.0, 0.5], [0.0, 3.0, -2.25]));
    assert!(texture(&compiled, &a, role::NORMAL).is_some());
    let tangents: Vec<VertexAttributes> = records(&compiled.package, SectionKind::Attributes);
    assert!(tangents.iter().all(|vertex| vertex.tangent == [1.0, 0.0, 0.0]));
}

#[test]
fn a_grey_bump_map_is_a_height_field_and_is_named() {
    let grey = png(&[[9, 9, 9, 255]], 1);
    let (a, compiled) = material("bump grey.png", &[("grey.png", &grey)]);
    assert_eq!(features(&compiled), ["MTL height fields"]);
    assert_eq!(texture(&compiled, &a, role::NORMAL), None);
    let (a, compiled) = material("norm grey.png", &[("grey.png", &grey)]);
    assert!(texture(&compiled, &a, role::NORMAL).is_some());
}

#[test]
fn faces_count_backwards_wind_as_written_and_are_cut_where_they_are_hollow() {
    let text = "v 0 0 0\nv 4 0 0\nv 4 4 0\nv 3 1 0\n# a comment\nf -4 -3 \\\n-2 -1\no b\ng c\ns 1\nl 1 2\n";
    let compiled = compiled("hollow.OBJ", text.as_bytes(), &[]).unwrap();
    assert_eq!(features(&compiled), ["points and lines"]);
    let corners = corners(&compiled.package);
    assert_eq!(corners.len(), 6);
    let area: f64 = corners
        .chunks(3)
        .map(|t| {
            let [a, b, c] = [t[0][0], t[1][0], t[2][0]];
            ((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])) / 2.0
        })
        .inspect(|area| assert!(*area > 0.0))
        .sum();
    assert_eq!(area, 4.0);
}

#[test]
fn libraries_and_materials_that_are_not_there_are_named_and_grey() {
    let compiled = compiled("square.obj", SQUARE.as_bytes(), &[]).unwrap();
    assert_eq!(features(&compiled), ["OBJ libraries", "OBJ materials"]);
    let [grey] = records::<Material>(&compiled.package, SectionKind::Materials)[..] else { panic!() };
    assert_eq!((grey.base_color, grey.metallic, grey.roughness), ([0.8, 0.8, 0.8, 1.0], 0.0, 0.5));
}

#[test]
fn two_libraries_of_a_line_are_read() {
    let text = SQUARE.replace("mtllib a.mtl", "mtllib b.mtl a.mtl");
    let others: [(&str, &[u8]); 2] = [("a.mtl", b"newmtl a\nKd 1 0 0"), ("b.mtl", b"newmtl b")];
    let compiled = compiled("square.obj", text.as_bytes(), &others).unwrap();
    assert!(features(&compiled).is_empty(), "{:?}", compiled.notices);
    let [red] = records::<Material>(&compiled.package, SectionKind::Materials)[..] else { panic!() };
    assert_eq!(red.base_color, [1.0, 0.0, 0.0, 1.0]);
}

fn fails(name: &str, text: &str, expected: Expect) {
    let others: [(&str, &[u8]); 1] = [("bad.mtl", b"newmtl a\nKd red\n")];
    let outcome = compiled(name, text.as_bytes(), &others).map_or_else(|error| error, |_| "compiles".into());
    expected.assert_eq(&outcome);
}

#[test]
fn mistakes_in_obj_are_named_with_their_line() {
    let check = |text: &str, expected: Expect| fails("a.obj", text, expected);
    check("v 0 0 0\nf 1 2 3", expect!["a.obj: line 2: has the position 2; 1 came before"]);
    check("v 0 0 0\nf 1 0 1", expect!["a.obj: line 2: has the position 0; 1 came before"]);
    check("v 0 0 0\nf 1 1", expect!["a.obj: line 2: has a face of 2 corners"]);
    check("v 0 0 0\nf 1/1 1 1", expect!["a.obj: line 2: has the texture coordinate 1; 0 came before"]);
    check("v 0 0 0\nf /1 1 1", expect!["a.obj: line 2: has the texture coordinate 1; 0 came before"]);
    check("v 0 0 0\nf 1//-1 1 1", expect!["a.obj: line 2: has the normal -1; 0 came before"]);
    check("v 0 0 0\nf 1x 1 1", expect![[r#"a.obj: line 2: has the index "1x""#]]);
    check("v 0 0", expect!["a.obj: line 1: has 2 numbers where 3 are needed"]);
    check("v 0 0 1e39", expect![[r#"a.obj: line 1: has the number "1e39""#]]);
    check("v 0 0 NaN", expect![[r#"a.obj: line 1: has the number "NaN""#]]);
    check("vn 0 0 a", expect![[r#"a.obj: line 1: has the number "a""#]]);
    check(
        "mtllib ../a.mtl",
        expect![[
            r#"a.obj: library "../a.mtl": `../a.mtl` leaves the scene's folder; copy the file into it"#
        ]],
    );
    check(
        "mtllib /etc/passwd",
        expect![[
            r#"a.obj: library "/etc/passwd": `/etc/passwd` is absolute; copy the file into the scene's folder"#
        ]],
    );
    check(
        "mtllib http://example.org/a.mtl",
        expect![[
            r#"a.obj: library "http://example.org/a.mtl": `http://example.org/a.mtl` has a scheme; only files in the scene's folder and data URIs are read"#
        ]],
    );
    check("mtllib bad.mtl", expect![[r#"a.obj: library "bad.mtl", line 2: has the number "red""#]]);
}

#[test]
fn mistakes_in_ply_are_named() {
    let check = |text: &str, expected: Expect| fails("a.ply", text, expected);
    let head = "ply\nformat ascii 1.0\n";
    let points = "element vertex 3\nproperty float x\nproperty float y\nproperty float z\n";
    let faces = "element face 1\nproperty list uchar int vertex_indices\nend_header\n";
    let three = "0 0 0 1 0 0 0 1 0\n";
    check(&format!("{head}{points}{faces}{three}3 0 1 2"), expect!["compiles"]);
    check(
        &format!("{head}{points}{faces}{three}3 0 1 3"),
        expect![[r#"a.ply: PLY: "face" 0: a corner is 3; it must be 0 to 2"#]],
    );
    check(
        &format!("{head}{points}{faces}{three}3 0 1 -1"),
        expect![[r#"a.ply: PLY: "face" 0: a corner is -1; it must be 0 to 2"#]],
    );
    check(
        &format!("{head}{points}{faces}{three}3 0 1"),
        expect![[r#"a.ply: PLY: "face" 0: the file ends early"#]],
    );
    check(
        &format!("{head}{points}{faces}0 0 0 1 0 0 0 1 nan"),
        expect![[r#"a.ply: PLY: "vertex" 2: its "z" is NaN"#]],
    );
    check(
        &format!("{head}{points}{faces}0 0 0 1 0 0 0 1 red"),
        expect![[r#"a.ply: PLY: "vertex" 2: "red" is no number"#]],
    );
    check(&format!("{head}{faces}3 0 1 2"), expect![[r#"a.ply: PLY: "face" 0: comes before the vertices"#]]);
    check(
        &format!("{head}element vertex 99999999999\nproperty float x\nend_header\n"),
        expect!["a.ply: the scene: 99999999999 vertices; at most 67108864 are read"],
    );
    check(
        &format!("{head}element vertex 1\nproperty float x\nend_header\n1"),
        expect!["a.ply: PLY: its vertices have no property `y`"],
    );
    check(&format!("{head}element lamp 99999999999\nend_header\n"), expect!["compiles"]);
    check(
        &format!("{head}element lamp 99999999999\nproperty list int int a\nend_header\n0 0"),
        expect![[r#"a.ply: PLY: "lamp" 2: the file ends early"#]],
    );
    check(
        &format!("{head}property float x\nend_header\n"),
        expect!["a.ply: PLY: its header has a property before any element"],
    );
    check(
        &format!("{head}element a 1\nproperty half x\nend_header\n"),
        expect![[r#"a.ply: PLY: it has a property of the unknown type "half""#]],
    );
    check(
        &format!("{head}element a 1\nproperty list float int x\nend_header\n"),
        expect![[r#"a.ply: PLY: the list "x" has a length that is no integer"#]],
    );
    check(&format!("{head}element a many\n"), expect![[r#"a.ply: PLY: it has "many" of "a""#]]);
    check("ply\nformat binary 1.0\n", expect![[r#"a.ply: PLY: it has the unknown format "binary""#]]);
    check("ply\nend_header\n", expect!["a.ply: PLY: its header has no line `format … 1.0`"]);
    check("plyformat", expect!["a.ply: PLY: its header does not end within 9 bytes"]);
    check("solid\n", expect!["a.ply: PLY: it does not start with the line `ply`"]);
    check("ply\nwhat\n", expect![[r#"a.ply: PLY: its header has the line "what""#]]);
}

#[test]
fn limits_hold() {
    let with = |name: &str, bytes: &[u8], limits: ImportLimits| {
        let folder = Folder::new();
        let path = folder.write(name, bytes);
        folder.compile_file(&path, &limits).map_or_else(|error| error, |_| "compiles".into())
    };
    let limits = ImportLimits::default;
    let (obj, ply) = (fixture("ring.obj"), fixture("ring.ply"));
    expect!["a.obj: the scene: 96 vertices; at most 95 are read"].assert_eq(&with(
        "a.obj",
        &obj,
        ImportLimits { vertices_max: 95, ..limits() },
    ));
    expect!["a.obj: the scene: 117 vertices; at most 116 are read"].assert_eq(&with(
        "a.obj",
        &obj,
        ImportLimits { vertices_max: 116, ..limits() },
    ));
    expect!["a.obj: the scene: 192 triangles; at most 191 are read"].assert_eq(&with(
        "a.obj",
        &obj,
        ImportLimits { triangles_max: 191, ..limits() },
    ));
    expect!["a.obj: a.obj: 13362 bytes; at most 100 are read"].assert_eq(&with(
        "a.obj",
        &obj,
        ImportLimits { file_bytes_max: 100, ..limits() },
    ));
    expect!["a.ply: the scene: 117 vertices; at most 116 are read"].assert_eq(&with(
        "a.ply",
        &ply,
        ImportLimits { vertices_max: 116, ..limits() },
    ));
    expect!["a.ply: the scene: 192 triangles; at most 191 are read"].assert_eq(&with(
        "a.ply",
        &ply,
        ImportLimits { triangles_max: 191, ..limits() },
    ));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn bent_files_never_panic(
        which in 0usize..3,
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let name = ["ring.obj", "ring.ply", "ring_ascii.ply"][which];
        let mut bytes = fixture(name);
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(compiled) = compiled(name, &bytes, &[]) {
            prop_assert_eq!(tessera_shared::package::validate::validate(&compiled.package), Ok(()));
        }
    }
}
