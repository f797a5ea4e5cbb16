//! Pictures of frames: what is accepted so far, or the finished film, displayed as `fetch` displays it. Of unfinished frames,
//! pixels without samples are transparent.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use tessera_shared::digest::Digest;
use tessera_shared::display::Display;
use tessera_shared::ids::{FrameNumber, JobId, TileIndex};
use tessera_shared::messages::JobRefusal;
use tokio::sync::oneshot;

use super::Site;
use super::extract::{Path, Query};
use super::problem::Problem;
use super::token::Bearer;
use crate::films::Command;
use crate::films::view::View;

/// Brightening or darkening beyond it shows nothing.
const STOPS_MAX: f64 = 32.0;
/// A picture that is so wide is not made smaller.
const WIDTH_MIN: u32 = 16;

/// What of a film is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Shown {
    #[default]
    Color,
    /// White where the camera meets geometry.
    Coverage,
}

/// How a frame is shown.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wish {
    /// In stops, -32 to 32.
    #[param(minimum = -32, maximum = 32)]
    exposure: Option<f64>,
    output: Option<Shown>,
    /// One tile alone.
    tile: Option<u32>,
    /// Made smaller to this width, each pixel the mean of those that it stands for.
    #[param(minimum = 16)]
    width: Option<u32>,
}

