//! Rays that leave a surface do not meet it again and do not slip through it, whatever the scale of the scene: the hit rule
//! of `trace.wgsl` with the clearance of `surface.wgsl`.

#[allow(dead_code)]
mod rays;

use rays::{Model, Point, Random, add, dot, moved, scale, sphere, turned};
use tessera_backends::probe::{HitWords, RayQuery, Traversal, trace_rays};
use tessera_backends::{BuildOptions, prepare};
use tessera_shaders::cpu::{Bindings, Kernel, NoHooks, Params, world_position};
use tessera_shaders::wgsl::Vec4u;

/// Rays from both sides of `model`'s hits. A convex closed mesh: outwards nothing may be met, inwards something must.
fn check(name: &str, model: &Model, inside: Point, random: &mut Random) {
    let scene = prepare(&model.package(), 0, BuildOptions::default()).unwrap();
    let aims: Vec<RayQuery> = (0..20_000).map(|_| RayQuery::new(inside, random.direction())).collect();
    let hits = trace_rays(&scene, Traversal::Simd, &aims);
    let params = Params::ZERO;
    let kernel = Kernel { b: bindings(model, &params), hooks: &NoHooks };
    let (mut outwards, mut inwards) = (Vec::new(), Vec::new());
    for (aim, hit) in aims.iter().zip(hits) {
        assert_ne!(hit, HitWords::NOTHING, "{name} leaks");
        let corners = Vec4u::from_array(model.triangles[hit.primitive as usize]);
        let triangle = kernel.world_triangle(hit.instance, corners);
        let [b1, b2] = [hit.b1_bits, hit.b2_bits].map(f32::from_bits);
        let position = world_position(triangle, b1, b2).to_array();
        let normal = triangle.normal.to_array();
        let outer = if dot(normal, aim.direction) > 0.0 { normal } else { scale(normal, -1.0) };
        for (side, rays) in [(outer, &mut outwards), (scale(outer, -1.0), &mut inwards)] {
            let mut direction = random.direction();
            if random.below(3) == 0 {
                // Grazing.
                direction = add(direction, scale(side, -0.99 * dot(direction, side)));
            }
            if dot(direction, side) < 0.0 {
                direction = scale(direction, -1.0);
            }
            let length = dot(direction, direction).sqrt();
            rays.push(RayQuery::new(
                add(position, scale(side, triangle.clearance)),
                scale(direction, 1.0 / length),
            ));
        }
    }
    for (ray, hit) in outwards.iter().zip(trace_rays(&scene, Traversal::Simd, &outwards)) {
        assert_eq!(hit, HitWords::NOTHING, "{name}: {ray:?} meets what it left");
    }
    for (ray, hit) in inwards.iter().zip(trace_rays(&scene, Traversal::Simd, &inwards)) {
        assert_ne!(hit, HitWords::NOTHING, "{name}: {ray:?} slips out");
    }
}

/// What `world_triangle` reads.
fn bindings<'a>(model: &'a Model, params: &'a Params) -> Bindings<'a> {
    Bindings {
        params,
        nodes: &[],
        leaves: &[],
        instances: bytemuck::cast_slice(&model.instances),
        triangles: bytemuck::cast_slice(&model.triangles),
        positions: bytemuck::cast_slice(&model.positions),
        attributes: &[],
        materials: &[],
        texture_slots: &[],
        images: &[],
        texels: &[],
        light_triangles: &[],
        environment_texels: &[],
        environment_table: &[],
        tables: &[],
        punctual_lights: &[],
        items: &[],
    }
}

#[test]
fn scale_and_place_do_not_matter() {
    let mut random = Random(5);
    for size in [1e-3, 1.0, 1e3] {
        for offset in [[0.0f32; 3], [3.0, -2.0, 7.0], [1e3, 1e3, -1e3]] {
            let offset = scale(offset, size);
            let mut model = Model::default();
            let mesh = model.mesh(&moved(sphere(3), size, offset), |_| false);
            model.place(mesh, None);
            check(&format!("sphere of {size} m at {offset:?}"), &model, offset, &mut random);

            let mut model = Model::default();
            let mesh = model.mesh(&sphere(3), |_| false);
            let map = turned(&mut random, f64::from(size), offset.map(f64::from));
            model.place(mesh, Some(map));
            check(&format!("sphere placed at {size} m and {offset:?}"), &model, offset, &mut random);
        }
    }
}
