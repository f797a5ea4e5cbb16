//! The camera of a shot as the package's: placed by the job, found in the scene by name, or framed on its bounds; with its lens.

use tessera_shared::grid::Grid;
use tessera_shared::package::validate::{FILM_MAX, LENS_RADIUS_MAX_PX};
use tessera_shared::package::{Camera, Projection};

use super::CompileError;
use super::number::{settled, settled3};
use crate::affine::{cross, dot, length, sub, unit};
use crate::import::{NamedCamera, View};
use crate::label::quoted;
use crate::shot::{Aperture, CameraKeys, LensKeys, VFOV_DEGREES, ViewKeys};

/// From the subject towards an automatic camera: three-quarter view, a little from above.
const FROM: [f64; 3] = [0.55, 0.42, 1.0];
/// Space around the subject, as a factor of the distance.
const MARGIN: f64 = 1.06;
/// Half the height of the sensor that f-stops are told for, in metres: 24 mm, as in Blender.
const SENSOR_HALF_HEIGHT: f64 = 0.012;

/// Where a camera is and looks. `up` need not be perpendicular to `forward`.
struct Pose {
    eye: [f64; 3],
    forward: [f64; 3],
    up: [f64; 3],
    view: View,
    /// Distance of what it looks at, where that is known.
    subject: Option<f64>,
}

/// What a shot says of its camera.
#[derive(Clone, Copy)]
pub struct CameraChoice<'a> {
    pub keys: &'a CameraKeys,
    pub lens: Option<&'a LensKeys>,
}

/// The shot's camera for pictures of the grid's size. `bounds` are the scene's.
pub fn camera(
    choice: CameraChoice<'_>,
    cameras: &[NamedCamera],
    bounds: Option<([f64; 3], [f64; 3])>,
    grid: &Grid,
) -> Result<Camera, CompileError> {
    let pose = match choice.keys {
        CameraKeys::Placed { eye, target, up, view } => {
            let forward = sub(*target, *eye);
            Pose { eye: *eye, forward, up: *up, view: radians(*view), subject: Some(length(forward)) }
        }
        CameraKeys::Named(name) => of_scene(named(name, cameras)?, None),
        CameraKeys::Automatic { view } => match cameras.first() {
            Some(camera) => of_scene(camera, *view),
            None => {
                let view = view.unwrap_or(ViewKeys::Perspective { vfov_degrees: VFOV_DEGREES });
                framed(bounds, radians(view), grid)
            }
        },
    };
    through(&pose, choice.lens, grid)
}

