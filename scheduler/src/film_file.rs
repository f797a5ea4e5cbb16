//! A finished frame's file: the frame as it is fetched, and behind it which lease's pixels are in it, with checksums. Knows no job.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result, Seek, SeekFrom, Write};
use std::path::Path;

use tessera_journal::folder::sync_folder;
use tessera_journal::format::checksum;
use tessera_shared::codec::{self, PREFIX_BYTES};
use tessera_shared::film::{FILM_PIXEL_BYTES, Film, FilmPixel};
use tessera_shared::messages::{FetchReply, FrameHead};

/// Last bytes of the file, with the format's version.
const MAGIC: [u8; 8] = *b"tessefm1";
/// Checksum of the film, length of the film, number of tile-passes, checksum of everything behind the film, magic.
const END_BYTES: usize = 16 + 8 + 4 + 16 + 8;
/// Most tile-passes that are read, as many as a frame may have.
const TILE_PASSES_MAX: u32 = 1 << 24;

/// What a film's file says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FilmFile {
    /// Bytes of the film as it is fetched.
    pub film_bytes: u64,
    film_checksum: [u8; 16],
    /// The lease whose pixels are in the film, by tile-pass; 0 where none are.
    pub made: Vec<u64>,
}

/// Writes a film, and replaces one that is there when the new one is durable. Returns the bytes of the film itself.
pub(crate) fn write(path: &Path, film: &[u8], made: &[u64]) -> Result<u64> {
    let mut end: Vec<u8> = made.iter().flat_map(|lease| lease.to_le_bytes()).collect();
    end.extend(checksum(film));
    end.extend((film.len() as u64).to_le_bytes());
    end.extend((made.len() as u32).to_le_bytes());
    end.extend(checksum(&end));
    end.extend(MAGIC);
    let directory = path.parent().expect("a film lies in its job's directory");
    std::fs::create_dir_all(directory)?;
    let mut partial = tempfile::NamedTempFile::new_in(directory)?;
    partial.write_all(film)?;
    partial.write_all(&end)?;
    partial.as_file().sync_all()?;
    partial.persist(path).map_err(|error| error.error)?;
    sync_folder(directory)?;
    if let Some(parent) = directory.parent() {
        sync_folder(parent)?;
    }
    Ok(film.len() as u64)
}

/// Reads the head of a film as it is fetched; its pixels follow, row-major.
pub(crate) fn read_head(input: &mut impl Read) -> Result<FrameHead> {
    let mut prefix = [0u8; PREFIX_BYTES];
    input.read_exact(&mut prefix)?;
    let mut payload = vec![0u8; codec::payload_length::<FetchReply>(prefix).map_err(Error::other)?];
    input.read_exact(&mut payload)?;
    match codec::decode_payload(&payload).map_err(Error::other)? {
        FetchReply::Follows(head) => Ok(head),
        FetchReply::Refused(refusal) => Err(Error::other(refusal)),
    }
}

impl FilmFile {
    /// Reads the end of a film's file.
    pub fn open(path: &Path) -> Result<FilmFile> {
        let mut file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let start = bytes.checked_sub(END_BYTES as u64).ok_or(ErrorKind::UnexpectedEof)?;
        let mut end = [0u8; END_BYTES];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut end)?;
        let damaged = || Error::new(ErrorKind::InvalidData, "its end is not that of a film");
        let count = u32::from_le_bytes(end[24..28].try_into().expect("four bytes"));
        let film_bytes = u64::from_le_bytes(end[16..24].try_into().expect("eight bytes"));
        let made_bytes = u64::from(count) * 8;
        let fits = film_bytes.checked_add(made_bytes + END_BYTES as u64) == Some(bytes);
        if end[44..] != MAGIC || count > TILE_PASSES_MAX || !fits {
            return Err(damaged());
        }
        let mut made = vec![0u8; made_bytes as usize];
        file.seek(SeekFrom::Start(film_bytes))?;
        file.read_exact(&mut made)?;
        made.extend(&end[..28]);
        if checksum(&made) != end[28..44] {
            return Err(damaged());
        }
        made.truncate(made_bytes as usize);
        let made = made.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
        let film_checksum = end[..16].try_into().expect("16 bytes");
        Ok(FilmFile { film_bytes, film_checksum, made })
    }

    /// Reads the pixels and verifies them.
    pub fn read_pixels(&self, path: &Path, film: &mut Film) -> Result<()> {
        let mut bytes = vec![0u8; usize::try_from(self.film_bytes).map_err(|_| ErrorKind::OutOfMemory)?];
        File::open(path)?.read_exact(&mut bytes)?;
        if checksum(&bytes) != self.film_checksum {
            return Err(Error::new(
                ErrorKind::InvalidData,
                "its bytes do not have the checksum that it ends with",
            ));
        }
        let start = bytes.len().checked_sub(film.pixels.len() * FILM_PIXEL_BYTES);
        let start = start.ok_or(ErrorKind::UnexpectedEof)?;
        for (pixel, bytes) in film.pixels.iter_mut().zip(bytes[start..].as_chunks().0) {
            *pixel = FilmPixel::from_wire(bytes);
        }
        Ok(())
    }
}
