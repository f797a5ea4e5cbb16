//! Mode 0, attributes: byte columns of deltas in blocks of elements, both versions of the vertex codec.

use super::{Reader, StreamError, unzigzag};

/// Elements of a group, whose deltas share a width.
const GROUP: usize = 16;
/// Most elements of a block.
const BLOCK_ELEMENTS_MAX: usize = 256;
/// Most bytes of a block.
const BLOCK_BYTES_MAX: usize = 8192;

/// How the deltas of a channel, four bytes of an element, change the element before.
#[derive(Clone, Copy)]
enum Channel {
    /// Four bytes, zigzag-coded differences.
    Bytes,
    /// Two 16-bit numbers, zigzag-coded differences.
    Halves,
    /// One 32-bit number, the exclusive or with the one before, stored rotated to the left by so many bits.
    Xor(u32),
}

/// Decodes `count` elements of `stride` bytes, `stride` being a multiple of 4 from 4 to 256.
pub fn decode(stream: &[u8], count: usize, stride: usize) -> Result<Vec<u8>, StreamError> {
    let mut reader = Reader(stream);
    let is_v1 = match reader.byte()? {
        0xa0 => false,
        0xa1 => true,
        found => return Err(StreamError::Header { found, expected: "0xa0 or 0xa1" }),
    };
    let modes_len = if is_v1 { stride / 4 } else { 0 };
    let tail_len = (stride + modes_len).max(if is_v1 { 24 } else { 32 });
    let body_len = reader.0.len().checked_sub(tail_len).ok_or(StreamError::Truncated)?;
    let (body, tail) = reader.0.split_at(body_len);
    let (baseline, modes) = tail[tail_len - stride - modes_len..].split_at(stride);
    let channels = if is_v1 {
        modes.iter().map(|mode| channel(*mode)).collect::<Result<Vec<_>, _>>()?
    } else {
        vec![Channel::Bytes; stride / 4]
    };
    let mut reader = Reader(body);
    let mut last = baseline.to_vec();
    let mut out = Vec::new();
    let mut deltas = vec![0u8; stride * BLOCK_ELEMENTS_MAX];
    let block_max = (BLOCK_BYTES_MAX / stride / GROUP * GROUP).min(BLOCK_ELEMENTS_MAX);
    let mut left = count;
    while left > 0 {
        let elements = left.min(block_max);
        read_block(&mut reader, is_v1, elements, stride, &mut deltas)?;
        for element in 0..elements {
            for (c, mode) in channels.iter().enumerate() {
                let delta = [0, 1, 2, 3].map(|b| deltas[(c * 4 + b) * BLOCK_ELEMENTS_MAX + element]);
                let value = &mut last[c * 4..c * 4 + 4];
                value.copy_from_slice(&next([value[0], value[1], value[2], value[3]], delta, *mode));
            }
            out.extend_from_slice(&last);
        }
        left -= elements;
    }
    reader.finish()?;
    Ok(out)
}

fn channel(mode: u8) -> Result<Channel, StreamError> {
    match (mode & 15, mode >> 4) {
        (0, 0) => Ok(Channel::Bytes),
        (1, 0) => Ok(Channel::Halves),
        (2, turn) => Ok(Channel::Xor(u32::from(turn))),
        _ => Err(StreamError::Broken("an unknown channel mode")),
    }
}

/// The four bytes of a channel after those of the element before.
fn next(last: [u8; 4], delta: [u8; 4], mode: Channel) -> [u8; 4] {
    match mode {
        Channel::Bytes => std::array::from_fn(|b| last[b].wrapping_add(unzigzag(u32::from(delta[b])) as u8)),
        Channel::Halves => {
            let half = |b: usize| {
                let step = unzigzag(u32::from(u16::from_le_bytes([delta[b], delta[b + 1]]))) as u16;
                u16::from_le_bytes([last[b], last[b + 1]]).wrapping_add(step).to_le_bytes()
            };
            let ([a, b], [c, d]) = (half(0), half(2));
            [a, b, c, d]
        }
        Channel::Xor(turn) => {
            (u32::from_le_bytes(last) ^ u32::from_le_bytes(delta).rotate_right(turn)).to_le_bytes()
        }
    }
}

/// Reads the deltas of a block: `BLOCK_ELEMENTS_MAX` bytes for each byte of an element.
fn read_block(
    reader: &mut Reader,
    is_v1: bool,
    elements: usize,
    stride: usize,
    deltas: &mut [u8],
) -> Result<(), StreamError> {
    let controls = reader.take(if is_v1 { stride / 4 } else { 0 })?;
    for (byte, column) in deltas.chunks_exact_mut(BLOCK_ELEMENTS_MAX).enumerate() {
        match controls.get(byte / 4).map(|four| four >> (byte % 4 * 2) & 3) {
            None => read_groups(reader, [0, 2, 4, 8], elements, column)?,
            Some(0) => read_groups(reader, [0, 1, 2, 4], elements, column)?,
            Some(1) => read_groups(reader, [1, 2, 4, 8], elements, column)?,
            Some(2) => column.fill(0),
            Some(_) => column[..elements].copy_from_slice(reader.take(elements)?),
        }
    }
    Ok(())
}

/// Reads the deltas of one byte column, group by group; the header chooses each group's width.
fn read_groups(
    reader: &mut Reader,
    widths: [usize; 4],
    elements: usize,
    column: &mut [u8],
) -> Result<(), StreamError> {
    let groups = elements.div_ceil(GROUP);
    let header = reader.take(groups.div_ceil(4))?;
    for (g, group) in column.chunks_exact_mut(GROUP).take(groups).enumerate() {
        let bits = widths[usize::from(header[g / 4] >> (g % 4 * 2) & 3)];
        if bits == 0 {
            group.fill(0);
            continue;
        }
        let packed = reader.take(GROUP * bits / 8)?;
        if bits == 8 {
            group.copy_from_slice(packed);
            continue;
        }
        // The greatest number of a width says that the delta follows as a byte of its own.
        let sentinel = (1u8 << bits) - 1;
        for (i, delta) in group.iter_mut().enumerate() {
            let (byte, place) = (packed[i * bits / 8], i * bits % 8);
            let shift = if bits == 1 { place } else { 8 - bits - place };
            let code = byte >> shift & sentinel;
            *delta = if code == sentinel { reader.byte()? } else { code };
        }
    }
    Ok(())
}
