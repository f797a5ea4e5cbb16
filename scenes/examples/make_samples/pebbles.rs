//! "Pebbles": a beach of instanced stones on rippled sand with fallen leaves, in low sun.

use std::f32::consts::TAU;

use image::ExtendedColorType;
use serde_json::{Value, json};

use crate::glb::{Glb, png};
use crate::shapes::{Random, Shape, add, scale, unit};
use crate::sky::Sky;

pub const SKY: Sky = Sky {
    zenith: [0.14, 0.27, 0.58],
    horizon: [0.72, 0.70, 0.72],
    ground: [0.16, 0.13, 0.10],
    sun: [60.0, 44.0, 27.0],
    sun_direction: [0.72, 0.42, -0.30],
    sun_width: 0.075,
};

/// Smooth noise in 3D of about −1 to 1: a few waves in fixed directions.
fn waves(p: [f32; 3], seed: u64) -> f32 {
    let mut random = Random(seed);
    let mut sum = 0.0;
    for octave in 0..9 {
        let direction = [0; 3].map(|_| random.within(-1.0, 1.0));
        let frequency = 1.2 + 0.45 * octave as f32;
        let phase: f32 = (0..3).map(|k| p[k] * direction[k]).sum::<f32>() * frequency;
        sum += (phase + random.within(0.0, TAU)).sin() / (1.0 + 0.5 * octave as f32);
    }
    sum / 2.6
}

/// A flat, rounded stone about one metre across, lying in y.
fn pebble(seed: u64) -> Shape {
    let mut shape = Shape::icosphere(3);
    for position in &mut shape.positions {
        let bump = 1.0 + 0.16 * waves(*position, seed) + 0.025 * waves(scale(*position, 4.0), seed + 50);
        let [x, y, z] = scale(*position, 0.5 * bump);
        *position = [x, 0.62 * y, 0.86 * z];
    }
    shape.smoothed()
}

/// A leaf of 2 × 1 metres, bent along its length, base at the origin.
fn leaf() -> Shape {
    let (along, across) = (8, 4);
    let mut shape = Shape::default();
    for row in 0..=along {
        for column in 0..=across {
            let (u, v) = (row as f32 / along as f32, column as f32 / across as f32);
            let fold = (v - 0.5).abs();
            shape.positions.push([2.0 * u, 0.34 * (u * 2.6).sin() * u + 0.26 * fold, v - 0.5]);
            shape.uvs.push([u, v]);
            if row < along && column < across {
                let a = row * (across + 1) + column;
                let c = a + across + 1;
                shape.triangles.extend([[a, a + 1, c], [a + 1, c + 1, c]]);
            }
        }
    }
    shape.smoothed()
}

/// The sand's height, periodic in 0..1: wind ripples and grains.
fn sand_height(u: f32, v: f32) -> f32 {
    let bend = 0.05 * (TAU * v * 2.0).sin() + 0.03 * (TAU * (u + v)).sin();
    let ripple = (TAU * (7.0 * (u + bend) + 2.0 * v)).sin();
    let swell = (TAU * (2.0 * u - v)).sin() * (TAU * 3.0 * v).cos();
    0.011 * ripple + 0.007 * swell
}

fn sand_textures() -> (Vec<u8>, Vec<u8>) {
    const EDGE: u32 = 192;
    let mut random = Random(3);
    let grain: Vec<f32> = (0..EDGE * EDGE).map(|_| random.unit()).collect();
    let height = |x: u32, y: u32| {
        let (x, y) = (x % EDGE, y % EDGE);
        sand_height(x as f32 / EDGE as f32, y as f32 / EDGE as f32) + 0.0012 * grain[(y * EDGE + x) as usize]
    };
    let (mut normals, mut colors) = (Vec::new(), Vec::new());
    for y in 0..EDGE {
        for x in 0..EDGE {
            let slope_u = (height(x + 1, y) - height(x + EDGE - 1, y)) * EDGE as f32 / 2.0;
            let slope_v = (height(x, y + 1) - height(x, y + EDGE - 1)) * EDGE as f32 / 2.0;
            // Green points against v, which runs down the picture.
            let normal = unit([-0.55 * slope_u, 0.55 * slope_v, 1.0]);
            normals.extend(normal.map(|n| ((n * 0.5 + 0.5) * 255.0).round() as u8));
            let tone = 0.80 + 0.13 * grain[(y * EDGE + x) as usize] + 4.0 * height(x, y);
            // Fewer levels compress better and are not seen among the grains.
            colors.extend(
                [0.80, 0.68, 0.53].map(|c: f32| ((c * tone).clamp(0.0, 1.0) * 63.0).round() as u8 * 4),
            );
        }
    }
    (png(EDGE, ExtendedColorType::Rgb8, &normals), png(EDGE, ExtendedColorType::Rgb8, &colors))
}

