//! The keys of the camera and its lens: which go together, and in which ranges. Knows no scene.

use super::{ReadShotError, ShotKeys, in_range};

/// Vertical field of view where nobody gives one.
pub const VFOV_DEGREES: f64 = 40.0;

/// Which camera the shot looks through.
#[derive(Clone, Debug, PartialEq)]
pub enum CameraKeys {
    /// The scene's first, or one framed on its bounds. The view overrides the camera's own.
    Automatic { view: Option<ViewKeys> },
    /// The scene's camera of this name.
    Named(String),
    /// World space; `up` need not be perpendicular.
    Placed { eye: [f64; 3], target: [f64; 3], up: [f64; 3], view: ViewKeys },
}

/// How much of the world the picture shows from bottom to top.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ViewKeys {
    Perspective {
        vfov_degrees: f64,
    },
    /// Metres.
    Orthographic {
        height: f64,
    },
}

/// A thin lens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LensKeys {
    pub aperture: Aperture,
    /// From the camera to the plane in focus, in metres; `None` for the distance of what the camera looks at.
    pub focus_distance: Option<f64>,
}

/// How wide a lens is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Aperture {
    /// The focal length, as of a sensor 24 mm high, over the diameter.
    FStop(f64),
    /// Radius in metres.
    Radius(f64),
}

pub(super) fn camera(keys: &ShotKeys) -> Result<CameraKeys, ReadShotError> {
    let view = view(keys)?;
    match (&keys.camera, keys.eye, keys.target) {
        (Some(name), None, None) => Ok(CameraKeys::Named(name.clone())),
        (None, None, None) => Ok(CameraKeys::Automatic { view }),
        (None, Some(eye), Some(target)) => {
            let up = keys.up.unwrap_or([0.0, 1.0, 0.0]);
            for (key, vector) in [("eye", eye), ("target", target), ("up", up)] {
                for x in vector {
                    in_range(key, x, -1e11, 1e11)?;
                }
            }
            let view = view.unwrap_or(ViewKeys::Perspective { vfov_degrees: VFOV_DEGREES });
            Ok(CameraKeys::Placed { eye, target, up, view })
        }
        _ => Err(ReadShotError::HalfCamera),
    }
}

fn view(keys: &ShotKeys) -> Result<Option<ViewKeys>, ReadShotError> {
    match (keys.vfov_degrees, keys.ortho_height) {
        (None, None) => Ok(None),
        (Some(angle), None) => {
            let vfov_degrees = in_range("vfov_degrees", angle, 0.01, 179.0)?;
            Ok(Some(ViewKeys::Perspective { vfov_degrees }))
        }
        (None, Some(height)) => {
            let height = in_range("ortho_height", height, 1e-6, 1e9)?;
            Ok(Some(ViewKeys::Orthographic { height }))
        }
        (Some(_), Some(_)) => Err(ReadShotError::TwoViews),
    }
}

/// The lens; `None` for a pinhole, which a radius of 0 stands for too.
pub(super) fn lens(keys: &ShotKeys) -> Result<Option<LensKeys>, ReadShotError> {
    let focus = keys.focus_distance;
    let focus_distance = focus.map(|metres| in_range("focus_distance", metres, 1e-6, 1e9)).transpose()?;
    match (keys.fstop, keys.aperture_radius) {
        (None, None) if focus_distance.is_some() => Err(ReadShotError::NoAperture),
        (None, None) => Ok(None),
        (Some(fstop), None) => {
            let aperture = Aperture::FStop(in_range("fstop", fstop, 1e-3, 1e6)?);
            Ok(Some(LensKeys { aperture, focus_distance }))
        }
        (None, Some(radius)) => {
            let radius = in_range("aperture_radius", radius, 0.0, 1e6)?;
            let lens = LensKeys { aperture: Aperture::Radius(radius), focus_distance };
            Ok((radius > 0.0).then_some(lens))
        }
        (Some(_), Some(_)) => Err(ReadShotError::TwoApertures),
    }
}
