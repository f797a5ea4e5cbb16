#import math
#import scene
// A point of a triangle: its world position, normals, texture coordinates and colour, and where rays that leave it start.
// Knows no texture, material or light.

// A unit roundoff of f32, 2^-24, times 16 and times 4.
const SIXTEEN_ROUNDOFFS: f32 = 9.5367431640625e-7;
const FOUR_ROUNDOFFS: f32 = 2.384185791015625e-7;

// A triangle of an instance in world space.
struct WorldTriangle {
    vertex: vec3<f32>,
    // From vertex 0 to vertices 1 and 2.
    edge1: vec3<f32>,
    edge2: vec3<f32>,
    // Unit; the side from which the winding is counter-clockwise.
    normal: vec3<f32>,
    // How far above its plane rays start, see `clearance`.
    clearance: f32,
}

// Rows of a 3×4 matrix applied to (p, 1).
fn transform_point(r0: vec4<f32>, r1: vec4<f32>, r2: vec4<f32>, p: vec3<f32>) -> vec3<f32> {
    return vec3<f32>(dot3(r0.xyz, p) + r0.w, dot3(r1.xyz, p) + r1.w, dot3(r2.xyz, p) + r2.w);
}

// The distance from the plane at which a ray that leaves the triangle must start so as not to meet it again, in proportion
// to the numbers that the position was rounded in, so that the scale of a scene does not matter.
//
// `reach` bounds each world coordinate and every term that was summed for it, `extent` the edges. With u = 2^-24:
// a position v + (b1 e1 + b2 e2) is off by at most u·reach + 5u·extent a coordinate, adding the offset rounds by another
// u·reach, and the watertight test, which works on differences from the origin, is off by a few u·extent. Along the normal
// that is 2u·Σ|n|·reach + 9u·extent; an instance adds two transforms of four terms each, 5u·reach either way. 4 and 16 for
// the reach, 16 for the extent leave a margin.
fn clearance(normal: vec3<f32>, reach: vec3<f32>, extent: f32, identity: bool) -> f32 {
    let roundoffs = select(SIXTEEN_ROUNDOFFS, FOUR_ROUNDOFFS, identity);
    return dot3(abs(normal), reach) * roundoffs + extent * SIXTEEN_ROUNDOFFS;
}

// The triangle `corners` (its vertices' indices) placed by an instance.
fn world_triangle(instance: u32, corners: vec4<u32>) -> WorldTriangle {
    var p0 = vertex_position(corners.x);
    var p1 = vertex_position(corners.y);
    var p2 = vertex_position(corners.z);
    let a0 = abs(p0);
    let a1 = abs(p1);
    let a2 = abs(p2);
    var reach = vec3<f32>(
        fmax(fmax(a0.x, a1.x), a2.x),
        fmax(fmax(a0.y, a1.y), a2.y),
        fmax(fmax(a0.z, a1.z), a2.z),
    );
    let flags = instances[instance].flags;
    let identity = (flags & INSTANCE_IDENTITY) != 0u;
    if !identity {
        let r0 = instances[instance].object_to_world[0];
        let r1 = instances[instance].object_to_world[1];
        let r2 = instances[instance].object_to_world[2];
        p0 = transform_point(r0, r1, r2, p0);
        p1 = transform_point(r0, r1, r2, p1);
        p2 = transform_point(r0, r1, r2, p2);
        reach = transform_point(abs(r0), abs(r1), abs(r2), reach);
    }
    let edge1 = p1 - p0;
    let edge2 = p2 - p0;
    let extent = max3(vec3<f32>(
        fmax(abs(edge1.x), abs(edge2.x)),
        fmax(abs(edge1.y), abs(edge2.y)),
        fmax(abs(edge1.z), abs(edge2.z)),
    ));
    // A power of two near 1 / extent keeps the product of small edges normal.
    let scale = bitcast<f32>(0x7f000000u - (bitcast<u32>(extent) & 0x7f800000u));
    let across = canonical_tiny3(cross3(edge1 * scale, edge2 * scale));
    let flipped = (flags & INSTANCE_FLIPPED) != 0u;
    var normal = normalize3(select(across, vec3<f32>(0.0) - across, flipped));
    if dot3(normal, normal) < 0.5 {
        normal = vec3<f32>(0.0, 1.0, 0.0);
    }
    return WorldTriangle(p0, edge1, edge2, normal, clearance(normal, reach, extent, identity));
}

fn world_position(triangle: WorldTriangle, b1: f32, b2: f32) -> vec3<f32> {
    return triangle.vertex + (triangle.edge1 * b1 + triangle.edge2 * b2);
}

// Texture coordinates of a vertex in both sets: (u0, v0, u1, v1).
fn vertex_coordinates(vertex: u32) -> vec4<f32> {
    let a = vertex_attributes(vertex);
    return vec4<f32>(a.u0, a.v0, a.u1, a.v1);
}

// Texture coordinates of both sets: (u0, v0, u1, v1).
fn texture_coordinates(corners: vec4<u32>, b1: f32, b2: f32) -> vec4<f32> {
    let b0 = 1.0 - b1 - b2;
    let c0 = vertex_coordinates(corners.x);
    let c1 = vertex_coordinates(corners.y);
    let c2 = vertex_coordinates(corners.z);
    return c0 * b0 + c1 * b1 + c2 * b2;
}

// One vertex's linear colour and alpha, each in 0..1.
fn unpack_color(rg: u32, ba: u32) -> vec4<f32> {
    let rgb = vec3<f32>(f32(rg & 0xffffu), f32(rg >> 16u), f32(ba & 0xffffu)) * 1.5259022e-5;
    return vec4<f32>(rgb, f32((ba >> 16u) & 0x7fffu) * 3.051851e-5);
}

