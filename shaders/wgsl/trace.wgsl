// Rays against triangles: the normative rule of what a hit is, and a traversal of binary bounding volumes that finds it.
// Knows geometry alone; that a triangle may have holes is one bit, decided by the caller.
//
// WHAT A HIT IS. Every traversal on every device gives the same bits because nothing here depends on visiting order.
//
// 1. A ray is an origin, whose components below 2^-60 count as 0, and a direction from `canonical_direction`: no component
//    is 0 or below 2^-40 of the greatest. A placed mesh is met by the ray taken to object space, row by row, t unchanged;
//    INSTANCE_IDENTITY skips that. An instance whose ray has a coordinate above 2^40 or whose greatest direction component
//    leaves 2^-20..2^20 (scaled more than a million times) is missed.
// 2. Edges: Woop, Benthin, Wald 2013, without the double fallback. An edge function below 2^-60 is 0; 0 is inside on
//    either side.
// 3. t is clamped into the interval in which the ray is inside the triangle's own padded box *and* inside the instance's
//    padded world box. Where these have no point in common there is no hit. Only then t is compared with anything.
// 4. The closest hit is the least (t, instance, primitive).
//
// THE SLAB FORMULA (`slab`): with p the padded box and m the largest magnitude of an origin's coordinate,
//    low = (p.min - (o + 2^-20 m)) / d,   high = (p.max - (o - 2^-20 m)) / d,   exchanged where d < 0.
// Subtraction and multiplication round monotonically, so whatever encloses p passes the same formula with an interval that
// encloses p's. Hence a node may be skipped where its interval is empty, ends before `after.t` or begins *strictly* beyond
// the limit, and no hit is ever lost, whatever the tree. Traversals with another formula must pad for themselves; the
// eight-wide one of the CPU uses this one lane by lane.
//
// THE PADDING. Boxes are padded by 2^-20 of their largest coordinate, the ray's origin by 2^-20 of its own: in space,
// 16 units of rounding (u = 2^-24) of all that goes into the subtraction. A factor on the interval instead would fail at
// shared edges: two coplanar neighbours meet at the plane x = c; the edge functions give the ray to the first, its crossing
// of x = c rounds to before the common plane, and the second is refused by its edge. How much t must give there is the
// error in space divided by d.x, which no factor of t bounds. In space the error is bounded. With L = |v| + |o|: a
// projected vertex is off by at most 7 u L (one subtraction, a shear of two roundings, a product, a subtraction), the same
// for every triangle that shares it. The projected mesh is therefore a mesh, some triangle of it contains the ray's point,
// and the signs of edge functions are never wrong, as a product's rounding is monotone: at worst they are 0, which counts as
// inside. So that triangle is accepted by its edges, and the exact ray passes within 7 u L of it. The slab adds 2 u L for
// its subtractions and paddings, 2 u L for 1 / d and the product (an error of t's factor is one of the plane's place), in
// all 11 u L < 16 u L. So a mesh that is closed by shared coordinates does not leak. At 100 km from the origin the
// padding is 0.1 m, 12 units of the last place of such coordinates: slower, not wrong.
//
// NOTHING SUBNORMAL MATTERS. Validated coordinates are 0 or 2^-60..2^40; so planes and padded origins are multiples of
// 2^-103, slab products at least 2^-123 and at most 2^102. Edge functions are compared with 2^-60, so a product that
// underflows is below half a last place of one that counts. The numerator of t is compared with 2^-70 and 2^-40 of the
// determinant, weights with 2^-40; the largest numerator is below 2^127.7.
#import math
#import scene

