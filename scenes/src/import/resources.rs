//! Bytes that a glTF file refers to: its binary chunk, data URIs and files in its own folder, never outside.

use std::io::Read;
use std::path::{Component, Path, PathBuf};

use data_encoding::{BASE64, BASE64_NOPAD};
use gltf::json::Root;

use super::compressed_views;
use super::error::ImportError;
use crate::label::{label, quoted};
use crate::limits::ImportLimits;

/// Reads a regular file of at most `bytes_max` bytes.
pub fn read_file(path: &Path, bytes_max: u64) -> Result<Vec<u8>, ImportError> {
    let failed = |source| ImportError::Read { path: path.to_path_buf(), source };
    let file = std::fs::File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(failed(std::io::Error::other("not a regular file")));
    }
    ImportError::check(path.display().to_string(), metadata.len(), bytes_max, "bytes")?;
    let mut bytes = Vec::with_capacity(metadata.len() as usize);
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(failed)?;
    ImportError::check(path.display().to_string(), bytes.len() as u64, bytes_max, "bytes")?;
    Ok(bytes)
}

/// The bytes behind a URI. `folder` is the glTF file's.
pub fn fetch(folder: &Path, uri: &str, place: &str, limits: &ImportLimits) -> Result<Vec<u8>, ImportError> {
    let refuse = |problem: &str| ImportError::Uri {
        place: place.to_owned(),
        uri: quoted(uri).trim_matches('"').to_owned(),
        problem: problem.to_owned(),
    };
    if let Some(data) = uri.strip_prefix("data:") {
        let Some((head, body)) = data.split_once(',') else {
            return Err(refuse("is a data URI without a comma"));
        };
        if !head.ends_with(";base64") {
            return Err(refuse("is a data URI that is not base64"));
        }
        let decoded = BASE64.decode(body.as_bytes()).or_else(|_| BASE64_NOPAD.decode(body.as_bytes()));
        return decoded.map_err(|_| refuse("is a data URI whose base64 is broken"));
    }
    let relative = relative_path(uri).map_err(refuse)?;
    let path = folder.join(relative);
    // A link may lead anywhere; what it leads to must be in the folder as well.
    let real = |path: &Path| {
        path.canonicalize().map_err(|source| ImportError::Read { path: path.to_path_buf(), source })
    };
    if !real(&path)?.starts_with(real(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })?) {
        return Err(refuse("is a link that leaves the scene's folder; copy the file into it"));
    }
    read_file(&path, limits.file_bytes_max)
}

/// A URI as a path that stays below the folder.
fn relative_path(uri: &str) -> Result<PathBuf, &'static str> {
    if uri.len() > 4096 {
        return Err("is longer than 4096 bytes");
    }
    let scheme = uri.split(['/', '.', '%']).next().unwrap_or("");
    if scheme.contains(':') || uri.starts_with("//") {
        return Err("has a scheme; only files in the scene's folder and data URIs are read");
    }
    let decoded = percent_decoded(uri).ok_or("is not UTF-8 after percent decoding")?;
    if decoded.contains(['\0', '\\']) || decoded.contains(':') {
        return Err("has a character that file names here may not have");
    }
    let mut path = PathBuf::new();
    for component in Path::new(&decoded).components() {
        match component {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::ParentDir => return Err("leaves the scene's folder; copy the file into it"),
            Component::RootDir | Component::Prefix(_) => {
                return Err("is absolute; copy the file into the scene's folder");
            }
        }
    }
    if path.as_os_str().is_empty() { Err("names no file") } else { Ok(path) }
}

/// `%20` becomes a space; what is not an escape stays.
fn percent_decoded(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let digits = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(out).ok()
}

/// Every buffer's bytes, at least as long as it says.
pub fn buffers(
    root: &Root,
    mut chunk: Option<Vec<u8>>,
    folder: &Path,
    limits: &ImportLimits,
) -> Result<Vec<Vec<u8>>, ImportError> {
    let (mut buffers, mut total) = (Vec::new(), 0u64);
    let fallbacks = compressed_views::fallbacks(root);
    for (index, buffer) in root.buffers.iter().enumerate() {
        let place = label("buffer", index, buffer.name.as_deref());
        let bytes = match &buffer.uri {
            None if index == 0 && chunk.is_some() => chunk.take().unwrap_or_default(),
            _ if fallbacks[index] => Vec::new(),
            Some(uri) => fetch(folder, uri, &place, limits)?,
            None => {
                return Err(ImportError::malformed(place, "has no `uri`, and the file has no binary chunk"));
            }
        };
        total += bytes.len() as u64;
        ImportError::check("all buffers together", total, limits.buffer_bytes_max, "bytes")?;
        if !fallbacks[index] && (bytes.len() as u64) < buffer.byte_length.0 {
            let problem = format!("has {} bytes where {} are promised", bytes.len(), buffer.byte_length.0);
            return Err(ImportError::malformed(place, problem));
        }
        buffers.push(bytes);
    }
    Ok(buffers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_stay_in_the_folder() {
        for (uri, path) in [("a.bin", "a.bin"), ("./t/b%20c.png", "t/b c.png"), ("100%.png", "100%.png")] {
            assert_eq!(relative_path(uri), Ok(PathBuf::from(path)), "{uri}");
        }
        for uri in [
            "../a",
            "t/../../a",
            "%2e%2e/a",
            "/etc/passwd",
            "%2Fetc/passwd",
            "http://x/a",
            "file:///a",
            "C:\\a",
            "c:a",
            "//host/a",
            "",
            ".",
            "a\\..\\b",
            "a%00b",
            "%ff",
        ] {
            assert!(relative_path(uri).is_err(), "{uri}");
        }
    }
}