/// A leaf's colour with its outline in alpha.
fn leaf_texture() -> Vec<u8> {
    const EDGE: u32 = 128;
    let mut bytes = Vec::new();
    for y in 0..EDGE {
        for x in 0..EDGE {
            let (u, v) = ((x as f32 + 0.5) / EDGE as f32, (y as f32 + 0.5) / EDGE as f32 * 2.0 - 1.0);
            let width = 0.95 * (std::f32::consts::PI * u.powf(0.75)).sin().max(0.0).powf(0.8);
            let serration = 0.05 * ((u * 34.0).fract() - 0.5) * width;
            let stem = if u < 0.12 { 0.05 } else { 0.0 };
            let inside = v.abs() < (width + serration).max(stem);
            let rib = (-(v / 0.035).powi(2)).exp();
            let side = ((u - 0.55 * v.abs()) * 9.0).fract();
            let vein = 0.5 * (-((side - 0.5) / 0.06).powi(2)).exp() * (1.0 - v.abs());
            let light = (0.5 * rib + vein).min(1.0);
            let edge = (v.abs() / width.max(0.01)).min(1.0).powi(3);
            let base = [0.74 + 0.14 * edge, 0.34 - 0.16 * edge, 0.07];
            let color = base.map(|c: f32| ((c + (0.92 - c) * 0.55 * light) * 255.0) as u8);
            bytes.extend([color[0], color[1], color[2], if inside { 255 } else { 0 }]);
        }
    }
    png(EDGE, ExtendedColorType::Rgba8, &bytes)
}

/// A rotation about +Y after a small lean, as a quaternion.
fn turned(random: &mut Random, lean: f32) -> [f32; 4] {
    let (sin, cos) = (random.within(0.0, TAU) / 2.0).sin_cos();
    let (a, b) = (random.within(-lean, lean) / 2.0, random.within(-lean, lean) / 2.0);
    // (0, sin, 0, cos) · (a, 0, b, 1), the small angles taken as their sines.
    let product = [cos * a + sin * b, sin, cos * b - sin * a, cos];
    let length = product.iter().map(|c| c * c).sum::<f32>().sqrt();
    product.map(|c| c / length)
}

/// Places of stones that do not overlap: large ones first.
fn places() -> Vec<([f32; 3], f32)> {
    let mut random = Random(11);
    let mut placed: Vec<([f32; 3], f32)> = Vec::new();
    for (count, low, high, spread) in [(9, 0.75, 1.15, 3.0), (60, 0.28, 0.55, 5.0), (520, 0.07, 0.2, 6.5)] {
        for _ in 0..count {
            let size = random.within(low, high);
            for _ in 0..30 {
                // Denser near a diagonal band through the picture.
                let along = random.within(-spread, spread);
                let off = random.within(-1.0, 1.0).powi(3) * spread * 0.75;
                let at = [along + 0.45 * off, 0.0, off - 0.3 * along];
                let free = placed.iter().all(|(other, other_size)| {
                    let gap = ((at[0] - other[0]).powi(2) + (at[2] - other[2]).powi(2)).sqrt();
                    gap > 0.48 * (size + other_size)
                });
                if free {
                    placed.push((at, size));
                    break;
                }
            }
        }
    }
    placed
}

/// Translation, rotation and scale.
type Placed = ([f32; 3], [f32; 4], [f32; 3]);