// NODES: four vectors a node, at 4 · index.
//   first child's box: minimum, and the child as bits; maximum, and the second child as bits;
//   second child's box: minimum, 0; maximum, 0.
// A child without LEAF is a node's index. With LEAF, in the world tree (Params::tlas_root) its low 28 bits are an instance;
// in a mesh's tree (Instance::blas_root) they are the first of 1 + (bits 28 to 30) consecutive leaf triangles. A root may
// be a leaf; NONE is an empty scene. World boxes are those of the package, padded by `box_padding`.
const LEAF: u32 = 0x80000000u;
const LEAF_COUNT_ONE: u32 = 0x10000000u;
const LEAF_COUNT_MASK: u32 = 0x70000000u;
const LEAF_FIRST_MASK: u32 = 0x0fffffffu;

// LEAVES: three vectors a triangle, at 3 · index: the vertices in object space, and in their fourth places the padding of
// the triangle's box (2^-20 of its largest coordinate), the primitive as bits, LEAF_HOLED or 0 as bits.
// The primitive's material has an alpha mask or blends.
const LEAF_HOLED: u32 = 1u;

// Deferred nodes of both levels together. The host builds no tree that needs more: a world tree is at most 24 deep and a
// mesh's at most 40.
const STACK_MAX: u32 = 64u;

// 2^-20: the padding's share of the largest coordinate.
const PADDING: f32 = 9.5367431640625e-7;
// 2^-40.
const TINY: f32 = 9.094947017729282e-13;
// 2^-60: below it an edge function is 0.
const EDGE_MIN: f32 = 8.673617379884035e-19;
// 2^-70: below it the numerator of t is 0.
const NUMERATOR_MIN: f32 = 8.470329472543003e-22;
// 2^40 and 2^20: bounds of a ray in object space.
const COORDINATE_MAX: f32 = 1099511627776.0;
const STRETCH_MAX: f32 = 1048576.0;

// A ray as the tests want it.
struct Ray {
    origin: vec3<f32>,
    // The origin padded down and up.
    origin_low: vec3<f32>,
    origin_high: vec3<f32>,
    inverse: vec3<f32>,
    // Shear that takes the direction to the axis, and 1 / d along it.
    shear: vec3<f32>,
    // Axis of the direction's greatest component.
    axis: u32,
}

// The largest magnitude of a component.
fn magnitude3(v: vec3<f32>) -> f32 {
    return max3(abs(v));
}

// Components below 2^-40 of the greatest, -0 among them, become +2^-40 of it. Idempotent. Call it once for every ray.
fn canonical_direction(direction: vec3<f32>) -> vec3<f32> {
    let tiny = vec3<f32>(magnitude3(direction) * TINY);
    return select(direction, tiny, abs(direction) < tiny);
}

// Axes in cyclic order, the ray's axis last.
fn turn_to(axis: u32, v: vec3<f32>) -> vec3<f32> {
    return select(select(v, v.yzx, axis == 0u), v.zxy, axis == 1u);
}

// `direction` is canonical.
fn ray_of(origin: vec3<f32>, direction: vec3<f32>) -> Ray {
    var ray: Ray;
    ray.origin = canonical_tiny3(origin);
    let padding = vec3<f32>(magnitude3(ray.origin) * PADDING);
    ray.origin_low = ray.origin - padding;
    ray.origin_high = ray.origin + padding;
    ray.inverse = vec3<f32>(rcp(direction.x), rcp(direction.y), rcp(direction.z));
    let m = abs(direction);
    ray.axis = select(select(2u, 1u, m.y >= m.z), 0u, (m.x >= m.y) & (m.x >= m.z));
    let d = turn_to(ray.axis, direction);
    let reciprocal = turn_to(ray.axis, ray.inverse).z;
    ray.shear = vec3<f32>(d.x * reciprocal, d.y * reciprocal, reciprocal);
    return ray;
}

// Where the ray enters and leaves a padded box; it misses where the first is greater.
fn slab(ray: Ray, box_min: vec3<f32>, box_max: vec3<f32>) -> vec2<f32> {
    let low = (box_min - ray.origin_high) * ray.inverse;
    let high = (box_max - ray.origin_low) * ray.inverse;
    let forward = ray.inverse > vec3<f32>(0.0);
    return vec2<f32>(max3(select(high, low, forward)), min3(select(low, high, forward)));
}

