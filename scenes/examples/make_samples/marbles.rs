//! "Marbles": a row of spheres on a table, each of another layer of the Khronos extensions, under a lamp and the sky.

use image::ExtendedColorType;
use serde_json::{Value, json};

use crate::glb::{Glb, png};
use crate::shapes::Shape;

const EXTENSIONS: &[&str] = &[
    "KHR_lights_punctual",
    "KHR_materials_anisotropy",
    "KHR_materials_clearcoat",
    "KHR_materials_diffuse_transmission",
    "KHR_materials_dispersion",
    "KHR_materials_ior",
    "KHR_materials_iridescence",
    "KHR_materials_sheen",
    "KHR_materials_specular",
    "KHR_materials_transmission",
    "KHR_materials_volume",
    "KHR_texture_transform",
];

/// Quads around and down a sphere.
const AROUND: u32 = 48;
const DOWN: u32 = 32;

/// A unit sphere with texture coordinates.
fn ball() -> Shape {
    let mut shape = Shape::sphere(AROUND, DOWN);
    let share = |i: u32, count: u32| i as f32 / count as f32;
    shape.uvs = (0..=DOWN)
        .flat_map(|row| (0..=AROUND).map(move |column| [share(column, AROUND), share(row, DOWN)]))
        .collect();
    shape
}

/// The same ball without the triangles that its poles make nothing of.
fn without_slivers(mut shape: Shape) -> Shape {
    shape.triangles.retain(|triangle| {
        let [a, b, c] = triangle.map(|i| shape.positions[i as usize]);
        a != b && b != c && c != a
    });
    shape
}

fn picture(edge: u32, texel: impl Fn(f32, f32) -> [f32; 4]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for y in 0..edge {
        for x in 0..edge {
            let at = [x, y].map(|i| (i as f32 + 0.5) / edge as f32);
            bytes.extend(texel(at[0], at[1]).map(|value| (value.clamp(0.0, 1.0) * 255.0).round() as u8));
        }
    }
    png(edge, ExtendedColorType::Rgba8, &bytes)
}

/// Stripes in red, a ramp in green, waves in blue, a checker in alpha: something for every channel that an extension reads.
fn pattern(u: f32, v: f32) -> [f32; 4] {
    let stripes = if (v * 12.0).fract() < 0.75 { 1.0 } else { 0.2 };
    let checker = if ((u * 12.0) as u32 + (v * 8.0) as u32).is_multiple_of(2) { 1.0 } else { 0.4 };
    [stripes, v, 0.6 + 0.4 * (u * 25.0).sin(), checker]
}

fn ripples(u: f32, v: f32) -> [f32; 4] {
    let tilt = 0.2 * (u * 75.4).sin();
    let other = 0.2 * (v * 50.3).sin();
    [0.5 + 0.5 * tilt, 0.5 + 0.5 * other, 0.5 + 0.5 * (1.0 - tilt * tilt - other * other).sqrt(), 1.0]
}

fn surface(name: &str, color: [f32; 3], metallic: f32, roughness: f32, extensions: Value) -> Value {
    let [r, g, b] = color;
    json!({"name": name, "extensions": extensions, "pbrMetallicRoughness": {
        "baseColorFactor": [r, g, b, 1.0], "metallicFactor": metallic, "roughnessFactor": roughness,
    }})
}

/// Materials that light bounces off; `layers` and `bumps` are textures.
fn opaque(layers: usize, bumps: usize) -> Vec<Value> {
    let fine = json!({"index": layers, "extensions": {"KHR_texture_transform": {"scale": [3.0, 2.0]}}});
    let layers = json!({"index": layers});
    let bumps = json!({"index": bumps, "scale": 0.6});
    let coat = json!({
        "clearcoatFactor": 1.0, "clearcoatTexture": layers, "clearcoatRoughnessFactor": 0.3,
        "clearcoatRoughnessTexture": layers, "clearcoatNormalTexture": bumps,
    });
    let velvet = json!({
        "sheenColorFactor": [0.8, 0.75, 1.0], "sheenColorTexture": fine,
        "sheenRoughnessFactor": 0.6, "sheenRoughnessTexture": layers,
    });
    let specular = json!({"specularFactor": 0.5, "specularColorFactor": [0.6, 0.7, 1.0]});
    let brushed = json!({"anisotropyStrength": 0.8, "anisotropyRotation": 0.7, "anisotropyTexture": fine});
    let paper = json!({
        "diffuseTransmissionFactor": 0.8, "diffuseTransmissionTexture": layers,
        "diffuseTransmissionColorFactor": [1.0, 0.75, 0.4], "diffuseTransmissionColorTexture": fine,
    });
    let velvet = json!({"KHR_materials_sheen": velvet, "KHR_materials_specular": specular});
    vec![
        surface("car paint", [0.35, 0.02, 0.03], 0.7, 0.45, json!({"KHR_materials_clearcoat": coat})),
        surface("velvet", [0.05, 0.04, 0.16], 0.0, 0.9, velvet),
        surface("brushed steel", [0.75, 0.72, 0.68], 1.0, 0.35, json!({"KHR_materials_anisotropy": brushed})),
        surface("paper", [0.9, 0.85, 0.7], 0.0, 0.8, json!({"KHR_materials_diffuse_transmission": paper})),
    ]
}

