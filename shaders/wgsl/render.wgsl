#import one_page
#import dispatch
// Entry: renders blocks of a scene whose every array fits one binding.

@compute @workgroup_size(64)
fn render(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    render_lane(group, lane);
}
