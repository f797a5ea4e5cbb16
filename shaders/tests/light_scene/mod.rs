//! Tiny scenes built by hand and rendered by the generated CPU kernel, its own traversal included. Knows no package.
#![allow(dead_code)]

mod lamps;
mod structure;
mod tables;

#[allow(unused_imports)]
pub use tables::{GLASS, lobe_albedo};

use tessera_shaders::cpu::*;
use tessera_shaders::wgsl::{Vec2f, Vec2u, Vec3f, Vec4f, Vec4u};

pub type V = [f64; 3];

pub fn add(a: V, b: V) -> V {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}
pub fn sub(a: V, b: V) -> V {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}
pub fn scale(a: V, s: f64) -> V {
    a.map(|x| x * s)
}
pub fn dot(a: V, b: V) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}
pub fn cross(a: V, b: V) -> V {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}
pub fn unit(a: V) -> V {
    scale(a, 1.0 / dot(a, a).sqrt())
}
pub fn vec3(a: V) -> Vec3f {
    Vec3f::new(a[0] as f32, a[1] as f32, a[2] as f32)
}
pub fn wide(a: Vec3f) -> V {
    a.to_array().map(f64::from)
}

/// White Lambert: everything else is a change to it.
pub fn lambert(albedo: f32) -> Material {
    Material {
        base_color: Vec4f::new(albedo, albedo, albedo, 1.0),
        roughness: 1.0,
        normal_scale: 1.0,
        specular: 0.0,
        specular_color: Vec3f::splat(1.0),
        dielectric_f0: 0.04,
        coat_normal_scale: 1.0,
        ior: 1.0,
        anisotropy_cos: 1.0,
        film_table: NONE,
        glass_table: NONE,
        ..Material::ZERO
    }
}

pub fn metal(color: f32, roughness: f32) -> Material {
    Material { metallic: 1.0, roughness, ..lambert(color) }
}

pub fn dielectric(color: f32, roughness: f32) -> Material {
    Material { specular: 1.0, roughness, ..lambert(color) }
}

/// Glass of index 1.5 that bounds a medium.
pub fn glass(roughness: f32) -> Material {
    Material {
        transmission: 1.0,
        ior: 1.5,
        glass_table: GLASS,
        flags: MATERIAL_LAYERED | MATERIAL_VOLUME,
        ..dielectric(1.0, roughness)
    }
}

/// A clear coat over another material.
pub fn coated(coat: f32, coat_roughness: f32, under: Material) -> Material {
    Material { coat, coat_roughness, flags: under.flags | MATERIAL_LAYERED, ..under }
}

pub fn emitter(albedo: f32, radiance: f32) -> Material {
    Material { emission: Vec3f::splat(radiance), flags: MATERIAL_EMISSIVE, ..lambert(albedo) }
}

/// Which lights next-event estimation knows: `Both` is multiple importance sampling of everything.
#[derive(Clone, Copy, PartialEq)]
pub enum Sampling {
    Both,
    BsdfOnly,
    /// The probability of picking the environment.
    Environment(f64),
}

#[derive(Clone)]
pub struct Builder {
    pub params: Params,
    pub materials: Vec<Material>,
    pub instances: Vec<Instance>,
    pub triangles: Vec<Vec4u>,
    pub positions: Vec<Vec4f>,
    pub attributes: Vec<VertexAttributes>,
    pub slots: Vec<TextureSlot>,
    pub images: Vec<Image>,
    pub texels: Vec<u32>,
    pub environment: Option<(usize, usize, Vec<[f32; 3]>)>,
    pub lamps: Vec<PunctualLight>,
    pub sampling: Sampling,
    /// Multiplies everything of geometry: scenes are built in metres.
    pub scale: f64,
    pub shift: V,
}

pub struct Scene {
    pub builder: Builder,
    nodes: Vec<Vec4f>,
    leaves: Vec<Vec4f>,
    lights: Vec<LightTriangle>,
    environment_texels: Vec<Vec4f>,
    environment_table: Vec<u32>,
    tables: Vec<f32>,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder::new()
    }
}

impl Builder {
    pub fn new() -> Builder {
        let params = Params {
            width: 8,
            height: 8,
            seed: 7,
            max_bounces: 8,
            roulette_start: 1000,
            film_scale_log2: 30,
            sample_clamp: 1e6,
            environment_cos: 1.0,
            ..Params::ZERO
        };
        Builder {
            params,
            materials: Vec::new(),
            instances: Vec::new(),
            triangles: Vec::new(),
            positions: Vec::new(),
            attributes: Vec::new(),
            slots: Vec::new(),
            images: Vec::new(),
            texels: Vec::new(),
            environment: None,
            lamps: Vec::new(),
            sampling: Sampling::Both,
            scale: 1.0,
            shift: [0.0; 3],
        }
    }

