#import scene
// Records of arrays that one binding each holds. Knows not what records mean. `pages` has the same functions for larger arrays.

fn node_boxes(index: u32) -> NodeBoxes {
    let at = index * 4u;
    return NodeBoxes(nodes[at], nodes[at + 1u], nodes[at + 2u], nodes[at + 3u]);
}

fn leaf_triangle(index: u32) -> LeafTriangle {
    let at = index * 3u;
    return LeafTriangle(leaves[at], leaves[at + 1u], leaves[at + 2u]);
}

// The vertices' indices and the material of a triangle.
fn triangle_corners(index: u32) -> vec4<u32> {
    return triangles[index];
}

fn vertex_position(index: u32) -> vec3<f32> {
    return positions[index].xyz;
}

fn vertex_attributes(index: u32) -> VertexAttributes {
    return attributes[index];
}

fn texel_word(index: u32) -> u32 {
    return texels[index];
}
