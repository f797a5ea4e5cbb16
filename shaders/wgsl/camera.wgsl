#import math
#import scene
// The camera, a box filter of one pixel: perspective or orthographic, through a pinhole or a thin lens. Knows nothing of what
// a film position sees.
//
// The point of the film at (x, y), px from the top left, is film(x, y) = base + x · step_x + y · step_y. A perspective camera
// has base = `corner` and looks from `eye` along film; an orthographic one has base = `eye` and looks from film along `corner`.
// With a lens, the vectors reach to the plane in focus: a pixel there is step_x by step_y large, and the lens is measured
// in such pixels (thin lens: pbrt-v4 §5.2.3).

struct CameraRay {
    origin: vec3<f32>,
    direction: vec3<f32>,
}

// The ray through a point of pixel (x, y); `at` in [0, 1)² from its top left, `lens` in [0, 1)² picks the point of the lens.
fn camera_ray(x: u32, y: u32, at: vec2<f32>, lens: vec2<f32>) -> CameraRay {
    let parallel = params.projection == PROJECTION_ORTHOGRAPHIC;
    let corner = select(params.corner, params.eye, parallel) + params.step_x * f32(x) + params.step_y * f32(y);
    let film = corner + (params.step_x * at.x + params.step_y * at.y);
    var origin = select(params.eye, film, parallel);
    var towards = select(film, params.corner, parallel);
    if params.lens_radius_px > 0.0 {
        // Lenses are at least 2^-20 pixels wide, so no product is subnormal but with a step below 2^-40.
        let point = disk_point(lens) * params.lens_radius_px;
        let offset = params.step_x * point.x + params.step_y * point.y;
        origin = origin + offset;
        towards = towards - offset;
    }
    return CameraRay(origin, normalize3(towards));
}

// A point of the unit disc, uniform for a uniform `u` in [0, 1)²: concentric squares become circles (Shirley and Chiu 1997).
fn disk_point(u: vec2<f32>) -> vec2<f32> {
    let a = 2.0 * u.x - 1.0;
    let b = 2.0 * u.y - 1.0;
    let wide = abs(a) > abs(b);
    let radius = select(b, a, wide);
    // Within an eighth of a turn: from +x where it is wide, else back from +y.
    let eighth = 0.125 * div(select(a, b, wide), radius);
    let turn = select(0.25 - eighth, select(eighth, 1.0 + eighth, eighth < 0.0), wide);
    let across = sin_cos_turn(turn);
    return vec2<f32>(canonical_tiny(across.y * radius), canonical_tiny(across.x * radius));
}