// What a box given by its corners is padded by.
fn box_padding(box_min: vec3<f32>, box_max: vec3<f32>) -> f32 {
    return fmax(magnitude3(box_min), magnitude3(box_max)) * PADDING;
}

// a.x b.y - a.y b.x, or 0 where that is tiny.
fn edge_function(a: vec3<f32>, b: vec3<f32>) -> f32 {
    let e = a.x * b.y - a.y * b.x;
    return select(e, 0.0, abs(e) < EDGE_MIN);
}

// A row of a 3×4 matrix and a point.
fn row_point(row: vec4<f32>, p: vec3<f32>) -> f32 {
    return row.x * p.x + row.y * p.y + row.z * p.z + row.w;
}

// A row of a 3×4 matrix and a vector.
fn row_vector(row: vec4<f32>, v: vec3<f32>) -> f32 {
    return row.x * v.x + row.y * v.y + row.z * v.z;
}

// An edge function as a share of their sum; +0 below 2^-40.
fn weight(edge: f32, sum: f32) -> f32 {
    return select(div(edge, sum), 0.0, abs(edge) < abs(sum) * TINY);
}

// (t, instance, primitive) is lexicographically above the second triple.
fn is_beyond(t: f32, instance: u32, primitive: u32, other: After) -> bool {
    let tie = (instance > other.instance) | ((instance == other.instance) & (primitive > other.primitive));
    return (t > other.t) | ((t == other.t) & tie);
}