fn vertex_color(corners: vec4<u32>, b1: f32, b2: f32) -> vec4<f32> {
    let rg = vec3<u32>(vertex_attributes(corners.x).color_rg, vertex_attributes(corners.y).color_rg, vertex_attributes(corners.z).color_rg);
    let ba = vec3<u32>(vertex_attributes(corners.x).color_ba, vertex_attributes(corners.y).color_ba, vertex_attributes(corners.z).color_ba);
    // Most meshes have no colours: white.
    if (rg.x & rg.y & rg.z) == 0xffffffffu && (ba.x & ba.y & ba.z & 0x7fffffffu) == 0x7fffffffu {
        return vec4<f32>(1.0);
    }
    let b0 = 1.0 - b1 - b2;
    return unpack_color(rg.x, ba.x) * b0 + unpack_color(rg.y, ba.y) * b1 + unpack_color(rg.z, ba.z) * b2;
}

// The interpolated unit normal in world space; `fallback` where the mesh gives none.
fn smooth_normal(instance: u32, corners: vec4<u32>, b1: f32, b2: f32, fallback: vec3<f32>) -> vec3<f32> {
    let b0 = 1.0 - b1 - b2;
    var n = vertex_attributes(corners.x).normal * b0 + vertex_attributes(corners.y).normal * b1 + vertex_attributes(corners.z).normal * b2;
    if (instances[instance].flags & INSTANCE_IDENTITY) == 0u {
        let r0 = instances[instance].world_to_object[0];
        let r1 = instances[instance].world_to_object[1];
        let r2 = instances[instance].world_to_object[2];
        n = r0.xyz * n.x + r1.xyz * n.y + r2.xyz * n.z;
    }
    let unit = normalize3(n);
    return select(fallback, unit, dot3(unit, unit) > 0.5);
}

// Along which way texture coordinates grow: unit vectors, both zero where the vertices have no tangent.
struct TangentFrame {
    tangent: vec3<f32>,
    bitangent: vec3<f32>,
}

// The frame around a unit normal. Bitangent: cross(normal, tangent) · w of glTF 2.0 §3.7.2.1, mirrored with the instance.
fn tangent_frame(instance: u32, corners: vec4<u32>, b1: f32, b2: f32, normal: vec3<f32>) -> TangentFrame {
    let b0 = 1.0 - b1 - b2;
    var t = vertex_attributes(corners.x).tangent * b0 + vertex_attributes(corners.y).tangent * b1 + vertex_attributes(corners.z).tangent * b2;
    let flags = instances[instance].flags;
    if (flags & INSTANCE_IDENTITY) == 0u {
        let r0 = instances[instance].object_to_world[0].xyz;
        let r1 = instances[instance].object_to_world[1].xyz;
        let r2 = instances[instance].object_to_world[2].xyz;
        t = vec3<f32>(dot3(r0, t), dot3(r1, t), dot3(r2, t));
    }
    let tangent = normalize3(t);
    let mirrored = ((vertex_attributes(corners.x).color_ba >> 31u) ^ (flags & INSTANCE_FLIPPED)) == 1u;
    let across = cross3(normal, tangent);
    return TangentFrame(tangent, select(across, vec3<f32>(0.0) - across, mirrored));
}

// The unit normal that a normal texture's `bump` (tangent space, x and y scaled) stands for. `normal` itself where the
// vertices have no tangent.
fn mapped_normal(frame: TangentFrame, normal: vec3<f32>, bump: vec3<f32>) -> vec3<f32> {
    let unit = normalize3(frame.tangent * bump.x + frame.bitangent * bump.y + normal * bump.z);
    let good = dot3(unit, unit) > 0.5 && dot3(frame.tangent, frame.tangent) > 0.5;
    return select(normal, unit, good);
}

// Tilts a shading normal in its plane with `flat_normal` as little as needed for the mirror direction of `wo` to stay above
// the surface: without it, strong normal maps and coarse meshes lose light to reflections that enter the surface. Both normals lie on the
// side of wo.
//
// With z along flat_normal and N = (nx, 0, nz), nx >= 0, the mirror direction's height is 2 (N·wo) nz − wz. Setting it to t
// and s = t + wz gives 2 nx nz wx = s − 2 nz² wz; squared, with q = nz² and a = wx² + wz²:
// a q² − (a + t wz) q + s²/4 = 0. The sign of wx tells which root solves the equation before squaring.
fn valid_normal(normal: vec3<f32>, flat_normal: vec3<f32>, wo: vec3<f32>) -> vec3<f32> {
    let wz = dot3(wo, flat_normal);
    let t = fmin(0.9 * wz, 0.01);
    let nz = dot3(normal, flat_normal);
    if 2.0 * dot3(normal, wo) * nz - wz >= t {
        return normal;
    }
    let x = normalize3(normal - flat_normal * nz);
    let wx = dot3(wo, x);
    let a = fmax(wx * wx + wz * wz, 1e-12);
    let s = t + wz;
    let b = a + t * wz;
    let root = sqrt_(b * b - a * s * s);
    let q = saturate_(div(0.5 * select(b - root, b + root, wx < 0.0), a));
    return x * sqrt_(1.0 - q) + flat_normal * sqrt_(q);
}

// Least cosine between a shading normal and the direction towards the viewer.
const COS_VIEW_MIN: f32 = 0.01;

// A shading normal that faces the viewer: one that does not is tilted towards wo.
fn facing_normal(normal: vec3<f32>, wo: vec3<f32>) -> vec3<f32> {
    let lack = COS_VIEW_MIN - dot3(normal, wo);
    return select(normal, normalize3(normal + wo * fmax(lack, 0.0)), lack > 0.0);
}
