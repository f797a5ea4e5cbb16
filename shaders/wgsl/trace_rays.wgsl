// Entry: traces a list of rays and writes their hits. Tests put the traversal of a GPU beside the CPU's with it.
// A ray takes three of `items`: origin, t_max; direction, mode; after's t, instance, primitive, 0; floats as bits.
// A hit takes eight words of `film_out`: t, instance, primitive, b1, b2, 0, 0, 0.
#import scene
#import one_page
#import trace

fn trace_ray(index: u32) -> Hit {
    let from_word = items[index * 3u];
    let to_word = items[index * 3u + 1u];
    let after_word = items[index * 3u + 2u];
    let origin = bitcast<vec3<f32>>(from_word.xyz);
    let direction = canonical_direction(bitcast<vec3<f32>>(to_word.xyz));
    let after = After(bitcast<f32>(after_word.x), after_word.y, after_word.z);
    return trace(origin, direction, bitcast<f32>(from_word.w), after, to_word.w);
}

@compute @workgroup_size(64)
fn trace_rays(@builtin(global_invocation_id) id: vec3<u32>) {
    let index = id.x;
    if (index >= params.item_count) {
        return;
    }
    let hit = trace_ray(index);
    let out = index * 8u;
    film_out[out] = bitcast<u32>(hit.t);
    film_out[out + 1u] = hit.instance;
    film_out[out + 2u] = hit.primitive;
    film_out[out + 3u] = bitcast<u32>(hit.b1);
    film_out[out + 4u] = bitcast<u32>(hit.b2);
    film_out[out + 5u] = 0u;
    film_out[out + 6u] = 0u;
    film_out[out + 7u] = 0u;
}