    pub fn bounces(mut self, max: u32) -> Builder {
        self.params.max_bounces = max;
        self
    }

    pub fn sampling(mut self, sampling: Sampling) -> Builder {
        self.sampling = sampling;
        self
    }

    /// All pixels look at `target` through a cone of `degrees`.
    pub fn camera(mut self, eye: V, target: V, degrees: f64) -> Builder {
        let (eye, target) = (self.place(eye), self.place(target));
        let forward = unit(sub(target, eye));
        let up = if forward[1].abs() > 0.9 { [0.0, 0.0, 1.0] } else { [0.0, 1.0, 0.0] };
        let right = unit(cross(forward, up));
        let down = cross(forward, right);
        let half = (degrees.to_radians() * 0.5).tan();
        let (w, h) = (f64::from(self.params.width), f64::from(self.params.height));
        self.params.eye = vec3(eye);
        self.params.corner = vec3(add(forward, scale(add(right, down), -half)));
        self.params.step_x = vec3(scale(right, 2.0 * half / w));
        self.params.step_y = vec3(scale(down, 2.0 * half / h));
        self
    }

    pub fn environment(
        mut self,
        width: usize,
        height: usize,
        radiance: impl Fn(usize, usize) -> [f32; 3],
    ) -> Builder {
        let texels = (0..width * height).map(|i| radiance(i % width, i / width)).collect();
        self.environment = Some((width, height, texels));
        self
    }

    pub fn white_sky(self) -> Builder {
        self.environment(8, 4, |_, _| [1.0; 3])
    }

    pub fn rotate_sky(mut self, degrees: f64) -> Builder {
        (self.params.environment_sin, self.params.environment_cos) =
            (degrees.to_radians().sin() as f32, degrees.to_radians().cos() as f32);
        self
    }

    fn place(&self, p: V) -> V {
        add(scale(p, self.scale), self.shift)
    }