/// Materials that light goes through; `layers` is a texture.
fn clear(layers: usize) -> Vec<Value> {
    let layers = json!({"index": layers});
    let glass = json!({
        "KHR_materials_transmission": {"transmissionFactor": 1.0},
        "KHR_materials_volume": {
            "thicknessFactor": 1.0, "attenuationColor": [0.2, 0.8, 0.45], "attenuationDistance": 0.6,
        },
    });
    let gem = json!({
        "KHR_materials_transmission": {"transmissionFactor": 1.0, "transmissionTexture": layers},
        "KHR_materials_volume": {
            "thicknessFactor": 1.0, "attenuationColor": [0.9, 0.85, 1.0], "attenuationDistance": 2.0,
        },
        "KHR_materials_ior": {"ior": 1.8}, "KHR_materials_dispersion": {"dispersion": 4.0},
    });
    let bubble = json!({
        "KHR_materials_transmission": {"transmissionFactor": 1.0},
        "KHR_materials_iridescence": {
            "iridescenceFactor": 1.0, "iridescenceIor": 1.33, "iridescenceThicknessMinimum": 200.0,
            "iridescenceThicknessMaximum": 700.0, "iridescenceThicknessTexture": layers,
        },
    });
    vec![
        surface("green glass", [1.0; 3], 0.0, 0.0, glass),
        surface("frosted gem", [0.95, 0.95, 1.0], 0.0, 0.25, gem),
        surface("bubble", [1.0; 3], 0.0, 0.0, bubble),
    ]
}

pub fn scene() -> Vec<u8> {
    let mut glb = Glb::using(EXTENSIONS);
    let layers = glb.texture("layers", &picture(64, pattern));
    let bumps = glb.texture("ripples", &picture(64, ripples));
    let table = glb.material(surface("table", [0.30, 0.24, 0.19], 0.0, 0.5, json!({})));
    let disc = glb.primitive(&Shape::disc(30.0, 0.0, 48));
    let mesh = glb.mesh("table", disc, table);
    glb.nodes.push(json!({"name": "table", "mesh": mesh}));
    let ball = glb.primitive(&without_slivers(ball()));
    let (opaque, clear) = (opaque(layers, bumps), clear(layers));
    for (i, material) in opaque.into_iter().chain(clear).enumerate() {
        let name = material["name"].clone();
        let material = glb.material(material);
        let mesh = glb.mesh(name.as_str().unwrap_or("ball"), ball.clone(), material);
        let (row, column) = (i as f32 / 4.0, i % 4);
        let back = row.floor();
        let at = [2.3 * column as f32 - 3.45 + 1.15 * back, 1.0, 1.2 - 2.4 * back];
        glb.nodes.push(json!({"name": name, "mesh": mesh, "translation": at}));
    }
    glb.lights = vec![
        json!({"name": "lamp", "type": "spot", "color": [1.0, 0.85, 0.6], "intensity": 90000.0,
               "spot": {"innerConeAngle": 0.3, "outerConeAngle": 0.7}}),
        json!({"name": "glow", "type": "point", "color": [0.5, 0.7, 1.0], "intensity": 9000.0}),
    ];
    // A spot looks along −Z: turned down by 70°.
    let (sin, cos) = (-70.0f32.to_radians() / 2.0).sin_cos();
    let spot = json!({"KHR_lights_punctual": {"light": 0}});
    let point = json!({"KHR_lights_punctual": {"light": 1}});
    glb.nodes.push(json!({"name": "lamp", "translation": [-1.0, 9.0, 3.0], "rotation": [sin, 0.0, 0.0, cos], "extensions": spot}));
    glb.nodes.push(json!({"name": "glow", "translation": [5.0, 3.0, -4.0], "extensions": point}));
    glb.finish()
}
