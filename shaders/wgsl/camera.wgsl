#import math
#import scene
// The pinhole camera with a box filter of one pixel.

// The unit direction through a point of pixel (x, y); `at` in [0, 1)² from its top left.
fn camera_direction(x: u32, y: u32, at: vec2<f32>) -> vec3<f32> {
    let corner = params.corner + params.step_x * f32(x) + params.step_y * f32(y);
    return normalize3(corner + (params.step_x * at.x + params.step_y * at.y));
}
