//! A glTF file put together by hand for tests of animation: accessors, channels and frames in a line each.

use serde_json::{Value, json};
use tessera_scenes::shot::{Frames, Name};
use tessera_scenes::{Compiled, ImportLimits, Shot, ShotKeys, compile};
use tessera_shared::package::layout::{Instance, Material};
use tessera_shared::package::{Package, SectionKind};

use super::{Folder, glb, triangle};

/// A document and the bytes of its binary chunk.
pub struct Scene {
    pub document: Value,
    binary: Vec<u8>,
}

impl Scene {
    /// The triangle (0, 0, 0), (1, 0, 0), (0, 1, 0) as node 0, and nothing else.
    pub fn new() -> Scene {
        let (mut document, binary) = triangle();
        document["nodes"][0]["name"] = json!("panel");
        Scene { document, binary }
    }

    fn view(&mut self, bytes: &[u8]) -> usize {
        self.binary.resize(self.binary.len().next_multiple_of(4), 0);
        let views = self.document["bufferViews"].as_array_mut().unwrap();
        views.push(json!({"buffer": 0, "byteOffset": self.binary.len(), "byteLength": bytes.len()}));
        let index = views.len() - 1;
        self.binary.extend(bytes);
        self.document["buffers"][0]["byteLength"] = json!(self.binary.len());
        index
    }

    fn accessor(&mut self, accessor: Value) -> usize {
        let accessors = self.document["accessors"].as_array_mut().unwrap();
        accessors.push(accessor);
        accessors.len() - 1
    }

    /// An accessor of floats: `SCALAR`, `VEC3`, …, `MAT4`.
    pub fn floats(&mut self, kind: &str, values: &[f32]) -> usize {
        let width = match kind {
            "SCALAR" => 1,
            "MAT4" => 16,
            vector => vector[3..].parse::<usize>().unwrap(),
        };
        let view = self.view(bytemuck::cast_slice(values));
        let count = values.len() / width;
        self.accessor(json!({"bufferView": view, "componentType": 5126, "count": count, "type": kind}))
    }

    /// An accessor of bytes.
    pub fn bytes(&mut self, kind: &str, count: usize, values: &[u8]) -> usize {
        let view = self.view(values);
        self.accessor(json!({"bufferView": view, "componentType": 5121, "count": count, "type": kind}))
    }

    /// A sparse accessor: zero but for one element.
    pub fn sparse(&mut self, kind: &str, count: usize, at: u8, value: &[f32]) -> usize {
        let (indices, values) = (self.view(&[at]), self.view(bytemuck::cast_slice(value)));
        self.accessor(json!({"componentType": 5126, "count": count, "type": kind, "sparse": {
            "count": 1,
            "indices": {"bufferView": indices, "componentType": 5121},
            "values": {"bufferView": values},
        }}))
    }

    /// Adds a node to the scene.
    pub fn node(&mut self, node: Value) -> usize {
        let nodes = self.document["nodes"].as_array_mut().unwrap();
        nodes.push(node);
        let index = nodes.len() - 1;
        self.document["scenes"][0]["nodes"].as_array_mut().unwrap().push(json!(index));
        index
    }

    /// Begins an animation, to which channels are added from now on.
    pub fn animation(&mut self, name: &str) -> &mut Scene {
        if self.document["animations"].is_null() {
            self.document["animations"] = json!([]);
        }
        let animation = json!({"name": name, "channels": [], "samplers": []});
        self.document["animations"].as_array_mut().unwrap().push(animation);
        self
    }

    /// Adds a channel to the last animation.
    pub fn channel(
        &mut self,
        target: Value,
        interpolation: &str,
        seconds: &[f32],
        (kind, values): (&str, &[f32]),
    ) -> &mut Scene {
        let (input, output) = (self.floats("SCALAR", seconds), self.floats(kind, values));
        self.sampled(target, json!({"input": input, "output": output, "interpolation": interpolation}))
    }

