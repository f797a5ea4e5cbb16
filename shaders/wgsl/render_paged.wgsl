#import pages
#import dispatch
// Entry: renders blocks of a scene whose arrays are cut into pages.

@compute @workgroup_size(64)
fn render_paged(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    render_lane(group, lane);
}
