//! The camera of a shot as the package's pinhole: placed by the job, found in the scene by name, or framed on its bounds.

use tessera_shared::grid::Grid;
use tessera_shared::package::Camera;

use super::CompileError;
use super::number::settled3;
use crate::affine::{cross, dot, sub, unit};
use crate::import::NamedCamera;
use crate::label::quoted;
use crate::shot::CameraKeys;

const VFOV_DEGREES: f64 = 40.0;
/// From the subject towards an automatic camera: three-quarter view, a little from above.
const FROM: [f64; 3] = [0.55, 0.42, 1.0];
/// Space around the subject, as a factor of the distance.
const MARGIN: f64 = 1.06;

/// Where a camera is and looks. `up` need not be perpendicular to `forward`.
struct View {
    eye: [f64; 3],
    forward: [f64; 3],
    up: [f64; 3],
    vfov_radians: f64,
}

/// The shot's camera for pictures of the grid's size. `bounds` are the scene's.
pub fn camera(
    keys: &CameraKeys,
    cameras: &[NamedCamera],
    bounds: Option<([f64; 3], [f64; 3])>,
    grid: &Grid,
) -> Result<Camera, CompileError> {
    let view = match keys {
        CameraKeys::Placed { eye, target, up, vfov_degrees } => {
            View { eye: *eye, forward: sub(*target, *eye), up: *up, vfov_radians: vfov_degrees.to_radians() }
        }
        CameraKeys::Named(name) => of_scene(named(name, cameras)?, None),
        CameraKeys::Automatic { vfov_degrees } => match cameras.first() {
            Some(camera) => of_scene(camera, *vfov_degrees),
            None => framed(bounds, vfov_degrees.unwrap_or(VFOV_DEGREES).to_radians(), grid),
        },
    };
    pinhole(&view, grid)
}

fn named<'a>(name: &str, cameras: &'a [NamedCamera]) -> Result<&'a NamedCamera, CompileError> {
    let has = |which: usize| cameras.iter().find(|camera| camera.names[which].as_deref() == Some(name));
    has(0).or_else(|| has(1)).ok_or_else(|| {
        let known: Vec<String> = cameras
            .iter()
            .flat_map(|c| c.names.iter().flatten().next())
            .take(20)
            .map(|n| quoted(n))
            .collect();
        let known = if known.is_empty() { "none with a name".to_owned() } else { known.join(", ") };
        CompileError::NoCamera { name: quoted(name), known }
    })
}

fn of_scene(camera: &NamedCamera, vfov_degrees: Option<f64>) -> View {
    let axis = |k: usize| camera.transform.0.map(|row| row[k]);
    View {
        eye: axis(3),
        forward: axis(2).map(|x| -x),
        up: axis(1),
        vfov_radians: vfov_degrees.map_or(camera.vfov_radians, f64::to_radians),
    }
}

/// The nearest view from [`FROM`] that holds all corners of the bounds.
fn framed(bounds: Option<([f64; 3], [f64; 3])>, vfov_radians: f64, grid: &Grid) -> View {
    let (low, high) = bounds.unwrap_or(([-1.0; 3], [1.0; 3]));
    let center: [f64; 3] = std::array::from_fn(|k| (low[k] + high[k]) / 2.0);
    let back = unit(FROM);
    let right = unit(cross([0.0, 1.0, 0.0], back));
    let up = cross(back, right);
    let half_height = (vfov_radians / 2.0).tan();
    let half_width = half_height * f64::from(grid.width_px) / f64::from(grid.height_px);
    let mut distance = 0.0f64;
    for corner in 0..8 {
        let at: [f64; 3] =
            std::array::from_fn(|k| if corner >> k & 1 == 0 { low[k] } else { high[k] } - center[k]);
        let (x, y, z) = (dot(at, right).abs(), dot(at, up).abs(), dot(at, back));
        distance = distance.max(z + MARGIN * (x / half_width).max(y / half_height));
    }
    let distance = if distance > 0.0 { distance } else { 1.0 };
    View {
        eye: std::array::from_fn(|k| center[k] + distance * back[k]),
        forward: back.map(|x| -x),
        up,
        vfov_radians,
    }
}

fn pinhole(view: &View, grid: &Grid) -> Result<Camera, CompileError> {
    let forward = unit(view.forward);
    if forward == [0.0; 3] {
        return Err(CompileError::Camera("`eye` and `target` are the same point".into()));
    }
    let mut right = cross(forward, unit(view.up));
    if dot(right, right) < 1e-12 {
        // Straight up or down: the picture's top is then −Z, or +Y where the view runs along Z.
        let other = if forward[2].abs() < 0.9 { [0.0, 0.0, -1.0] } else { [0.0, 1.0, 0.0] };
        right = cross(forward, other);
    }
    let right = unit(right);
    let up = cross(right, forward);
    let half_height = (view.vfov_radians / 2.0).tan();
    let half_width = half_height * f64::from(grid.width_px) / f64::from(grid.height_px);
    if !view.eye.iter().all(|x| x.abs() < super::number::LARGEST) {
        return Err(CompileError::TooFar { what: "the camera".into() });
    }
    let corner = std::array::from_fn(|k| forward[k] - half_width * right[k] + half_height * up[k]);
    Ok(Camera {
        eye: settled3(view.eye),
        corner: settled3(corner),
        step_x: settled3(right.map(|x| x * 2.0 * half_width / f64::from(grid.width_px))),
        step_y: settled3(up.map(|x| -x * 2.0 * half_height / f64::from(grid.height_px))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axes_of_a_picture() {
        let grid = Grid::new(200, 100, 64).unwrap();
        let keys = CameraKeys::Placed {
            eye: [0.0, 0.0, 5.0],
            target: [0.0; 3],
            up: [0.0, 1.0, 0.0],
            vfov_degrees: 90.0,
        };
        let camera = camera(&keys, &[], None, &grid).unwrap();
        assert_eq!(camera.eye, [0.0, 0.0, 5.0]);
        // The top left is left of and above the axis; x runs right, y down; height 2 over 100 pixels.
        for (found, expected) in [
            (camera.corner, [-2.0, 1.0, -1.0]),
            (camera.step_x, [0.02, 0.0, 0.0]),
            (camera.step_y, [0.0, -0.02, 0.0]),
        ] {
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}");
        }
    }

    #[test]
    fn a_framed_camera_sees_every_corner() {
        let (low, high) = ([-3.0, 0.0, 1.0], [5.0, 0.5, 2.0]);
        for (width, height) in [(960, 540), (100, 400)] {
            let grid = Grid::new(width, height, 64).unwrap();
            let view = framed(Some((low, high)), 0.7, &grid);
            let back = view.forward.map(|x| -x);
            let right = unit(cross(view.up, back));
            for corner in 0..8 {
                let at: [f64; 3] =
                    std::array::from_fn(|k| if corner >> k & 1 == 0 { low[k] } else { high[k] });
                let seen = sub(at, view.eye);
                let depth = dot(seen, view.forward);
                let half = depth * 0.35f64.tan();
                assert!(depth > 0.0 && dot(seen, view.up).abs() < half);
                assert!(dot(seen, right).abs() < half * f64::from(width) / f64::from(height));
            }
        }
    }
}
