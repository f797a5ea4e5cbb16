//! The flags that override a job file's keys, and the road from a shot to a package. Knows no key's range: the shot does.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use tessera_scenes::shot::{Frames, Name};
use tessera_scenes::{Compiled, ImportLimits, Shot, ShotKeys, compile};

use crate::console;
use crate::failure::{Exit, Failure, OrExit};

/// One flag for each key of a job file.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Keys of the job file")]
pub struct ShotArguments {
    /// Equirectangular HDR or EXR; `none` for none
    #[arg(long, value_name = "PATH")]
    environment: Option<PathBuf>,
    /// Factor of its radiance
    #[arg(long, value_name = "X")]
    environment_strength: Option<f64>,
    /// About +Y, counter-clockwise seen from above
    #[arg(long, value_name = "DEGREES", allow_hyphen_values = true)]
    environment_rotation_degrees: Option<f64>,
    /// blender or radiometric
    #[arg(long)]
    light_units: Option<String>,
    /// Radius of point and spot lights without their own
    #[arg(long, value_name = "METRES")]
    light_radius: Option<f64>,
    /// Angle of directional lights without their own
    #[arg(long, value_name = "DEGREES")]
    sun_angle_degrees: Option<f64>,
    /// Name of a camera of the scene
    #[arg(long, value_name = "NAME")]
    camera: Option<String>,
    /// Scene of the file, by name or index [default: the file's default scene]
    #[arg(long, value_name = "NAME")]
    scene_name: Option<String>,
    /// Material variant of the file, by name or index
    #[arg(long, value_name = "NAME")]
    variant: Option<String>,
    /// Animation of the file, by name or index, all or none [default: the first]
    #[arg(long, value_name = "NAME")]
    animation: Option<String>,
    /// Where the camera stands
    #[arg(long, value_name = "X,Y,Z", value_parser = vector, allow_hyphen_values = true)]
    eye: Option<[f64; 3]>,
    /// What it looks at
    #[arg(long, value_name = "X,Y,Z", value_parser = vector, allow_hyphen_values = true)]
    target: Option<[f64; 3]>,
    /// What is up in the picture
    #[arg(long, value_name = "X,Y,Z", value_parser = vector, allow_hyphen_values = true)]
    up: Option<[f64; 3]>,
    /// Vertical field of view
    #[arg(long, value_name = "DEGREES")]
    vfov_degrees: Option<f64>,
    /// Height of an orthographic picture
    #[arg(long, value_name = "METRES")]
    ortho_height: Option<f64>,
    /// Depth of field: focal length over the lens's diameter
    #[arg(long, value_name = "X")]
    fstop: Option<f64>,
    /// Depth of field: radius of the lens
    #[arg(long, value_name = "METRES")]
    aperture_radius: Option<f64>,
    /// Distance of the plane in focus
    #[arg(long, value_name = "METRES")]
    focus_distance: Option<f64>,
    /// Pixels across
    #[arg(long, value_name = "PX")]
    width: Option<u32>,
    /// Pixels down
    #[arg(long, value_name = "PX")]
    height: Option<u32>,
    /// Samples of a pixel
    #[arg(long, value_name = "N")]
    spp: Option<u32>,
    #[arg(long, value_name = "N")]
    seed: Option<u32>,
    /// 0 is direct light only
    #[arg(long, value_name = "N")]
    max_bounces: Option<u32>,
    /// 1-24, 1-100x5, 3,7,10-20
    #[arg(long, value_name = "FRAMES")]
    frames: Option<Frames>,
    /// Frames a second
    #[arg(long, value_name = "X")]
    fps: Option<f64>,
    /// The time that a still shows
    #[arg(long, value_name = "SECONDS")]
    frame_seconds: Option<f64>,
    /// Edge of a tile, a multiple of 8; the image does not depend on it
    #[arg(long, value_name = "PX")]
    tile: Option<u32>,
    /// Samples of a pass; the image does not depend on it
    #[arg(long, value_name = "N")]
    pass_spp: Option<u32>,
    /// Pixel filter: box
    #[arg(long)]
    filter: Option<String>,
    /// Files of a frame: exr, exr-half, png
    #[arg(long, value_delimiter = ',')]
    outputs: Option<Vec<String>>,
    /// Stops that a PNG is brightened by
    #[arg(long, value_name = "STOPS", allow_hyphen_values = true)]
    exposure: Option<f64>,
    /// How a farm checks results: none, spot, blocks=N, double
    #[arg(long, value_name = "POLICY")]
    verify: Option<String>,
    /// Higher is first
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    priority: Option<i32>,
    /// exact, or fast: the device's own functions, not verified, for devices that you trust
    #[arg(long, value_name = "MODE")]
    mode: Option<String>,
    /// A farm's workers must name all of these tags: a choice of machines, no protection
    #[arg(long, value_name = "TAG,TAG", value_delimiter = ',')]
    tags: Option<Vec<String>>,
    /// Only the workers of these keys render and check it on a farm
    #[arg(long, value_name = "KEY,KEY", value_delimiter = ',')]
    operators: Option<Vec<String>>,
    /// Only the operators of this pool do, as the farm's owner keeps it
    #[arg(long, value_name = "NAME")]
    pool: Option<String>,
}