    /// A mesh of its own with the identity as its instance. Corners hold position, smooth normal (or zero) and uv.
    pub fn mesh(self, material: Material, corners: &[[(V, V, [f32; 2]); 3]]) -> Builder {
        let identity = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]];
        self.placed_mesh(material, corners, identity, identity)
    }

    /// A mesh under a matrix and its inverse.
    pub fn placed_mesh(
        mut self,
        material: Material,
        corners: &[[(V, V, [f32; 2]); 3]],
        to_world: [[f64; 4]; 3],
        to_object: [[f64; 4]; 3],
    ) -> Builder {
        let start = self.triangles.len() as u32;
        let index = self.materials.len() as u32;
        self.materials.push(material);
        for triangle in corners {
            let first = self.positions.len() as u32;
            for (p, n, uv) in triangle {
                let p = self.place(*p);
                self.positions.push(Vec4f::new(p[0] as f32, p[1] as f32, p[2] as f32, 0.0));
                self.attributes.push(VertexAttributes {
                    normal: vec3(*n),
                    u0: uv[0],
                    v0: uv[1],
                    u1: 1.0 - uv[0],
                    v1: uv[1],
                    color_rg: u32::MAX,
                    color_ba: 0x7fff_ffff,
                    ..VertexAttributes::ZERO
                });
            }
            self.triangles.push(Vec4u::new(first, first + 1, first + 2, index));
        }
        let rows = |m: [[f64; 4]; 3]| m.map(|r| Vec4f::from_array(r.map(|x| x as f32)));
        let determinant = {
            let c = to_world.map(|r| [r[0], r[1], r[2]]);
            dot(c[0], cross(c[1], c[2]))
        };
        let identity = to_world == to_object;
        let flags = if determinant < 0.0 { INSTANCE_FLIPPED } else { 0 }
            | if identity { INSTANCE_IDENTITY } else { 0 };
        self.instances.push(Instance {
            object_to_world: rows(to_world),
            world_to_object: rows(to_object),
            mesh: self.instances.len() as u32,
            triangle_start: start,
            light_start: NONE,
            flags,
            ..Instance::ZERO
        });
        self
    }

    /// A parallelogram whose front shows cross(u, v).
    pub fn quad(self, material: Material, corner: V, u: V, v: V) -> Builder {
        self.mesh(material, &quad(corner, u, v))
    }

    /// A sphere of flat or smooth triangles; `radius` below 0 turns it inside out.
    pub fn sphere(self, material: Material, centre: V, radius: f64, rings: usize, smooth: bool) -> Builder {
        self.mesh(material, &sphere(centre, radius, rings, smooth))
    }

    /// A closed cube of half edge `half`, its front inside.
    pub fn room(self, material: Material, half: f64) -> Builder {
        let mut triangles = Vec::new();
        for axis in 0..3 {
            for side in [-1.0, 1.0] {
                let mut n = [0.0; 3];
                n[axis] = -side;
                let mut u = [0.0; 3];
                u[(axis + 1) % 3] = 2.0 * half;
                let v = scale(cross(n, u), 1.0);
                let mut corner = scale(n, -half);
                corner = sub(corner, scale(add(u, v), 0.5));
                triangles.extend(quad(corner, u, v));
            }
        }
        self.mesh(material, &triangles)
    }

    pub fn image(mut self, width: u32, height: u32, format: u32, texels: &[u32]) -> (Builder, u32) {
        let image = Image { texel_start: self.texels.len() as u32, width, height, format };
        assert_eq!(texels.len() as u32, width * height);
        self.texels.extend_from_slice(texels);
        self.images.push(image);
        let index = self.images.len() as u32 - 1;
        (self, index)
    }

    pub fn slot(mut self, slot: TextureSlot) -> (Builder, u32) {
        self.slots.push(slot);
        let index = self.slots.len() as u32 - 1;
        (self, index)
    }

    pub fn build(mut self) -> Scene {
        let lights = self.place_lights();
        let (environment_texels, environment_table) = self.place_environment();
        self.pick_probabilities(!lights.is_empty());
        let (nodes, leaves) = structure::build(&mut self);
        self.params.albedo_edge = 32;
        self.params.instance_count = self.instances.len() as u32;
        self.params.triangle_count = self.triangles.len() as u32;
        for list in [&mut self.texels] {
            if list.is_empty() {
                list.push(0);
            }
        }
        Scene {
            nodes,
            leaves,
            lights,
            environment_texels,
            environment_table,
            tables: tables::tables(32),
            builder: self,
        }
    }

    fn place_lights(&mut self) -> Vec<LightTriangle> {
        let mut weights = Vec::new();
        let mut lights = Vec::new();
        for (i, instance) in self.instances.iter_mut().enumerate() {
            let end = self.triangles.len() as u32;
            let end = structure::mesh_end(instance, &self.triangles, end);
            let material = self.materials[self.triangles[instance.triangle_start as usize].w as usize];
            if material.flags & MATERIAL_EMISSIVE == 0 {
                continue;
            }
            instance.light_start = lights.len() as u32;
            instance.emissive_count = end - instance.triangle_start;
            for triangle in instance.triangle_start..end {
                let [a, b, c] =
                    structure::world_corners(instance, &self.positions, self.triangles[triangle as usize]);
                let area = 0.5 * dot(cross(sub(b, a), sub(c, a)), cross(sub(b, a), sub(c, a))).sqrt();
                weights.push((area, area * f64::from(material.emission.y)));
                lights.push(LightTriangle { instance: i as u32, triangle, ..LightTriangle::ZERO });
            }
        }
        let whole: f64 = weights.iter().map(|w| w.1).sum();
        let cdf = tables::cumulative(&weights.iter().map(|w| w.1).collect::<Vec<_>>());
        for (i, light) in lights.iter_mut().enumerate() {
            light.cdf = cdf[i];
            light.pdf_area = (weights[i].1 / whole / weights[i].0) as f32;
        }
        self.params.light_triangle_count = lights.len() as u32;
        lights
    }

    fn place_environment(&mut self) -> (Vec<Vec4f>, Vec<u32>) {
        let Some((width, height, texels)) = &self.environment else { return (vec![Vec4f::ZERO], vec![0]) };
        self.params.environment_width = *width as u32;
        self.params.environment_height = *height as u32;
        let vectors = texels.iter().map(|t| Vec4f::new(t[0], t[1], t[2], 0.0)).collect();
        (vectors, tables::environment(*width, *height, texels))
    }
}

pub fn quad(corner: V, u: V, v: V) -> [[(V, V, [f32; 2]); 3]; 2] {
    let at = |a: f64, b: f64| (add(corner, add(scale(u, a), scale(v, b))), [0.0; 3], [a as f32, b as f32]);
    [[at(0.0, 0.0), at(1.0, 0.0), at(1.0, 1.0)], [at(0.0, 0.0), at(1.0, 1.0), at(0.0, 1.0)]]
}

