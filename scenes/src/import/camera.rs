//! What a glTF camera sees: an angle or a height. Knows neither where it stands nor the picture.

use gltf::json::Camera;
use gltf::json::camera::Type;
use gltf::json::validation::Checked;

use super::error::ImportError;

/// Least and largest half height of an orthographic view, metres.
const YMAG: std::ops::RangeInclusive<f64> = 1e-6..=1e9;

/// How much of the world a picture shows from bottom to top.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum View {
    Perspective {
        vfov_radians: f64,
    },
    /// Metres.
    Orthographic {
        height: f64,
    },
}

/// The camera's view; `place` names it in errors. `aspectRatio` and `xmag` give way to the picture's own proportions.
pub fn view(place: &str, camera: &Camera) -> Result<View, ImportError> {
    match (&camera.type_, &camera.perspective, &camera.orthographic) {
        (Checked::Valid(Type::Perspective), Some(perspective), _) => {
            let vfov_radians = f64::from(perspective.yfov);
            if !(vfov_radians > 1e-4 && vfov_radians < std::f64::consts::PI - 1e-4) {
                let problem = format!("its `yfov` of {vfov_radians} radians is not between 0 and π");
                return Err(ImportError::malformed(place, problem));
            }
            Ok(View::Perspective { vfov_radians })
        }
        (Checked::Valid(Type::Orthographic), _, Some(orthographic)) => {
            let ymag = f64::from(orthographic.ymag);
            if !YMAG.contains(&ymag) {
                let problem =
                    format!("its `ymag` is {ymag} m; it must be {:e} to {:e}", YMAG.start(), YMAG.end());
                return Err(ImportError::malformed(place, problem));
            }
            Ok(View::Orthographic { height: 2.0 * ymag })
        }
        _ => {
            let problem =
                "its `type` is neither `perspective` nor `orthographic` with the object of that name";
            Err(ImportError::malformed(place, problem))
        }
    }
}