fn vector(text: &str) -> Result<[f64; 3], String> {
    let parts: Result<Vec<f64>, _> = text.split(',').map(|part| part.trim().parse()).collect();
    match parts.ok().and_then(|parts| <[f64; 3]>::try_from(parts).ok()) {
        Some(vector) => Ok(vector),
        None => Err("give three numbers, such as 0,1.5,4".into()),
    }
}

impl ShotArguments {
    fn into_keys(self) -> ShotKeys {
        ShotKeys {
            scene: None,
            environment: self.environment,
            environment_strength: self.environment_strength,
            environment_rotation_degrees: self.environment_rotation_degrees,
            light_units: self.light_units,
            light_radius: self.light_radius,
            sun_angle_degrees: self.sun_angle_degrees,
            camera: self.camera,
            scene_name: self.scene_name.map(Name),
            variant: self.variant.map(Name),
            animation: self.animation.map(Name),
            eye: self.eye,
            target: self.target,
            up: self.up,
            vfov_degrees: self.vfov_degrees,
            ortho_height: self.ortho_height,
            fstop: self.fstop,
            aperture_radius: self.aperture_radius,
            focus_distance: self.focus_distance,
            width: self.width,
            height: self.height,
            spp: self.spp,
            seed: self.seed,
            max_bounces: self.max_bounces,
            frames: self.frames,
            fps: self.fps,
            frame_seconds: self.frame_seconds,
            tile: self.tile,
            pass_spp: self.pass_spp,
            filter: self.filter,
            outputs: self.outputs,
            exposure: self.exposure,
            verify: self.verify,
            priority: self.priority,
            mode: self.mode,
            tags: self.tags,
            operators: self.operators,
            pool: self.pool,
        }
    }
}

/// Reads and compiles a shot, and tells the artist what its picture lacks.
pub fn compile_shot(path: &Path, flags: ShotArguments) -> Result<(Shot, Compiled), Failure> {
    let shot = Shot::read(path, flags.into_keys()).or_exit(Exit::Scene)?;
    let start = Instant::now();
    let compiled = compile(&shot, &ImportLimits::default()).or_exit(Exit::Scene)?;
    let bytes: u64 = compiled.package.manifest.blobs().iter().map(|(_, bytes)| bytes).sum();
    tracing::info!(bytes, seconds = start.elapsed().as_secs_f32(), "compiled the package");
    if let scenes @ 2.. = compiled.package.manifest.scenes.len() {
        let (frames, seconds) = (shot.frames.len(), start.elapsed().as_secs_f64());
        console::note(format_args!(
            "compiled {frames} frames in {seconds:.1} s: {scenes} differ, {:.1} MB together",
            bytes as f64 / 1e6
        ));
    }
    for notice in &compiled.notices {
        console::note(format_args!("note: {notice}"));
    }
    Ok((shot, compiled))
}
