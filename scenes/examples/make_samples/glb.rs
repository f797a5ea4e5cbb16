//! A `.glb` under construction: geometry goes in, accessors, views and JSON come out.

use image::{ExtendedColorType, ImageEncoder};
use serde_json::{Value, json};

use crate::shapes::Shape;

#[derive(Default)]
pub struct Glb {
    binary: Vec<u8>,
    views: Vec<Value>,
    accessors: Vec<Value>,
    pub meshes: Vec<Value>,
    pub materials: Vec<Value>,
    pub nodes: Vec<Value>,
    images: Vec<Value>,
    /// Of `KHR_lights_punctual`.
    pub lights: Vec<Value>,
    extensions: &'static [&'static str],
}

impl Glb {
    /// A file that uses these extensions.
    pub fn using(extensions: &'static [&'static str]) -> Glb {
        Glb { extensions, ..Glb::default() }
    }

    fn view(&mut self, bytes: &[u8]) -> usize {
        while !self.binary.len().is_multiple_of(4) {
            self.binary.push(0);
        }
        self.views.push(json!({"buffer": 0, "byteOffset": self.binary.len(), "byteLength": bytes.len()}));
        self.binary.extend_from_slice(bytes);
        self.views.len() - 1
    }

    /// An accessor of f32 vectors.
    pub fn floats<const N: usize>(&mut self, values: &[[f32; N]]) -> usize {
        let bytes: Vec<u8> = values.as_flattened().iter().flat_map(|x| x.to_le_bytes()).collect();
        let view = self.view(&bytes);
        let kind = ["", "SCALAR", "VEC2", "VEC3", "VEC4"][N];
        let bound = |pick: fn(f32, f32) -> f32| -> Vec<f32> {
            (0..N).map(|k| values.iter().map(|v| v[k]).reduce(pick).unwrap_or(0.0)).collect()
        };
        self.accessors.push(json!({
            "bufferView": view, "componentType": 5126, "count": values.len(), "type": kind,
            "min": bound(f32::min), "max": bound(f32::max),
        }));
        self.accessors.len() - 1
    }

    fn indices(&mut self, values: &[u32]) -> usize {
        let bytes: Vec<u8> = values.iter().flat_map(|x| (*x as u16).to_le_bytes()).collect();
        let view = self.view(&bytes);
        self.accessors.push(json!({
            "bufferView": view, "componentType": 5123, "count": values.len(), "type": "SCALAR",
        }));
        self.accessors.len() - 1
    }

    fn colors(&mut self, values: &[[u8; 4]]) -> usize {
        let view = self.view(values.as_flattened());
        self.accessors.push(json!({
            "bufferView": view, "componentType": 5121, "normalized": true, "count": values.len(), "type": "VEC4",
        }));
        self.accessors.len() - 1
    }

    /// A primitive without its material.
    pub fn primitive(&mut self, shape: &Shape) -> Value {
        assert!(shape.positions.len() <= 65536, "indices have 16 bits");
        let mut attributes = json!({"POSITION": self.floats(&shape.positions)});
        if !shape.normals.is_empty() {
            attributes["NORMAL"] = self.floats(&shape.normals).into();
        }
        if !shape.uvs.is_empty() {
            attributes["TEXCOORD_0"] = self.floats(&shape.uvs).into();
        }
        if !shape.colors.is_empty() {
            attributes["COLOR_0"] = self.colors(&shape.colors).into();
        }
        json!({"attributes": attributes, "indices": self.indices(shape.triangles.as_flattened())})
    }

    /// A mesh of one primitive.
    pub fn mesh(&mut self, name: &str, mut primitive: Value, material: usize) -> usize {
        primitive["material"] = material.into();
        self.meshes.push(json!({"name": name, "primitives": [primitive]}));
        self.meshes.len() - 1
    }

    pub fn material(&mut self, material: Value) -> usize {
        self.materials.push(material);
        self.materials.len() - 1
    }

    /// A texture of its own with a repeating sampler.
    pub fn texture(&mut self, name: &str, png: &[u8]) -> usize {
        let view = self.view(png);
        self.images.push(json!({"name": name, "bufferView": view, "mimeType": "image/png"}));
        self.images.len() - 1
    }

    pub fn finish(mut self) -> Vec<u8> {
        while !self.binary.len().is_multiple_of(4) {
            self.binary.push(0);
        }
        let textures: Vec<Value> =
            (0..self.images.len()).map(|i| json!({"source": i, "sampler": 0})).collect();
        let mut root = json!({
            "asset": {"version": "2.0", "generator": "tessera make_samples"},
            "scene": 0,
            "scenes": [{"nodes": (0..self.nodes.len()).collect::<Vec<_>>()}],
            "nodes": self.nodes,
            "meshes": self.meshes,
            "materials": self.materials,
            "accessors": self.accessors,
            "bufferViews": self.views,
            "buffers": [{"byteLength": self.binary.len()}],
        });
        if !self.images.is_empty() {
            root["images"] = self.images.into();
            root["textures"] = textures.into();
            root["samplers"] =
                json!([{"magFilter": 9729, "minFilter": 9987, "wrapS": 10497, "wrapT": 10497}]);
        }
        if !self.extensions.is_empty() {
            root["extensionsUsed"] = json!(self.extensions);
        }
        if !self.lights.is_empty() {
            root["extensions"] = json!({"KHR_lights_punctual": {"lights": self.lights}});
        }
        let mut text = root.to_string().into_bytes();
        while !text.len().is_multiple_of(4) {
            text.push(b' ');
        }
        let mut out = Vec::new();
        out.extend(b"glTF");
        for word in [2, (28 + text.len() + self.binary.len()) as u32, text.len() as u32, 0x4E4F_534A] {
            out.extend(word.to_le_bytes());
        }
        out.extend(text);
        for word in [self.binary.len() as u32, 0x004E_4942] {
            out.extend(word.to_le_bytes());
        }
        out.extend(self.binary);
        out
    }
}

/// A square PNG.
pub fn png(edge: u32, color: ExtendedColorType, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new_with_quality(
        &mut out,
        image::codecs::png::CompressionType::Best,
        image::codecs::png::FilterType::Adaptive,
    );
    encoder.write_image(bytes, edge, edge, color).expect("writing to memory cannot fail");
    out
}