// The hit of a ray among those beyond `after` and with t < t_max. The CPU replaces this function by a SIMD traversal.
fn trace(origin: vec3<f32>, direction: vec3<f32>, t_max: f32, after: After, mode: u32) -> Hit {
    let world = ray_of(origin, direction);
    var ray = world;
    var stack: array<u32, 64>;
    var top = 0u;
    // Entries below belong to the world, while a mesh is walked.
    var world_top = 0u;
    var instance = NONE;
    // The interval of the instance's box.
    var inside = vec2<f32>(0.0);
    var best = After(t_max, 0u, 0u);
    // Edge functions of vertices 1 and 2 and the sum of three: 0 where nothing was hit.
    var best_edges = vec3<f32>(0.0);
    var node = params.tlas_root;
    loop {
        if (node == NONE) {
            if (top == world_top) {
                instance = NONE;
                world_top = 0u;
                ray = world;
            }
            if (top == 0u) {
                break;
            }
            top = top - 1u;
            node = stack[top];
        }
        let limit = select(best.t, t_max, mode == TRACE_SHADOW);
        if ((node & LEAF) == 0u) {
            let boxes = node_boxes(node);
            let first = slab(ray, boxes.first_min.xyz, boxes.first_max.xyz);
            let second = slab(ray, boxes.second_min.xyz, boxes.second_max.xyz);
            let enters_first = (first.x <= first.y) & (first.x <= limit) & (first.y >= after.t);
            let enters_second = (second.x <= second.y) & (second.x <= limit) & (second.y >= after.t);
            let child_first = bitcast<u32>(boxes.first_min.w);
            let child_second = bitcast<u32>(boxes.first_max.w);
            let second_nearer = second.x < first.x;
            if (enters_first & enters_second) {
                stack[top] = select(child_second, child_first, second_nearer);
                top = top + 1u;
            }
            node = NONE;
            if (enters_first) {
                node = child_first;
            }
            if (enters_second & (second_nearer | !enters_first)) {
                node = child_second;
            }
            continue;
        }
        if (instance == NONE) {
            let index = node & LEAF_FIRST_MASK;
            node = NONE;
            let box_min = instances[index].box_min;
            let box_max = instances[index].box_max;
            let padding = vec3<f32>(box_padding(box_min, box_max));
            inside = slab(ray, box_min - padding, box_max + padding);
            if ((inside.x > inside.y) | (inside.x > limit) | (inside.y < after.t)) {
                continue;
            }
            if ((instances[index].flags & INSTANCE_IDENTITY) == 0u) {
                let row_x = instances[index].world_to_object[0];
                let row_y = instances[index].world_to_object[1];
                let row_z = instances[index].world_to_object[2];
                let p = vec3<f32>(row_point(row_x, world.origin), row_point(row_y, world.origin), row_point(row_z, world.origin));
                let d = vec3<f32>(row_vector(row_x, direction), row_vector(row_y, direction), row_vector(row_z, direction));
                let stretch = magnitude3(d);
                if ((magnitude3(p) > COORDINATE_MAX) | (stretch > STRETCH_MAX) | (stretch * STRETCH_MAX < 1.0)) {
                    continue;
                }
                ray = ray_of(p, canonical_direction(d));
            }
            instance = index;
            world_top = top;
            node = instances[index].blas_root;
            continue;
        }
        let leaf = leaf_triangle(node & LEAF_FIRST_MASK);
        node = select(NONE, node + 1u - LEAF_COUNT_ONE, (node & LEAF_COUNT_MASK) != 0u);
        let v0 = leaf.v0;
        let v1 = leaf.v1;
        let v2 = leaf.v2;
        let p0 = turn_to(ray.axis, v0.xyz - ray.origin);
        let p1 = turn_to(ray.axis, v1.xyz - ray.origin);
        let p2 = turn_to(ray.axis, v2.xyz - ray.origin);
        let a = vec3<f32>(p0.x - ray.shear.x * p0.z, p0.y - ray.shear.y * p0.z, p0.z);
        let b = vec3<f32>(p1.x - ray.shear.x * p1.z, p1.y - ray.shear.y * p1.z, p1.z);
        let c = vec3<f32>(p2.x - ray.shear.x * p2.z, p2.y - ray.shear.y * p2.z, p2.z);
        let u = edge_function(c, b);
        let v = edge_function(a, c);
        let w = edge_function(b, a);
        let sum = u + v + w;
        if (((min3(vec3<f32>(u, v, w)) < 0.0) & (max3(vec3<f32>(u, v, w)) > 0.0)) | (sum == 0.0)) {
            continue;
        }
        let low = select(v0.xyz, v1.xyz, v1.xyz < v0.xyz);
        let high = select(v0.xyz, v1.xyz, v1.xyz > v0.xyz);
        let padding = vec3<f32>(v0.w);
        let own = slab(ray, select(low, v2.xyz, v2.xyz < low) - padding, select(high, v2.xyz, v2.xyz > high) + padding);
        let near = fmax(own.x, inside.x);
        let far = fmin(own.y, inside.y);
        if (near > far) {
            continue;
        }
        let numerator = u * a.z + v * b.z + w * c.z;
        let nothing = abs(numerator) < abs(sum) * TINY + NUMERATOR_MIN;
        let t = clamp_(select(div(numerator, sum) * ray.shear.z, 0.0, nothing), near, far);
        let primitive = bitcast<u32>(v1.w);
        if ((t >= t_max) | !is_beyond(t, instance, primitive, after)) {
            continue;
        }
        if ((mode == TRACE_SHADOW) & ((bitcast<u32>(v2.w) & LEAF_HOLED) == 0u)) {
            return Hit(0.0, OCCLUDED, 0u, 0.0, 0.0);
        }
        if ((best_edges.z == 0.0) | !is_beyond(t, instance, primitive, best)) {
            best = After(t, instance, primitive);
            best_edges = vec3<f32>(v, w, sum);
        }
    }
    if (best_edges.z == 0.0) {
        return Hit(0.0, NONE, 0u, 0.0, 0.0);
    }
    return Hit(best.t, best.instance, best.primitive, weight(best_edges.x, best_edges.z), weight(best_edges.y, best_edges.z));
}
