//! Modes 1 and 2: triangle lists by recent edges and vertices, and index sequences by two running baselines.

use super::{Reader, StreamError, unzigzag};

/// The last sixteen entries, the newest first.
struct Recent<T> {
    entries: [T; 16],
    pushed: usize,
}

impl<T: Copy + Default> Recent<T> {
    fn new() -> Recent<T> {
        Recent { entries: [T::default(); 16], pushed: 0 }
    }

    fn push(&mut self, entry: T) {
        self.entries[self.pushed % 16] = entry;
        self.pushed += 1;
    }

    /// The entry pushed `age` pushes before the newest.
    fn entry(&self, age: usize) -> Result<T, StreamError> {
        if age >= self.pushed.min(16) {
            return Err(StreamError::Broken("it refers to an entry that was never written"));
        }
        Ok(self.entries[(self.pushed - 1 - age) % 16])
    }
}

/// What a triangle stream's decoder remembers.
struct Triangles<'a> {
    data: Reader<'a>,
    /// The tail's table of (second, third) vertex codes.
    table: &'a [u8],
    next: u32,
    last: u32,
    edges: Recent<(u32, u32)>,
    vertices: Recent<u32>,
}

/// Decodes `count` indices of a triangle list, each of `stride` bytes.
pub fn triangles(stream: &[u8], count: usize, stride: usize) -> Result<Vec<u8>, StreamError> {
    if !count.is_multiple_of(3) {
        return Err(StreamError::Triangles { count });
    }
    let mut reader = Reader(stream);
    header(&mut reader, 0xe1, "0xe1")?;
    let codes = reader.take(count / 3)?;
    let data = reader.take(reader.0.len().checked_sub(16).ok_or(StreamError::Truncated)?)?;
    let table = reader.0;
    let high = |byte: &u8| byte >> 4 == 15 || byte & 15 == 15;
    if table[14..] != [0, 0] || table.iter().any(high) {
        return Err(StreamError::Broken("its table of vertex codes is not one"));
    }
    let (edges, vertices) = (Recent::new(), Recent::new());
    let mut state = Triangles { data: Reader(data), table, next: 0, last: 0, edges, vertices };
    let mut out = Vec::with_capacity(count * stride);
    for code in codes {
        for index in state.triangle(*code)? {
            out.extend_from_slice(&index.to_le_bytes()[..stride]);
        }
    }
    state.data.finish()?;
    Ok(out)
}

impl Triangles<'_> {
    fn triangle(&mut self, code: u8) -> Result<[u32; 3], StreamError> {
        let (high, low) = (usize::from(code >> 4), usize::from(code & 15));
        if high < 15 { self.across_an_edge(high, low) } else { self.apart(low) }
    }

    /// A triangle on a recent edge.
    fn across_an_edge(&mut self, age: usize, third: usize) -> Result<[u32; 3], StreamError> {
        let (a, b) = self.edges.entry(age)?;
        let c = match third {
            0 => self.take_next(),
            1..=12 => self.vertices.entry(third)?,
            13 => self.step(u32::MAX),
            14 => self.step(1),
            _ => self.explicit()?,
        };
        self.edges.push((c, b));
        self.edges.push((a, c));
        if !(1..=12).contains(&third) {
            self.vertices.push(c);
        }
        Ok([a, b, c])
    }

    /// A triangle without a recent edge: by the table, or by codes of its own.
    fn apart(&mut self, low: usize) -> Result<[u32; 3], StreamError> {
        let (first, codes) = if low < 14 {
            (0, self.table[low])
        } else {
            let codes = self.data.byte()?;
            if codes == 0 {
                self.next = 0;
            }
            (if low == 14 { 0 } else { 15 }, codes)
        };
        let (second, third) = (usize::from(codes >> 4), usize::from(codes & 15));
        let (a, b, c) = (self.vertex(first)?, self.vertex(second)?, self.vertex(third)?);
        self.edges.push((b, a));
        self.edges.push((c, b));
        self.edges.push((a, c));
        self.vertices.push(a);
        for (code, vertex) in [(second, b), (third, c)] {
            if code == 0 || code == 15 {
                self.vertices.push(vertex);
            }
        }
        Ok([a, b, c])
    }

    /// 0 is the next unused vertex, 15 an explicit one, anything else a recent one.
    fn vertex(&mut self, code: usize) -> Result<u32, StreamError> {
        match code {
            0 => Ok(self.take_next()),
            15 => self.explicit(),
            _ => self.vertices.entry(code - 1),
        }
    }

    fn take_next(&mut self) -> u32 {
        let next = self.next;
        self.next = next.wrapping_add(1);
        next
    }

    fn step(&mut self, by: u32) -> u32 {
        self.last = self.last.wrapping_add(by);
        self.last
    }

    fn explicit(&mut self) -> Result<u32, StreamError> {
        let delta = unzigzag(self.data.varint()?);
        Ok(self.step(delta))
    }
}

/// Decodes `count` indices of any kind, each of `stride` bytes.
pub fn sequence(stream: &[u8], count: usize, stride: usize) -> Result<Vec<u8>, StreamError> {
    let mut reader = Reader(stream);
    header(&mut reader, 0xd1, "0xd1")?;
    let data = reader.take(reader.0.len().checked_sub(4).ok_or(StreamError::Truncated)?)?;
    let mut data = Reader(data);
    let mut last = [0u32; 2];
    let mut out = Vec::new();
    for _ in 0..count {
        let code = data.varint()?;
        let baseline = &mut last[(code & 1) as usize];
        *baseline = baseline.wrapping_add(unzigzag(code >> 1));
        out.extend_from_slice(&baseline.to_le_bytes()[..stride]);
    }
    data.finish()?;
    Ok(out)
}

fn header(reader: &mut Reader, byte: u8, expected: &'static str) -> Result<(), StreamError> {
    match reader.byte()? {
        found if found == byte => Ok(()),
        found => Err(StreamError::Header { found, expected }),
    }
}