pub fn sphere(centre: V, radius: f64, rings: usize, smooth: bool) -> Vec<[(V, V, [f32; 2]); 3]> {
    let point = |i: usize, j: usize| {
        let (theta, phi) = (
            std::f64::consts::PI * i as f64 / rings as f64,
            std::f64::consts::TAU * (j % (2 * rings)) as f64 / (2 * rings) as f64,
        );
        let n = [theta.sin() * phi.cos(), theta.cos(), -theta.sin() * phi.sin()];
        let n = if i == 0 || i == rings { [0.0, if i == 0 { 1.0 } else { -1.0 }, 0.0] } else { n };
        let normal = if smooth { scale(n, radius.signum()) } else { [0.0; 3] };
        (add(centre, scale(n, radius.abs())), normal, [0.0; 2])
    };
    let mut triangles = Vec::new();
    for i in 0..rings {
        for j in 0..2 * rings {
            let (a, b, c, d) = (point(i, j), point(i + 1, j), point(i + 1, j + 1), point(i, j + 1));
            for t in [[a, b, c], [a, c, d]] {
                if t[0].0 != t[1].0 && t[1].0 != t[2].0 && t[2].0 != t[0].0 {
                    triangles.push(if radius < 0.0 { [t[0], t[2], t[1]] } else { t });
                }
            }
        }
    }
    triangles
}

/// The mean of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Mean {
    pub rgb: [f64; 3],
    /// Standard error of the mean of green, from the spread of pixels: right where all pixels see the same.
    pub error: f64,
    /// Greatest and least pixel of green.
    pub greatest: f64,
    pub least: f64,
    pub covered: f64,
    pub camera_rays: u64,
    pub bounce_rays: u64,
    pub shadow_rays: u64,
}

impl Scene {
    /// Appends floats to the tables; returns where they start.
    pub fn with_table(mut self, floats: &[f32]) -> (Scene, u32) {
        let start = self.tables.len() as u32;
        self.tables.extend_from_slice(floats);
        (self, start)
    }

    pub fn kernel(&self) -> Kernel<'_, NoHooks> {
        let s = &self.builder;
        let b = Bindings {
            params: &s.params,
            nodes: &self.nodes,
            leaves: &self.leaves,
            instances: &s.instances,
            triangles: &s.triangles,
            positions: &s.positions,
            attributes: &s.attributes,
            materials: &s.materials,
            texture_slots: &s.slots,
            images: &s.images,
            texels: &s.texels,
            light_triangles: &self.lights,
            environment_texels: &self.environment_texels,
            environment_table: &self.environment_table,
            tables: &self.tables,
            punctual_lights: &s.lamps,
            items: &[],
        };
        Kernel { b, hooks: &NoHooks }
    }

    /// Every pixel with samples 0..samples.
    pub fn pixels(&self, samples: u32) -> Vec<PixelRecord> {
        let kernel = self.kernel();
        let (w, h) = (self.builder.params.width, self.builder.params.height);
        (0..w * h).map(|i| kernel.render_pixel(i % w, i / w, 0, samples)).collect()
    }

    pub fn mean(&self, samples: u32) -> Mean {
        let pixels = self.pixels(samples);
        let unit = f64::from(samples) * f64::from(1u32 << self.builder.params.film_scale_log2);
        let sum = |v: Vec2u| ((u64::from(v.y) << 32 | u64::from(v.x)) as i64) as f64 / unit;
        let n = pixels.len() as f64;
        let average = |f: &dyn Fn(&PixelRecord) -> f64| pixels.iter().map(f).sum::<f64>() / n;
        let green: Vec<f64> = pixels.iter().map(|p| sum(p.green)).collect();
        let mean = average(&|p| sum(p.green));
        let variance = green.iter().map(|g| (g - mean) * (g - mean)).sum::<f64>() / (n - 1.0).max(1.0);
        let total = |f: &dyn Fn(&PixelRecord) -> u32| pixels.iter().map(|p| u64::from(f(p))).sum();
        Mean {
            rgb: [average(&|p| sum(p.red)), mean, average(&|p| sum(p.blue))],
            error: (variance / n).sqrt(),
            greatest: green.iter().copied().fold(0.0, f64::max),
            least: green.iter().copied().fold(f64::MAX, f64::min),
            covered: average(&|p| f64::from(p.covered) / f64::from(samples)),
            camera_rays: total(&|p| p.camera_rays),
            bounce_rays: total(&|p| p.bounce_rays),
            shadow_rays: total(&|p| p.shadow_rays),
        }
    }
}

/// A cheap stream of uniform numbers for tests.
pub struct Uniform(pub u64);

impl Uniform {
    pub fn word(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let x = self.0 ^ (self.0 >> 29);
        (x.wrapping_mul(0xbf58476d1ce4e5b9) >> 32) as u32
    }
    pub fn unit(&mut self) -> f32 {
        (self.word() >> 8) as f32 / 16777216.0
    }
    pub fn pair(&mut self) -> Vec2f {
        Vec2f::new(self.unit(), self.unit())
    }
}