/// A frame's picture as it is now.
#[utoipa::path(get, path = "/api/v1/jobs/{job}/frames/{frame}/picture.png", tag = "jobs", params(
    ("job" = u64, Path, description = "The job's number", example = 1),
    ("frame" = u32, Path, description = "The frame's number", example = 1),
    Wish,
), responses(
    (status = 200, description = "8-bit sRGB, with alpha while unfinished. The header tessera-finished is true or false", body = Vec<u8>, content_type = "image/png"),
    (status = 304, description = "As the ETag in If-None-Match names it"),
    (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn picture(
    State(site): State<Arc<Site>>,
    bearer: Bearer,
    Path((job, frame)): Path<(u64, u32)>,
    Query(wish): Query<Wish>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (job, frame) = (JobId(job), FrameNumber(frame));
    check(&wish)?;
    allowed(&site, bearer, job).await?;
    let one_of_few = site.drawing.acquire().await.map_err(|_| crate::driver::Stopped)?;
    let (reply, answer) = oneshot::channel();
    let command = Command::View { job, frame, tile: wish.tile.map(TileIndex), reply };
    site.films.send(command).await.map_err(|_| crate::driver::Stopped)?;
    let view = answer.await.map_err(|_| crate::driver::Stopped)??;
    let drawn = tokio::task::spawn_blocking(move || {
        let view = view.read()?;
        let png = draw(&view, &wish)?;
        Ok::<_, std::io::Error>((png, view.finished))
    });
    let drawn = drawn.await.map_err(|_| crate::driver::Stopped)?;
    drop(one_of_few);
    let (png, finished) = drawn.map_err(|error| {
        tracing::error!(%job, %frame, %error, "a frame cannot be shown");
        Problem::from(JobRefusal::Storage)
    })?;
    Ok(answer_with(png, finished, &headers))
}

fn answer_with(png: Vec<u8>, finished: bool, asked: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", &Digest::of(&png).hex()[..32]);
    let same = asked.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response = Response::new(if same { Body::empty() } else { Body::from(png) });
    if same {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/png"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    headers.insert("tessera-finished", HeaderValue::from_static(if finished { "true" } else { "false" }));
    response
}

fn check(wish: &Wish) -> Result<(), Problem> {
    if let Some(stops) = wish.exposure
        && !(-STOPS_MAX..=STOPS_MAX).contains(&stops)
    {
        return Err(Problem::bad_request(format!(
            "`exposure` is {stops}; give stops from -{STOPS_MAX} to {STOPS_MAX}"
        )));
    }
    match wish.width {
        Some(width) if width < WIDTH_MIN => Err(Problem::bad_request(format!(
            "`width` is {width}; pictures are at least {WIDTH_MIN} pixels wide"
        ))),
        _ => Ok(()),
    }
}

/// Pictures are for the job's owner, and for those whom the wrangler lets look.
async fn allowed(site: &Site, bearer: Bearer, job: JobId) -> Result<(), Problem> {
    let owner = site.driver.question(move |core, _| core.state().jobs.get(&job).map(|job| job.spec.owner));
    let owner = owner.await?.ok_or(JobRefusal::Unknown)?;
    match bearer.key.is_none_or(|key| key == owner) {
        true => Ok(()),
        false => Err(JobRefusal::Foreign.into()),
    }
}

fn draw(view: &View, wish: &Wish) -> std::io::Result<Vec<u8>> {
    let display = Display::new(wish.exposure.unwrap_or(0.0));
    let coverage = Display::new(0.0);
    let (width, height) = (view.width_px, view.height_px);
    let step = wish.width.map_or(1, |asked| width.div_ceil(asked.max(WIDTH_MIN))).max(1);
    let (columns, rows) = (width.div_ceil(step), height.div_ceil(step));
    let channels = if view.finished { 3 } else { 4 };
    let mut bytes = Vec::with_capacity(columns as usize * rows as usize * channels);
    for row in 0..rows {
        for column in 0..columns {
            let (x, y) = (column * step, row * step);
            let Some([r, g, b, covered]) = view.mean(x..(x + step).min(width), y..(y + step).min(height))
            else {
                bytes.extend([0; 4]);
                continue;
            };
            bytes.extend(match wish.output.unwrap_or_default() {
                Shown::Color => [r, g, b].map(|channel| display.byte(channel)),
                Shown::Coverage => [coverage.byte(covered); 3],
            });
            if !view.finished {
                bytes.push(255);
            }
        }
    }
    encode(columns, rows, view.finished, &bytes)
}

fn encode(width: u32, height: u32, opaque: bool, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(if opaque { png::ColorType::Rgb } else { png::ColorType::Rgba });
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    encoder.set_source_srgb(png::SrgbRenderingIntent::Perceptual);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(bytes)?;
    writer.finish()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use tessera_shared::film::FilmPixel;
    use tessera_shared::grid::Grid;

    use super::*;

    /// Sixteen by eight pixels in two tiles, of which the first alone has samples: two of radiance one half each.
    fn view(finished: bool) -> View {
        let pixel = FilmPixel { rgb: [1 << 20, 0, 0], covered: 2, clamped: 0 };
        View {
            width_px: 16,
            height_px: 8,
            scale_log2: 20,
            grid: Grid { width_px: 16, height_px: 8, tile_px: 8 },
            tile: None,
            samples: vec![2, if finished { 2 } else { 0 }],
            pixels: vec![pixel; 128],
            finished,
        }
    }

    fn wish() -> Wish {
        Wish { exposure: None, output: None, tile: None, width: None }
    }

    fn decode(png: &[u8]) -> (u32, u32, Vec<u8>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        bytes.truncate(info.buffer_size());
        (info.width, info.height, bytes)
    }

    #[test]
    fn what_has_no_samples_is_transparent() {
        let (width, height, bytes) = decode(&draw(&view(false), &wish()).unwrap());
        assert_eq!((width, height), (16, 8));
        assert_eq!(bytes[..4], [188, 0, 0, 255]);
        assert_eq!(bytes[15 * 4..16 * 4], [0; 4]);
    }

    #[test]
    fn a_finished_frame_is_opaque_and_smaller_pictures_are_means() {
        let (_, _, bytes) = decode(&draw(&view(true), &wish()).unwrap());
        assert_eq!(bytes.len(), 16 * 8 * 3);
        let exposed = Wish { exposure: Some(1.0), ..wish() };
        assert_eq!(decode(&draw(&view(true), &exposed).unwrap()).2[..3], [255, 0, 0]);
        let covered = Wish { output: Some(Shown::Coverage), ..wish() };
        assert_eq!(decode(&draw(&view(true), &covered).unwrap()).2[..3], [255; 3]);
        let mut small = view(false);
        small.width_px = 64;
        small.height_px = 2;
        small.grid = Grid { width_px: 64, height_px: 2, tile_px: 32 };
        let (width, height, bytes) = decode(&draw(&small, &Wish { width: Some(16), ..wish() }).unwrap());
        assert_eq!((width, height, bytes.len()), (16, 1, 64));
        assert_eq!((&bytes[..4], &bytes[60..]), (&[188, 0, 0, 255][..], &[0; 4][..]));
    }
}
