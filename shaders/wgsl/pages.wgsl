#import scene
// Records of arrays that are cut into pages, as one binding may not hold them. Knows not what records mean.
//
// A page holds 2^shift records (`Params::page_shift_…`, by the bytes of a record), so that none lies across two. The host cuts the
// arrays and chooses the shifts. An entry imports this module, or `one_page`, which has the same functions.

// Further pages, in the order of the first ones' bindings.
@group(0) @binding(18) var<storage, read> nodes_1: array<vec4<f32>>;
@group(0) @binding(19) var<storage, read> nodes_2: array<vec4<f32>>;
@group(0) @binding(20) var<storage, read> nodes_3: array<vec4<f32>>;
@group(0) @binding(21) var<storage, read> leaves_1: array<vec4<f32>>;
@group(0) @binding(22) var<storage, read> leaves_2: array<vec4<f32>>;
@group(0) @binding(23) var<storage, read> leaves_3: array<vec4<f32>>;
@group(0) @binding(24) var<storage, read> triangles_1: array<vec4<u32>>;
@group(0) @binding(25) var<storage, read> positions_1: array<vec4<f32>>;
@group(0) @binding(26) var<storage, read> attributes_1: array<VertexAttributes>;
@group(0) @binding(27) var<storage, read> attributes_2: array<VertexAttributes>;
@group(0) @binding(28) var<storage, read> attributes_3: array<VertexAttributes>;
@group(0) @binding(29) var<storage, read> texels_1: array<u32>;
@group(0) @binding(30) var<storage, read> texels_2: array<u32>;
@group(0) @binding(31) var<storage, read> texels_3: array<u32>;

// The place of a record in its page.
fn in_page(index: u32, shift: u32) -> u32 {
    return index & ((1u << shift) - 1u);
}

fn node_boxes(index: u32) -> NodeBoxes {
    let shift = params.page_shift_64;
    let at = in_page(index, shift) * 4u;
    switch index >> shift {
        case 0u: { return NodeBoxes(nodes[at], nodes[at + 1u], nodes[at + 2u], nodes[at + 3u]); }
        case 1u: { return NodeBoxes(nodes_1[at], nodes_1[at + 1u], nodes_1[at + 2u], nodes_1[at + 3u]); }
        case 2u: { return NodeBoxes(nodes_2[at], nodes_2[at + 1u], nodes_2[at + 2u], nodes_2[at + 3u]); }
        default: { return NodeBoxes(nodes_3[at], nodes_3[at + 1u], nodes_3[at + 2u], nodes_3[at + 3u]); }
    }
}

fn leaf_triangle(index: u32) -> LeafTriangle {
    let shift = params.page_shift_48;
    let at = in_page(index, shift) * 3u;
    switch index >> shift {
        case 0u: { return LeafTriangle(leaves[at], leaves[at + 1u], leaves[at + 2u]); }
        case 1u: { return LeafTriangle(leaves_1[at], leaves_1[at + 1u], leaves_1[at + 2u]); }
        case 2u: { return LeafTriangle(leaves_2[at], leaves_2[at + 1u], leaves_2[at + 2u]); }
        default: { return LeafTriangle(leaves_3[at], leaves_3[at + 1u], leaves_3[at + 2u]); }
    }
}

// The vertices' indices and the material of a triangle.
fn triangle_corners(index: u32) -> vec4<u32> {
    let shift = params.page_shift_16;
    let at = in_page(index, shift);
    switch index >> shift {
        case 0u: { return triangles[at]; }
        default: { return triangles_1[at]; }
    }
}

fn vertex_position(index: u32) -> vec3<f32> {
    let shift = params.page_shift_16;
    let at = in_page(index, shift);
    switch index >> shift {
        case 0u: { return positions[at].xyz; }
        default: { return positions_1[at].xyz; }
    }
}

fn vertex_attributes(index: u32) -> VertexAttributes {
    let shift = params.page_shift_48;
    let at = in_page(index, shift);
    switch index >> shift {
        case 0u: { return attributes[at]; }
        case 1u: { return attributes_1[at]; }
        case 2u: { return attributes_2[at]; }
        default: { return attributes_3[at]; }
    }
}

fn texel_word(index: u32) -> u32 {
    let shift = params.page_shift_4;
    let at = in_page(index, shift);
    switch index >> shift {
        case 0u: { return texels[at]; }
        case 1u: { return texels_1[at]; }
        case 2u: { return texels_2[at]; }
        default: { return texels_3[at]; }
    }
}
