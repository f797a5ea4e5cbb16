//! One instance by itself: finite numbers, matrices that are each other's inverses, flags that say what they do.

use super::{Checked, cross, dot, invalid, numbers};
use crate::package::layout::{INSTANCE_FLIPPED, INSTANCE_IDENTITY, Instance, Mesh};

/// `place` names the instance in errors.
pub(super) fn validate_instance(place: &str, instance: &Instance, mesh: &Mesh) -> Checked {
    let matrices = [&instance.object_to_world, &instance.world_to_object];
    for matrix in matrices {
        numbers(place, matrix.as_flattened())?;
    }
    numbers(place, &instance.box_min)?;
    numbers(place, &instance.box_max)?;
    if (0..3).any(|k| instance.box_min[k] > instance.box_max[k]) {
        return invalid(place, "its box is inside out");
    }
    let [to_world, to_object] = matrices.map(|m| m.map(|row| [row[0], row[1], row[2]].map(f64::from)));
    let product = to_world
        .map(|row| [0, 1, 2].map(|column| (0..3).map(|k| row[k] * to_object[k][column]).sum::<f64>()));
    let is_off = |row: usize, column: usize| {
        let expected = if row == column { 1.0 } else { 0.0 };
        (product[row][column] - expected).abs() > 0.25
    };
    if (0..9).any(|entry| is_off(entry / 3, entry % 3)) {
        return invalid(place, "its matrices are not each other's inverses");
    }
    let determinant = dot(to_world[0], cross(to_world[1], to_world[2]));
    let is_flipped = instance.flags & INSTANCE_FLIPPED != 0;
    if determinant == 0.0 || is_flipped != (determinant < 0.0) {
        return invalid(place, "its flag for mirroring does not fit its matrix");
    }
    const IDENTITY: [[f32; 4]; 3] = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]];
    let is_identity = matrices.iter().all(|matrix| **matrix == IDENTITY);
    if (instance.flags & INSTANCE_IDENTITY != 0) && !is_identity {
        return invalid(place, "it is marked as the identity and is not");
    }
    let fits = instance.flags & !(INSTANCE_FLIPPED | INSTANCE_IDENTITY) == 0
        && instance.triangle_start == mesh.triangle_start
        && instance.emissive_count == mesh.emissive_count
        && instance.blas_root == 0;
    if fits { Ok(()) } else { invalid(place, format!("it does not fit its mesh: {instance:?}")) }
}
