//! "Mosaic": a medallion of some two thousand tesserae, and on it a still life in metal, glaze and clay under a warm lamp.

use std::f32::consts::TAU;

use serde_json::{Value, json};

use crate::glb::Glb;
use crate::shapes::{Random, Shape};
use crate::sky::Sky;

pub const SKY: Sky = Sky {
    zenith: [0.20, 0.32, 0.60],
    horizon: [0.85, 0.80, 0.84],
    ground: [0.10, 0.09, 0.08],
    sun: [9.0, 6.6, 4.6],
    sun_direction: [-0.75, 0.42, 0.5],
    sun_width: 0.16,
};

/// What tesserae are made of.
#[derive(Clone, Copy, PartialEq)]
enum Stuff {
    Ivory,
    Terracotta,
    Teal,
    Midnight,
    Gold,
}

const STUFFS: [(Stuff, &str, [f32; 3], f32, f32); 5] = [
    (Stuff::Ivory, "ivory", [0.80, 0.73, 0.60], 0.0, 0.45),
    (Stuff::Terracotta, "terracotta", [0.56, 0.17, 0.075], 0.0, 0.60),
    (Stuff::Teal, "teal glaze", [0.02, 0.25, 0.27], 0.0, 0.16),
    (Stuff::Midnight, "midnight glaze", [0.012, 0.03, 0.11], 0.0, 0.12),
    (Stuff::Gold, "gold leaf", [1.0, 0.70, 0.27], 1.0, 0.24),
];

/// The pattern: which stuff lies at a radius and an angle given in turns.
fn pattern(radius: f32, turn: f32) -> Stuff {
    let fraction = |x: f32| x - x.floor();
    let zigzag = |count: f32| (2.0 * fraction(turn * count) - 1.0).abs();
    if radius < 1.25 {
        // A rosette of twelve petals.
        let petal = 0.55 + 0.65 * (1.0 - zigzag(12.0)).powf(0.6);
        return if radius < 0.4 {
            Stuff::Gold
        } else if radius < petal {
            Stuff::Ivory
        } else {
            Stuff::Teal
        };
    }
    match radius {
        r if r < 1.45 => Stuff::Gold,
        r if r < 2.65 => {
            // Waves that turn with the radius.
            let wave = fraction(turn * 16.0 + 0.55 * (r - 1.45));
            if wave < 0.5 { Stuff::Midnight } else { Stuff::Teal }
        }
        r if r < 2.85 => Stuff::Ivory,
        r if r < 4.05 => {
            if zigzag(24.0) > (r - 2.85) / 1.2 {
                Stuff::Terracotta
            } else {
                Stuff::Ivory
            }
        }
        r if r < 4.25 => Stuff::Gold,
        r if r < 5.05 => {
            if fraction(turn * 48.0) < 0.5 && r < 4.65 {
                Stuff::Teal
            } else {
                Stuff::Midnight
            }
        }
        _ => Stuff::Ivory,
    }
}

/// A tessera between two radii and two angles: a flat top on sloping sides, a little tilted.
fn tessera(shape: &mut Shape, radii: [f32; 2], turns: [f32; 2], random: &mut Random) {
    const GAP: f32 = 0.012;
    const BEVEL: f32 = 0.016;
    let first = shape.positions.len() as u32;
    let height = random.within(0.030, 0.044);
    let tilt = [random.within(-0.03, 0.03), random.within(-0.03, 0.03)];
    let middle = (radii[0] + radii[1]) / 2.0;
    let shade = random.within(0.72, 1.0);
    let tint: [f32; 3] = std::array::from_fn(|_| shade * random.within(0.92, 1.0));
    let color = tint.map(|c| (c * 255.0) as u8);
    for (inset, top) in [(GAP, false), (GAP + BEVEL, true)] {
        for (outer, late) in [(false, false), (true, false), (true, true), (false, true)] {
            let radius = if outer { radii[1] - inset } else { radii[0] + inset };
            let angle = TAU * if late { turns[1] } else { turns[0] };
            let shift = if late { -inset } else { inset } / radius.max(0.05);
            let (sin, cos) = (angle + shift).sin_cos();
            let (x, z) = (radius * sin, radius * cos);
            let lean = tilt[0] * (x - middle * sin) + tilt[1] * (radius - middle);
            shape.positions.push([x, if top { height + lean } else { -0.01 }, z]);
            shape.colors.push([color[0], color[1], color[2], 255]);
        }
    }
    let quads = [[4, 5, 6, 7], [0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7]];
    for [a, b, c, d] in quads.map(|quad| quad.map(|i| i + first)) {
        shape.triangles.extend([[a, b, c], [a, c, d]]);
    }
}

fn floor(glb: &mut Glb) -> Value {
    let mut random = Random(7);
    let mut shapes: Vec<Shape> = vec![Shape::default(); STUFFS.len()];
    let (mut radius, width) = (0.2, 0.205);
    while radius < 5.25 {
        let radii = [radius, radius + width];
        let middle = radius + width / 2.0;
        // A multiple of twelve keeps the pattern's symmetry.
        let count = ((TAU * middle / 0.235 / 12.0).round() as u32).max(1) * 12;
        let offset = if count.is_multiple_of(24) { 0.0 } else { 0.5 / count as f32 };
        for i in 0..count {
            let turns = [i, i + 1].map(|i| i as f32 / count as f32 + offset);
            let stuff = pattern(middle, (turns[0] + turns[1]) / 2.0);
            let which = STUFFS.iter().position(|entry| entry.0 == stuff).unwrap_or(0);
            tessera(&mut shapes[which], radii, turns, &mut random);
        }
        radius += width;
    }
    let mut primitives = Vec::new();
    for (shape, (_, name, color, metallic, roughness)) in shapes.iter().zip(STUFFS) {
        let material = glb.material(surface(name, color, metallic, roughness));
        let mut primitive = glb.primitive(shape);
        primitive["material"] = material.into();
        primitives.push(primitive);
    }
    json!({"name": "medallion", "primitives": primitives})
}

