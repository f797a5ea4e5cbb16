//! How much of a scene is read before it is refused. Every figure bounds time or memory that a hostile file could ask for.

/// Limits of one compilation. The defaults suit scenes that one GPU can hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportLimits {
    /// Bytes of one file: glTF, buffer, image or environment.
    pub file_bytes_max: u64,
    /// Bytes of all buffers of a scene together.
    pub buffer_bytes_max: u64,
    /// Bytes of glTF's JSON.
    pub json_bytes_max: u64,
    /// Values in glTF's JSON: objects, arrays, strings, numbers.
    pub json_values_max: u64,
    /// Objects in glTF's JSON.
    pub json_objects_max: u64,
    pub nodes_max: usize,
    /// Levels of the node hierarchy.
    pub depth_max: usize,
    /// Vertices read from accessors, over all primitives.
    pub vertices_max: u64,
    /// Displacements of vertices by morph targets, those that are not zero.
    pub morphed_vertices_max: u64,
    /// Times and values of the animation that is played.
    pub animation_numbers_max: u64,
    /// Scenes of a package: frames that differ in more than their camera.
    pub scenes_max: usize,
    /// Bytes of all scenes of a package, equal sections counted once.
    pub package_bytes_max: u64,
    /// Triangles of meshes, before instancing.
    pub triangles_max: u64,
    /// Triangles written to the package, flattened copies included.
    pub package_triangles_max: u64,
    /// Placed meshes, instances of `EXT_mesh_gpu_instancing` included.
    pub placements_max: u64,
    /// Emissive triangles over all instances.
    pub light_triangles_max: u64,
    /// Punctual lights that nodes hold.
    pub lamps_max: u64,
    /// Pixels of one image.
    pub image_pixels_max: u64,
    /// Pixels of all images of a scene.
    pub texels_max: u64,
    /// Pixels of the environment.
    pub environment_pixels_max: u64,
}

impl Default for ImportLimits {
    fn default() -> ImportLimits {
        ImportLimits {
            file_bytes_max: 4 << 30,
            buffer_bytes_max: 4 << 30,
            json_bytes_max: 64 << 20,
            json_values_max: 8 << 20,
            json_objects_max: 1 << 20,
            nodes_max: 1 << 20,
            depth_max: 4096,
            vertices_max: 1 << 26,
            morphed_vertices_max: 1 << 27,
            animation_numbers_max: 1 << 26,
            scenes_max: 1 << 14,
            package_bytes_max: 32 << 30,
            triangles_max: 1 << 26,
            package_triangles_max: 1 << 26,
            placements_max: 1 << 21,
            light_triangles_max: 1 << 24,
            lamps_max: 1 << 16,
            image_pixels_max: 1 << 26,
            texels_max: 1 << 29,
            environment_pixels_max: 1 << 25,
        }
    }
}
