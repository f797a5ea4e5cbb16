//! The streams of `EXT_meshopt_compression` and `KHR_meshopt_compression`, decoded as their Appendices A and B specify.
//! Knows no glTF: bytes and a layout in, bytes out.

mod attributes;
mod filters;
mod indices;
#[cfg(test)]
mod tests;

/// What a stream holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Elements of vertex data, and what is done to them after decoding.
    Attributes(Filter),
    /// Indices of a triangle list.
    Triangles,
    /// Indices of any other kind.
    Indices,
}

/// What turns decoded elements into those that accessors read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    None,
    Octahedral,
    Quaternion,
    Exponential,
    /// Of `KHR_meshopt_compression` alone.
    Color,
}

/// The shape of the decoded bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    pub mode: Mode,
    /// Elements; for indices, indices.
    pub count: usize,
    /// Bytes of an element: a multiple of 4 from 4 to 256 for attributes, 2 or 4 for indices.
    pub stride: usize,
}

/// Why a stream does not decode.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    #[error("a stride of {stride} bytes, which its mode or filter does not have")]
    Stride { stride: usize },
    #[error("{count} indices, which is no number of triangles")]
    Triangles { count: usize },
    #[error("the first byte {found:#04x} where {expected} is expected")]
    Header { found: u8, expected: &'static str },
    #[error("its stream ends early")]
    Truncated,
    #[error("{bytes} bytes of its stream are left over")]
    Surplus { bytes: usize },
    #[error("its stream is broken: {0}")]
    Broken(&'static str),
}

/// Decodes a stream into `count` × `stride` bytes. Memory grows with what has been decoded, at most 1024 times the stream.
pub fn decode(stream: &[u8], layout: Layout) -> Result<Vec<u8>, StreamError> {
    let Layout { mode, count, stride } = layout;
    let fits = match mode {
        Mode::Attributes(Filter::None | Filter::Exponential) => {
            stride % 4 == 0 && (4..=256).contains(&stride)
        }
        Mode::Attributes(Filter::Octahedral | Filter::Color) => stride == 4 || stride == 8,
        Mode::Attributes(Filter::Quaternion) => stride == 8,
        Mode::Triangles | Mode::Indices => stride == 2 || stride == 4,
    };
    if !fits {
        return Err(StreamError::Stride { stride });
    }
    match mode {
        Mode::Attributes(filter) => {
            let mut bytes = attributes::decode(stream, count, stride)?;
            filters::apply(filter, stride, &mut bytes);
            Ok(bytes)
        }
        Mode::Triangles => indices::triangles(stream, count, stride),
        Mode::Indices => indices::sequence(stream, count, stride),
    }
}

/// The part of a stream that has not been read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Result<u8, StreamError> {
        let (byte, rest) = self.0.split_first().ok_or(StreamError::Truncated)?;
        self.0 = rest;
        Ok(*byte)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], StreamError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(StreamError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    /// An unsigned LEB128 number of one to five bytes; bits above 32 are dropped.
    fn varint(&mut self) -> Result<u32, StreamError> {
        let mut value = 0u32;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(StreamError::Broken("a number of more than five bytes"))
    }

    /// Nothing may be left.
    fn finish(self) -> Result<(), StreamError> {
        if self.0.is_empty() { Ok(()) } else { Err(StreamError::Surplus { bytes: self.0.len() }) }
    }
}

/// The signed number that zigzag coding keeps in an unsigned one, as a two's complement of the same width.
fn unzigzag(v: u32) -> u32 {
    if v & 1 != 0 { !(v >> 1) } else { v >> 1 }
}