fn surface(name: &str, color: [f32; 3], metallic: f32, roughness: f32) -> Value {
    json!({"name": name, "pbrMetallicRoughness": {
        "baseColorFactor": [color[0], color[1], color[2], 1.0],
        "metallicFactor": metallic,
        "roughnessFactor": roughness,
    }})
}

fn lamp(name: &str, color: [f32; 3], strength: f32) -> Value {
    json!({
        "name": name,
        "pbrMetallicRoughness": {"baseColorFactor": [0.0, 0.0, 0.0, 1.0], "metallicFactor": 0.0, "roughnessFactor": 1.0},
        "emissiveFactor": color,
        "extensions": {"KHR_materials_emissive_strength": {"emissiveStrength": strength}},
    })
}

/// Name, shape, place on the floor, size, turn and material.
type Standing = (&'static str, Shape, [f32; 2], f32, [f32; 4], Value);

pub fn scene() -> Vec<u8> {
    let mut glb = Glb::using(&["KHR_materials_emissive_strength"]);
    let medallion = floor(&mut glb);
    glb.meshes.push(medallion);
    glb.nodes.push(json!({"name": "medallion", "mesh": 0}));

    let grout = glb.material(surface("grout", [0.11, 0.10, 0.09], 0.0, 0.9));
    let disc = glb.primitive(&Shape::disc(5.42, 0.012, 96));
    let mesh = glb.mesh("grout", disc, grout);
    glb.nodes.push(json!({"name": "grout", "mesh": mesh}));
    let slate = glb.material(surface("slate", [0.07, 0.075, 0.09], 0.0, 0.36));
    let disc = glb.primitive(&Shape::disc(60.0, 0.0, 96));
    let mesh = glb.mesh("slate", disc, slate);
    glb.nodes.push(json!({"name": "slate", "mesh": mesh}));

    // One sphere serves every ball.
    let sphere = glb.primitive(&Shape::sphere(64, 32));
    let balls: [(&str, [f32; 3], f32, Value); 6] = [
        ("mirror", [-1.75, 0.0, 0.35], 0.95, surface("polished silver", [0.93, 0.92, 0.90], 1.0, 0.04)),
        ("clay", [1.95, 0.0, 0.85], 0.62, surface("red clay", [0.60, 0.16, 0.07], 0.0, 0.75)),
        ("pearl", [0.75, 0.0, 2.35], 0.36, surface("pearl", [0.86, 0.80, 0.74], 0.0, 0.18)),
        ("copper", [-0.55, 0.0, 2.05], 0.27, surface("copper", [0.95, 0.52, 0.36], 1.0, 0.22)),
        ("ink", [1.62, 0.0, 2.1], 0.22, surface("ink glaze", [0.01, 0.045, 0.12], 0.0, 0.08)),
        ("lantern", [-0.75, 0.0, 3.0], 0.16, lamp("lantern", [1.0, 0.55, 0.2], 16.0)),
    ];
    for (name, [x, _, z], radius, material) in balls {
        let material = glb.material(material);
        let mesh = glb.mesh(name, sphere.clone(), material);
        glb.nodes.push(json!({
            "name": name, "mesh": mesh, "translation": [x, radius + 0.036, z], "scale": [radius, radius, radius],
        }));
    }
    let standing: [Standing; 2] = [
        (
            "knot",
            Shape::torus_knot(2.0, 3.0, 0.42, 0.235, 240, 20),
            [0.4, -0.75],
            0.86,
            [0.55, 0.20, -0.10, 0.80],
            surface("jade glaze", [0.03, 0.34, 0.22], 0.0, 0.10),
        ),
        (
            "icosahedron",
            Shape::icosphere(0),
            [3.05, -0.9],
            0.62,
            [0.0, 0.33, 0.32, 0.888],
            surface("brass", [0.91, 0.67, 0.31], 1.0, 0.28),
        ),
    ];
    for (name, shape, [x, z], size, turn, material) in standing {
        let length = turn.iter().map(|c| c * c).sum::<f32>().sqrt();
        let turn = turn.map(|c| c / length);
        let material = glb.material(material);
        let primitive = glb.primitive(&shape);
        let mesh = glb.mesh(name, primitive, material);
        glb.nodes.push(json!({
            "name": name, "mesh": mesh, "translation": [x, size * shape.depth(turn) + 0.036, z],
            "rotation": turn, "scale": [size, size, size],
        }));
    }
    panel(&mut glb);
    glb.finish()
}

/// A tall warm lamp to the left, facing the group.
fn panel(glb: &mut Glb) {
    let panel = glb.material(lamp("panel", [1.0, 0.72, 0.44], 32.0));
    let quad = Shape {
        positions: vec![[-1.2, -1.6, 0.0], [1.2, -1.6, 0.0], [1.2, 1.6, 0.0], [-1.2, 1.6, 0.0]],
        triangles: vec![[0, 1, 2], [0, 2, 3]],
        ..Shape::default()
    };
    let quad = glb.primitive(&quad);
    let mesh = glb.mesh("panel", quad, panel);
    glb.nodes.push(json!({
        "name": "panel", "mesh": mesh, "translation": [-5.4, 3.6, 2.6], "rotation": [-0.12, 0.55, 0.08, 0.82],
    }));
}
