//! One change of a package: what is changed is chosen so that the validator often takes it, and whether it does is asked
//! elsewhere.

use bytemuck::Pod;
use tessera_shared::package::layout::{
    Image, Instance, Material, PunctualLight, TextureSlot, VertexAttributes,
};
use tessera_shared::package::{Projection, SectionKind};

use super::Draft;
use super::random::Random;

impl Random {
    /// Numbers of a package's seed.
    pub fn of_seed(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0xfa2e)
    }

    fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// A number that is hard on arithmetic, in the place of `old`.
    fn float(&mut self, old: f32) -> f32 {
        let exponent = self.below(101) as i32 - 60;
        let mantissa = 1.0 + self.below(1 << 23) as f32 / 8_388_608.0;
        let sign = self.pick(&[1.0f32, -1.0]);
        let step = self.pick(&[1u32, 2, 1 << 4, 1 << 12]);
        match self.below(10) {
            0 => 0.0,
            1 => sign * self.pick(&[1.0, 0.5, 2.0, 0.999_999_94, 1.000_000_1, 1.0 / 3.0]),
            2 => sign * self.pick(&[8.673_617_4e-19, 1_099_511_627_776.0, 1e-6, 1e6, 65504.0]),
            3 | 4 => f32::from_bits(old.to_bits().wrapping_add(step)),
            5 => f32::from_bits(old.to_bits().wrapping_sub(step)),
            6 => -old,
            7 => old * 2f32.powi(self.below(21) as i32 - 10),
            8 => self.below(1 << 24) as f32 / 16_777_216.0,
            _ => sign * mantissa * 2f32.powi(exponent),
        }
    }
}

/// Records of a section.
fn records<T: Pod>(draft: &Draft, kind: SectionKind) -> Vec<T> {
    draft.sections.get(&kind).map_or_else(Vec::new, |bytes| bytemuck::pod_collect_to_vec(bytes))
}

fn put<T: Pod>(draft: &mut Draft, kind: SectionKind, records: &[T]) {
    draft.sections.insert(kind, bytemuck::cast_slice(records).to_vec());
}

/// Makes one change and says which.
pub fn change(draft: &mut Draft, random: &mut Random) -> String {
    match random.below(13) {
        0 => any_word(draft, random),
        1 => material(draft, random),
        2 => texture(draft, random),
        3 => camera(draft, random),
        4 => settings(draft, random),
        5 => sliver(draft, random),
        6 => scaled(draft, random),
        7 => same_triangle(draft, random),
        8 => instance(draft, random),
        9 => field::<VertexAttributes>(draft, random, SectionKind::Attributes),
        10 => field::<PunctualLight>(draft, random, SectionKind::PunctualLights),
        11 => field::<[f32; 4]>(draft, random, SectionKind::EnvironmentTexels),
        _ => field::<[f32; 4]>(draft, random, SectionKind::Positions),
    }
}

/// One word of one record, as a number or an index.
fn field<T: Pod>(draft: &mut Draft, random: &mut Random, kind: SectionKind) -> String {
    let mut words: Vec<u32> = records(draft, kind);
    if words.is_empty() {
        return format!("{kind:?} is empty");
    }
    let at = random.below(words.len());
    let old = words[at];
    words[at] = match random.below(8) {
        0 => random.below(words.len()) as u32,
        1 => old ^ 1 << random.below(32),
        2 => words[random.below(words.len())],
        _ => random.float(f32::from_bits(old)).to_bits(),
    };
    let (record, word) = (at * 4 / size_of::<T>(), at % (size_of::<T>() / 4));
    let what = format!("{kind:?} {record}, word {word}: {old:#x} to {:#x}", words[at]);
    put(draft, kind, &words);
    what
}

fn any_word(draft: &mut Draft, random: &mut Random) -> String {
    let kinds: Vec<SectionKind> = draft.sections.keys().copied().collect();
    let kind = random.pick(&kinds);
    field::<[u32; 4]>(draft, random, kind)
}

/// A number of a material, or its flags with what has to go with them.
fn material(draft: &mut Draft, random: &mut Random) -> String {
    if random.below(2) == 0 {
        return field::<Material>(draft, random, SectionKind::Materials);
    }
    let mut materials: Vec<Material> = records(draft, SectionKind::Materials);
    let at = random.below(materials.len());
    let from = materials[random.below(materials.len())];
    let m = &mut materials[at];
    match random.below(8) {
        0 => (m.slot_start, m.slot_count) = (from.slot_start, from.slot_count),
        1 => m.roughness = random.pick(&[0.0, 8.673_617_4e-19, 0.001, 1.0]),
        2 => m.flags ^= random.pick(&[1, 2, 4, 16, 32, 64, 128]),
        3 => m.base_color = [0; 4].map(|_| random.pick(&[0.0, 8.673_617_4e-19, 0.5, 1.0])),
        4 => m.attenuation = [0; 3].map(|_| random.pick(&[0.0, 1e-9, 1.0, 1_099_511_627_776.0])),
        5 => m.alpha_cutoff = random.pick(&[0.0, 0.5, 1.0, 1_048_576.0]),
        6 => {
            let (start, count) = (m.slot_start, m.slot_count);
            *m = Material { slot_start: start, slot_count: count, ..from };
        }
        _ => (m.ior, m.dispersion) = (random.pick(&[1.0 / 16.0, 1.0, 1.000_001, 1.5, 15.9]), 0.0),
    }
    put(draft, SectionKind::Materials, &materials);
    format!("material {at}")
}