fn instanced(glb: &mut Glb, name: &str, mesh: usize, instances: &[Placed]) {
    let translations: Vec<[f32; 3]> = instances.iter().map(|i| i.0).collect();
    let rotations: Vec<[f32; 4]> = instances.iter().map(|i| i.1).collect();
    let scales: Vec<[f32; 3]> = instances.iter().map(|i| i.2).collect();
    let attributes = json!({
        "TRANSLATION": glb.floats(&translations), "ROTATION": glb.floats(&rotations), "SCALE": glb.floats(&scales),
    });
    glb.nodes.push(json!({
        "name": name, "mesh": mesh, "extensions": {"EXT_mesh_gpu_instancing": {"attributes": attributes}},
    }));
}

fn stone(name: &str, color: [f32; 3], roughness: f32) -> Value {
    json!({"name": name, "pbrMetallicRoughness": {
        "baseColorFactor": [color[0], color[1], color[2], 1.0], "metallicFactor": 0.0, "roughnessFactor": roughness,
    }})
}

pub fn scene() -> Vec<u8> {
    let mut glb = Glb::using(&["EXT_mesh_gpu_instancing"]);
    let (normals, colors) = sand_textures();
    let (normals, colors) = (glb.texture("sand normals", &normals), glb.texture("sand", &colors));
    let sand = glb.material(json!({
        "name": "sand",
        "pbrMetallicRoughness": {"baseColorTexture": {"index": colors}, "metallicFactor": 0.0, "roughnessFactor": 0.95},
        "normalTexture": {"index": normals, "scale": 1.0},
    }));
    let mut ground = Shape::disc(60.0, 0.0, 48);
    ground.uvs = ground.positions.iter().map(|p| [p[0] / 2.6, p[2] / 2.6]).collect();
    let ground = glb.primitive(&ground);
    let mesh = glb.mesh("ground", ground, sand);
    glb.nodes.push(json!({"name": "ground", "mesh": mesh}));

    let palette = [
        stone("basalt", [0.055, 0.06, 0.07], 0.38),
        stone("limestone", [0.62, 0.57, 0.49], 0.62),
        stone("jasper", [0.36, 0.11, 0.07], 0.32),
        stone("slate", [0.20, 0.25, 0.29], 0.45),
        stone("serpentine", [0.13, 0.23, 0.16], 0.35),
        stone("quartz", [0.80, 0.76, 0.72], 0.28),
    ];
    let shapes: Vec<Value> = (0..3).map(|seed| glb.primitive(&pebble(seed * 7 + 1))).collect();
    let mut random = Random(5);
    let mut groups: Vec<Vec<Placed>> = vec![Vec::new(); palette.len()];
    for (at, size) in places() {
        let group = (random.unit() * groups.len() as f32) as usize;
        let high = size * random.within(0.75, 1.1);
        let lifted = add(at, [0.0, 0.17 * high, 0.0]);
        groups[group].push((lifted, turned(&mut random, 0.3), [size, high, size * random.within(0.85, 1.1)]));
    }
    for (i, (material, group)) in palette.into_iter().zip(groups).enumerate() {
        let name = material["name"].as_str().unwrap_or("stone").to_owned();
        let material = glb.material(material);
        let mesh = glb.mesh(&name, shapes[i % shapes.len()].clone(), material);
        instanced(&mut glb, &name, mesh, &group);
    }

    let texture = glb.texture("leaf", &leaf_texture());
    let material = glb.material(json!({
        "name": "leaf", "alphaMode": "MASK", "alphaCutoff": 0.5, "doubleSided": true,
        "pbrMetallicRoughness": {"baseColorTexture": {"index": texture}, "metallicFactor": 0.0, "roughnessFactor": 0.55},
    }));
    let shape = glb.primitive(&leaf());
    let mesh = glb.mesh("leaf", shape, material);
    let mut leaves = Vec::new();
    for _ in 0..26 {
        let at = [random.within(-3.2, 3.2), random.within(0.03, 0.06), random.within(-2.6, 2.9)];
        let size = random.within(0.2, 0.34);
        leaves.push((at, turned(&mut random, 0.35), [size; 3]));
    }
    instanced(&mut glb, "leaves", mesh, &leaves);
    glb.finish()
}