fn radians(view: ViewKeys) -> View {
    match view {
        ViewKeys::Perspective { vfov_degrees } => {
            View::Perspective { vfov_radians: vfov_degrees.to_radians() }
        }
        ViewKeys::Orthographic { height } => View::Orthographic { height },
    }
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

fn of_scene(camera: &NamedCamera, view: Option<ViewKeys>) -> Pose {
    let axis = |k: usize| camera.transform.0.map(|row| row[k]);
    Pose {
        eye: axis(3),
        forward: axis(2).map(|x| -x),
        up: axis(1),
        view: view.map_or(camera.view, radians),
        subject: None,
    }
}

/// The nearest pose from [`FROM`] that holds all corners of the bounds; an orthographic one stands well before them.
fn framed(bounds: Option<([f64; 3], [f64; 3])>, view: View, grid: &Grid) -> Pose {
    let (low, high) = bounds.unwrap_or(([-1.0; 3], [1.0; 3]));
    let center: [f64; 3] = std::array::from_fn(|k| (low[k] + high[k]) / 2.0);
    let back = unit(FROM);
    let right = unit(cross([0.0, 1.0, 0.0], back));
    let up = cross(back, right);
    let reach = |x: f64, y: f64| match view {
        View::Perspective { vfov_radians } => {
            let half_height = (vfov_radians / 2.0).tan();
            let half_width = half_height * f64::from(grid.width_px) / f64::from(grid.height_px);
            MARGIN * (x / half_width).max(y / half_height)
        }
        View::Orthographic { .. } => length(sub(high, low)),
    };
    let mut distance = 0.0f64;
    for corner in 0..8 {
        let at: [f64; 3] =
            std::array::from_fn(|k| if corner >> k & 1 == 0 { low[k] } else { high[k] } - center[k]);
        let (x, y, z) = (dot(at, right).abs(), dot(at, up).abs(), dot(at, back));
        distance = distance.max(z + reach(x, y));
    }
    let distance = if distance > 0.0 { distance } else { 1.0 };
    Pose {
        eye: std::array::from_fn(|k| center[k] + distance * back[k]),
        forward: back.map(|x| -x),
        up,
        view,
        subject: Some(distance),
    }
}

/// The picture's axes: forward, right and up, unit and perpendicular.
fn axes(pose: &Pose) -> Result<[[f64; 3]; 3], CompileError> {
    let forward = unit(pose.forward);
    if forward == [0.0; 3] {
        return Err(CompileError::Camera("`eye` and `target` are the same point".into()));
    }
    let mut right = cross(forward, unit(pose.up));
    if dot(right, right) < 1e-12 {
        // Straight up or down: the picture's top is then −Z, or +Y where the view runs along Z.
        let other = if forward[2].abs() < 0.9 { [0.0, 0.0, -1.0] } else { [0.0, 1.0, 0.0] };
        right = cross(forward, other);
    }
    let right = unit(right);
    Ok([forward, right, cross(right, forward)])
}

fn through(pose: &Pose, lens: Option<&LensKeys>, grid: &Grid) -> Result<Camera, CompileError> {
    let [forward, right, up] = axes(pose)?;
    let lens = lens.map(|lens| lens_of(lens, pose)).transpose()?;
    // The vectors of a lens reach to the plane in focus, those of a pinhole to the plane at distance 1.
    let depth = lens.map_or(1.0, |lens| lens.focus_distance);
    let (projection, half_height) = match pose.view {
        View::Perspective { vfov_radians } => (Projection::Perspective, (vfov_radians / 2.0).tan() * depth),
        View::Orthographic { height } => (Projection::Orthographic, height / 2.0),
    };
    let half_width = half_height * f64::from(grid.width_px) / f64::from(grid.height_px);
    let top_left: [f64; 3] = std::array::from_fn(|k| half_height * up[k] - half_width * right[k]);
    let ahead = forward.map(|x| x * depth);
    let add = |a: [f64; 3], b: [f64; 3]| std::array::from_fn(|k| a[k] + b[k]);
    let (eye, corner) = match projection {
        Projection::Perspective => {
            (pose.eye, std::array::from_fn(|k| ahead[k] - half_width * right[k] + half_height * up[k]))
        }
        Projection::Orthographic => (add(pose.eye, top_left), ahead),
    };
    if !eye.iter().all(|x| x.abs() < super::number::LARGEST) {
        return Err(CompileError::TooFar { what: "the camera".into() });
    }
    let pixel = 2.0 * half_height / f64::from(grid.height_px);
    let step_x = right.map(|x| x * 2.0 * half_width / f64::from(grid.width_px));
    let step_y = up.map(|x| -x * 2.0 * half_height / f64::from(grid.height_px));
    let most = f64::from(FILM_MAX);
    if corner.iter().chain(&step_x).chain(&step_y).any(|x: &f64| x.abs() > most) {
        let problem =
            format!("the plane in focus, {depth} m away, is too large for its numbers; focus nearer");
        return Err(CompileError::Camera(problem));
    }
    Ok(Camera {
        eye: settled3(eye),
        corner: settled3(corner),
        step_x: settled3(step_x),
        step_y: settled3(step_y),
        projection,
        lens_radius_px: lens.map_or(Ok(0.0), |lens| radius_px(lens.radius / pixel))?,
    })
}

/// A lens in metres.
#[derive(Clone, Copy)]
struct Lens {
    radius: f64,
    focus_distance: f64,
}

fn lens_of(lens: &LensKeys, pose: &Pose) -> Result<Lens, CompileError> {
    let Some(focus_distance) = lens.focus_distance.or(pose.subject) else {
        let problem = "a camera of the scene does not say what it is focused on; give `focus_distance`";
        return Err(CompileError::Camera(problem.into()));
    };
    let radius = match (lens.aperture, pose.view) {
        (Aperture::Radius(radius), _) => radius,
        (Aperture::FStop(fstop), View::Perspective { vfov_radians }) => {
            SENSOR_HALF_HEIGHT / (vfov_radians / 2.0).tan() / (2.0 * fstop)
        }
        (Aperture::FStop(_), View::Orthographic { .. }) => {
            let problem =
                "an orthographic camera has no focal length; give `aperture_radius` instead of `fstop`";
            return Err(CompileError::Camera(problem.into()));
        }
    };
    Ok(Lens { radius, focus_distance })
}

/// A lens too narrow to blur anything is a pinhole.
fn radius_px(radius: f64) -> Result<f32, CompileError> {
    let most = f64::from(LENS_RADIUS_MAX_PX);
    if radius > most {
        let problem =
            format!("its lens covers {radius:.0} pixels of the plane in focus; at most {most} are rendered");
        return Err(CompileError::Camera(problem));
    }
    Ok(if radius < 1.0 / most { 0.0 } else { settled(radius) })
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
            view: ViewKeys::Perspective { vfov_degrees: 90.0 },
        };
        let camera = camera(CameraChoice { keys: &keys, lens: None }, &[], None, &grid).unwrap();
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

    const EYE: [f64; 3] = [0.0, 0.0, 5.0];

    fn placed(view: ViewKeys, lens: Option<LensKeys>) -> Result<Camera, CompileError> {
        let grid = Grid::new(200, 100, 64).unwrap();
        let keys = CameraKeys::Placed { eye: EYE, target: [0.0; 3], up: [0.0, 1.0, 0.0], view };
        camera(CameraChoice { keys: &keys, lens: lens.as_ref() }, &[], None, &grid)
    }

    fn lens(aperture: Aperture, focus_distance: Option<f64>) -> Option<LensKeys> {
        Some(LensKeys { aperture, focus_distance })
    }

    #[test]
    fn parallel_rays_start_all_over_the_film() {
        let camera = placed(ViewKeys::Orthographic { height: 3.0 }, None).unwrap();
        assert_eq!(camera.projection, Projection::Orthographic);
        assert_eq!((camera.eye, camera.corner), ([-3.0, 1.5, 5.0], [0.0, 0.0, -1.0]));
        assert_eq!((camera.step_x, camera.step_y), ([0.03, 0.0, 0.0], [0.0, -0.03, 0.0]));
        assert_eq!(camera.lens_radius_px, 0.0);
    }

    #[test]
    fn a_lens_stretches_the_film_to_the_plane_in_focus() {
        let wide = ViewKeys::Perspective { vfov_degrees: 90.0 };
        // The target is 5 m away: a pixel there is 0.1 m high.
        for (focus, depth) in [(None, 5.0f32), (Some(2.5), 2.5)] {
            let camera = placed(wide, lens(Aperture::Radius(0.05), focus)).unwrap();
            assert!((camera.corner[1] - depth).abs() < 1e-5 && camera.corner[2] == -depth, "{camera:?}");
            assert!((camera.lens_radius_px - 2.5 / depth).abs() < 1e-5, "{camera:?}");
        }
        // A focal length of 12 mm at f/3: 4 mm across.
        let camera = placed(wide, lens(Aperture::FStop(3.0), None)).unwrap();
        assert!((camera.lens_radius_px - 0.02).abs() < 1e-7, "{camera:?}");
        let flat = ViewKeys::Orthographic { height: 1.0 };
        let camera = placed(flat, lens(Aperture::Radius(0.05), None)).unwrap();
        assert_eq!((camera.corner, camera.lens_radius_px), ([0.0, 0.0, -5.0], 5.0));
    }

    #[test]
    fn lenses_that_cannot_be_are_named() {
        let refused = |view, aperture, focus| placed(view, lens(aperture, focus)).unwrap_err().to_string();
        let wide = ViewKeys::Perspective { vfov_degrees: 90.0 };
        let flat = ViewKeys::Orthographic { height: 1.0 };
        assert!(refused(flat, Aperture::FStop(2.0), None).contains("no focal length"));
        assert!(refused(wide, Aperture::Radius(1e5), Some(1e-3)).contains("pixels of the plane in focus"));
        assert!(refused(wide, Aperture::Radius(1.0), Some(1e9)).contains("focus nearer"));
        let camera = NamedCamera {
            names: [Some("a".into()), None],
            transform: crate::affine::Affine::IDENTITY,
            view: View::Perspective { vfov_radians: 1.0 },
        };
        let keys = CameraKeys::Named("a".into());
        let lens = lens(Aperture::FStop(2.0), None);
        let grid = Grid::new(200, 100, 64).unwrap();
        let error = super::camera(CameraChoice { keys: &keys, lens: lens.as_ref() }, &[camera], None, &grid);
        assert!(error.unwrap_err().to_string().contains("`focus_distance`"));
    }

    #[test]
    fn a_framed_camera_sees_every_corner() {
        let (low, high) = ([-3.0, 0.0, 1.0], [5.0, 0.5, 2.0]);
        for (width, height) in [(960, 540), (100, 400)] {
            let grid = Grid::new(width, height, 64).unwrap();
            let view = framed(Some((low, high)), View::Perspective { vfov_radians: 0.7 }, &grid);
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