    /// Adds a channel with this sampler to the last animation.
    pub fn sampled(&mut self, target: Value, sampler: Value) -> &mut Scene {
        if self.document["animations"].is_null() {
            self.animation("moves");
        }
        let animation = self.document["animations"].as_array_mut().unwrap().last_mut().unwrap();
        let samplers = animation["samplers"].as_array_mut().unwrap();
        samplers.push(sampler);
        let index = samplers.len() - 1;
        animation["channels"].as_array_mut().unwrap().push(json!({"sampler": index, "target": target}));
        self
    }

    /// Adds a channel that a JSON pointer leads to.
    pub fn pointer(
        &mut self,
        pointer: &str,
        interpolation: &str,
        seconds: &[f32],
        values: (&str, &[f32]),
    ) -> &mut Scene {
        let target =
            json!({"path": "pointer", "extensions": {"KHR_animation_pointer": {"pointer": pointer}}});
        self.channel(target, interpolation, seconds, values)
    }

    /// Compiles with these keys; the error's text without the folder.
    pub fn compile(&self, keys: ShotKeys) -> Result<Compiled, String> {
        self.compile_within(keys, &ImportLimits::default())
    }

    pub fn compile_within(&self, keys: ShotKeys, limits: &ImportLimits) -> Result<Compiled, String> {
        let folder = Folder::new();
        let path = folder.write("scene.glb", glb(&self.document, &self.binary));
        let keys = ShotKeys { width: Some(64), height: Some(64), spp: Some(4), ..keys };
        let prefix = format!("{}/", folder.path().display());
        let shot = Shot::read(&path, keys).map_err(|error| error.to_string())?;
        compile(&shot, limits).map_err(|error| error.to_string().replace(&prefix, ""))
    }

    /// Compiles frames at one frame a second.
    pub fn frames(&self, frames: &str) -> Package {
        self.compile(by_second(frames)).unwrap().package
    }

    /// Compiles the still of one time.
    pub fn still(&self, seconds: f64) -> Package {
        self.compile(ShotKeys { frame_seconds: Some(seconds), ..ShotKeys::default() }).unwrap().package
    }
}

/// Frame f shows second f.
pub fn by_second(frames: &str) -> ShotKeys {
    ShotKeys { fps: Some(1.0), frames: Some(frames.parse::<Frames>().unwrap()), ..ShotKeys::default() }
}

pub fn animation(name: &str) -> ShotKeys {
    ShotKeys { animation: Some(Name(name.into())), ..by_second("1") }
}

pub fn node(node: usize, path: &str) -> Value {
    json!({"node": node, "path": path})
}

/// Records of the scene that a frame shows, frames counted from 0.
pub fn records<T: bytemuck::Pod>(package: &Package, frame: usize, kind: SectionKind) -> Vec<T> {
    let scene = package.manifest.frames[frame].scene as usize;
    bytemuck::pod_collect_to_vec(package.section(&package.manifest.scenes[scene], kind))
}

/// The one instance of a frame, as rows of its object-to-world matrix.
pub fn placed(package: &Package, frame: usize) -> [[f32; 4]; 3] {
    let [instance] = records::<Instance>(package, frame, SectionKind::Instances)[..] else {
        panic!("one instance expected")
    };
    instance.object_to_world
}

/// The triangle's corners in the world in a frame.
pub fn corners(package: &Package, frame: usize) -> [[f32; 3]; 3] {
    let positions: Vec<[f32; 4]> = records(package, frame, SectionKind::Positions);
    let triangles: Vec<[u32; 4]> = records(package, frame, SectionKind::Triangles);
    let rows = placed(package, frame);
    let [a, b, c, _] = triangles[0];
    [a, b, c].map(|corner| {
        let p = positions[corner as usize];
        rows.map(|row| row[0] * p[0] + row[1] * p[1] + row[2] * p[2] + row[3])
    })
}

pub fn materials(package: &Package, frame: usize) -> Vec<Material> {
    records(package, frame, SectionKind::Materials)
}

pub fn assert_close<const N: usize, const M: usize>(found: [[f32; N]; M], expected: [[f32; N]; M]) {
    let differs = |(a, b): (&f32, &f32)| (a - b).abs() > 2e-6;
    let any = found.iter().flatten().zip(expected.iter().flatten()).any(differs);
    assert!(!any, "{found:?} instead of {expected:?}");
}
