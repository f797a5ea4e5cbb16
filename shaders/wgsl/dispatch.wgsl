#import scene
#import integrator
// What a lane of a dispatch does: a pixel of an item, and its record on the film. Knows not where the scene's arrays are bound.

// One workgroup an item, one lane a pixel.
fn render_lane(group: vec3<u32>, lane: u32) {
    let index = group.x + group.y * 32768u;
    if index >= params.item_count {
        return;
    }
    let item = items[index];
    let pixel = render_pixel(item.x * 8u + (lane & 7u), item.y * 8u + (lane >> 3u), item.z, item.w);
    let out = (index * 64u + lane) * 12u;
    film_out[out] = pixel.red.x;
    film_out[out + 1u] = pixel.red.y;
    film_out[out + 2u] = pixel.green.x;
    film_out[out + 3u] = pixel.green.y;
    film_out[out + 4u] = pixel.blue.x;
    film_out[out + 5u] = pixel.blue.y;
    film_out[out + 6u] = pixel.covered;
    film_out[out + 7u] = pixel.clamped;
    film_out[out + 8u] = pixel.camera_rays;
    film_out[out + 9u] = pixel.bounce_rays;
    film_out[out + 10u] = pixel.shadow_rays;
    film_out[out + 11u] = pixel.reserved;
}