fn texture(draft: &mut Draft, random: &mut Random) -> String {
    let mut images: Vec<Image> = records(draft, SectionKind::Images);
    if random.below(3) > 0 || images.is_empty() {
        return field::<TextureSlot>(draft, random, SectionKind::TextureSlots);
    }
    let at = random.below(images.len());
    let image = &mut images[at];
    match random.below(4) {
        0 => image.width = 1 + random.below(image.width as usize) as u32,
        1 => (image.width, image.height) = (image.width * image.height, 1),
        2 => image.format ^= 1,
        _ => image.texel_start = random.below(1 << 12) as u32,
    }
    put(draft, SectionKind::Images, &images);
    format!("image {at}")
}

fn camera(draft: &mut Draft, random: &mut Random) -> String {
    let frame = &mut draft.manifest.frames[0];
    let camera = &mut frame.camera;
    let axis = random.below(3);
    match random.below(7) {
        0 => camera.eye[axis] = random.float(camera.eye[axis]),
        1 => camera.corner[axis] = random.float(camera.corner[axis]),
        2 => camera.step_x[axis] = random.float(camera.step_x[axis]),
        3 => camera.step_y[axis] = random.float(camera.step_y[axis]),
        4 => camera.lens_radius_px = random.pick(&[0.0, 9.536_743e-7, 0.5, 40.0, 1_048_576.0]),
        5 => {
            camera.projection = match camera.projection {
                Projection::Perspective => Projection::Orthographic,
                Projection::Orthographic => Projection::Perspective,
            };
        }
        // A ray along an axis, exactly.
        _ => (camera.corner[axis], camera.step_x[axis], camera.step_y[axis]) = (0.0, 0.0, 0.0),
    }
    "camera".into()
}

fn settings(draft: &mut Draft, random: &mut Random) -> String {
    let settings = &mut draft.manifest.settings;
    match random.below(5) {
        0 => settings.max_bounces = random.pick(&[0, 1, 16, 64]),
        1 => settings.roulette_start = random.pick(&[0, 1, 64, u32::MAX]),
        2 => settings.seed = random.word() as u32,
        3 => settings.sample_clamp = random.pick(&[8.673_617_4e-19, 0.01, 65504.0]),
        _ => settings.film_scale_log2 = random.below(41) as u32,
    }
    "settings".into()
}

/// A triangle that is almost a line.
fn sliver(draft: &mut Draft, random: &mut Random) -> String {
    let triangles: Vec<[u32; 4]> = records(draft, SectionKind::Triangles);
    let mut positions: Vec<[f32; 4]> = records(draft, SectionKind::Positions);
    let at = random.below(triangles.len());
    let [a, b, c, _] = triangles[at].map(|index| index as usize);
    let t = random.pick(&[0.0, 0.5, 1.0, 0.333]);
    for axis in 0..3 {
        let (p, q) = (positions[a][axis], positions[b][axis]);
        positions[c][axis] = p + (q - p) * t;
    }
    let axis = random.below(3);
    let off = random.pick(&[1u32, 3, 1 << 6, 1 << 10]);
    positions[c][axis] = f32::from_bits(positions[c][axis].to_bits().wrapping_add(off));
    put(draft, SectionKind::Positions, &positions);
    format!("triangle {at} is a sliver")
}

/// Some vertices far away, or all in one place's neighbourhood.
fn scaled(draft: &mut Draft, random: &mut Random) -> String {
    let mut positions: Vec<[f32; 4]> = records(draft, SectionKind::Positions);
    let every = random.pick(&[1, 2, 7, 64]);
    let factor = 2f32.powi(random.below(61) as i32 - 30);
    for position in positions.iter_mut().step_by(every) {
        (0..3).for_each(|axis| position[axis] *= factor);
    }
    put(draft, SectionKind::Positions, &positions);
    format!("every {every}th vertex times {factor:e}")
}

/// A triangle that lies on another, so that which of them is hit is decided by number alone.
fn same_triangle(draft: &mut Draft, random: &mut Random) -> String {
    let mut triangles: Vec<[u32; 4]> = records(draft, SectionKind::Triangles);
    let (from, to) = (random.below(triangles.len()), random.below(triangles.len()));
    let [a, b, c, _] = triangles[from];
    let order = random.pick(&[[a, b, c], [b, c, a], [a, c, b]]);
    triangles[to][..3].copy_from_slice(&order);
    put(draft, SectionKind::Triangles, &triangles);
    format!("triangle {to} lies on {from}")
}

/// An instance's place, size and box.
fn instance(draft: &mut Draft, random: &mut Random) -> String {
    let mut instances: Vec<Instance> = records(draft, SectionKind::Instances);
    let at = random.below(instances.len());
    let from = instances[random.below(instances.len())];
    let axis = random.below(3);
    let instance = &mut instances[at];
    match random.below(6) {
        0 => instance.box_min[axis] = random.float(instance.box_min[axis]),
        1 => instance.box_max[axis] = random.float(instance.box_max[axis]),
        2 => (instance.box_min, instance.box_max) = (from.box_min, from.box_max),
        3 => instance.object_to_world[axis][3] = random.float(instance.object_to_world[axis][3]),
        4 => instance.world_to_object[axis][random.below(4)] *= random.pick(&[0.999_999_9, 1.000_000_1, 1.1]),
        _ => {
            let factor = 2f32.powi(random.below(41) as i32 - 20);
            for (forward, back) in instance.object_to_world.iter_mut().zip(&mut instance.world_to_object) {
                (0..3).for_each(|k| (forward[k], back[k]) = (forward[k] * factor, back[k] / factor));
            }
            let box_of = |corner: [f32; 3]| corner.map(|x| x * factor);
            (instance.box_min, instance.box_max) = (box_of(instance.box_min), box_of(instance.box_max));
            instance.flags &= !2;
        }
    }
    put(draft, SectionKind::Instances, &instances);
    format!("instance {at}")
}
