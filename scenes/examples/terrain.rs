//! Writes a `.glb` of many triangles, a hilly terrain, to measure how size is borne. Equal bytes at every run:
//! `cargo run --release -p tessera-scenes --example terrain -- OUT.glb MILLIONS`.

use std::fs::File;
use std::io::{BufWriter, Write};

use serde_json::json;

/// Edge of the terrain in metres.
const EDGE: f64 = 100.0;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [out, millions] = &arguments[..] else {
        return Err("usage: terrain OUT.glb MILLIONS, millions of triangles".into());
    };
    let triangles = millions.parse::<f64>()? * 1e6;
    if !(2.0..=4e9).contains(&triangles) {
        return Err("MILLIONS must be above 0 and at most 4000".into());
    }
    // Two triangles a cell.
    let cells = (triangles / 2.0).sqrt().ceil() as u32;
    let mut file = BufWriter::new(File::create(out)?);
    write(&mut file, cells)?;
    file.flush()?;
    println!("{out}: {} triangles, {} vertices", 2 * u64::from(cells).pow(2), u64::from(cells + 1).pow(2));
    Ok(())
}

/// Height of the ground: waves at four scales across one another, from arithmetic that every machine does alike.
fn height(x: f64, z: f64) -> f64 {
    let wave = |t: f64| {
        let t = t - t.floor();
        16.0 * t * (1.0 - t) * (t - 0.5)
    };
    let octave =
        |scale: f64, tilt: f64| wave(x / scale + tilt * z / scale) * wave(z / scale - tilt * x / scale);
    [(41.0, 0.3), (13.0, 0.7), (3.1, 0.45), (0.7, 0.2)]
        .map(|(scale, tilt)| octave(scale, tilt) * scale)
        .iter()
        .sum::<f64>()
        * 0.4
}

fn write(out: &mut impl Write, cells: u32) -> std::io::Result<()> {
    let vertices = u64::from(cells + 1).pow(2);
    let indices = 6 * u64::from(cells).pow(2);
    let [positions, normals, uvs] = [12, 12, 8].map(|bytes| vertices * bytes);
    let total = positions + normals + uvs + indices * 4;
    let root = json!({
        "asset": {"version": "2.0", "generator": "tessera terrain"},
        "scene": 0,
        "scenes": [{"nodes": [0, 1]}],
        "nodes": [{"mesh": 0}, {"mesh": 1}],
        "meshes": [
            {"primitives": [{"attributes": {"POSITION": 0, "NORMAL": 1, "TEXCOORD_0": 2}, "indices": 3, "material": 0}]},
            {"primitives": [{"attributes": {"POSITION": 4}, "material": 1}]},
        ],
        "materials": [
            {"pbrMetallicRoughness": {"baseColorFactor": [0.45, 0.5, 0.35, 1.0], "metallicFactor": 0.0, "roughnessFactor": 0.8}},
            {"emissiveFactor": [1.0, 0.95, 0.9], "doubleSided": true},
        ],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": positions},
            {"buffer": 0, "byteOffset": positions, "byteLength": normals},
            {"buffer": 0, "byteOffset": positions + normals, "byteLength": uvs},
            {"buffer": 0, "byteOffset": positions + normals + uvs, "byteLength": indices * 4},
            {"buffer": 0, "byteOffset": total, "byteLength": 108},
        ],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": vertices, "type": "VEC3",
             "min": [-EDGE / 2.0, -EDGE, -EDGE / 2.0], "max": [EDGE / 2.0, EDGE, EDGE / 2.0]},
            {"bufferView": 1, "componentType": 5126, "count": vertices, "type": "VEC3"},
            {"bufferView": 2, "componentType": 5126, "count": vertices, "type": "VEC2"},
            {"bufferView": 3, "componentType": 5125, "count": indices, "type": "SCALAR"},
            {"bufferView": 4, "componentType": 5126, "count": 9, "type": "VEC3",
             "min": [-EDGE, EDGE, -EDGE], "max": [EDGE, EDGE, EDGE]},
        ],
        "buffers": [{"byteLength": total + 108}],
    });
    let mut text = root.to_string().into_bytes();
    text.resize(text.len().next_multiple_of(4), b' ');
    let whole = 12 + 8 + text.len() as u64 + 8 + total + 108;
    let words = |out: &mut dyn Write, words: &[u32]| {
        words.iter().try_for_each(|word| out.write_all(&word.to_le_bytes()))
    };
    let length =
        |bytes: u64| u32::try_from(bytes).map_err(|_| std::io::Error::other("a .glb has at most 4 GiB"));
    words(out, &[0x4654_6c67, 2, length(whole)?, text.len() as u32, 0x4e4f_534a])?;
    out.write_all(&text)?;
    words(out, &[length(total + 108)?, 0x004e_4942])?;
    geometry(out, cells)?;
    lamp(out)
}

fn floats(out: &mut impl Write, values: &[f64]) -> std::io::Result<()> {
    values.iter().try_for_each(|value| out.write_all(&(*value as f32).to_le_bytes()))
}

fn geometry(out: &mut impl Write, cells: u32) -> std::io::Result<()> {
    let step = EDGE / f64::from(cells);
    let at = |column: u32| f64::from(column) * step - EDGE / 2.0;
    let places = || (0..=cells).flat_map(move |row| (0..=cells).map(move |column| (at(column), at(row))));
    for (x, z) in places() {
        floats(out, &[x, height(x, z), z])?;
    }
    for (x, z) in places() {
        let slope = [height(x + step, z) - height(x - step, z), height(x, z + step) - height(x, z - step)];
        let [dx, dz] = slope.map(|rise| rise / (2.0 * step));
        let length = (dx * dx + dz * dz + 1.0).sqrt();
        floats(out, &[-dx / length, 1.0 / length, -dz / length])?;
    }
    for (x, z) in places() {
        floats(out, &[x / EDGE + 0.5, z / EDGE + 0.5])?;
    }
    for row in 0..cells {
        for column in 0..cells {
            let [a, b] = [row, row + 1].map(|row| row * (cells + 1) + column);
            for index in [a, b, a + 1, a + 1, b, b + 1] {
                out.write_all(&index.to_le_bytes())?;
            }
        }
    }
    Ok(())
}

/// A wide lamp above, three triangles.
fn lamp(out: &mut impl Write) -> std::io::Result<()> {
    for corner in 0..3 {
        let [x, z] = [[-1.0, -1.0], [1.0, -1.0], [0.0, 1.0]][corner];
        floats(out, &[0.0, EDGE, 0.0])?;
        floats(out, &[x * EDGE, EDGE, z * EDGE])?;
        let [x, z] = [[1.0, -1.0], [0.0, 1.0], [-1.0, -1.0]][corner];
        floats(out, &[x * EDGE, EDGE, z * EDGE])?;
    }
    Ok(())
}
