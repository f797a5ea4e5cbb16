//! The header of a PLY file: its format, and its elements with their properties. Counts are not trusted here.

use crate::label::quoted;

/// How the numbers after the header are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Ascii,
    LittleEndian,
    BigEndian,
}

/// A scalar's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    F32,
    F64,
}

impl Scalar {
    /// Bytes in a binary file.
    pub fn size(self) -> usize {
        match self {
            Scalar::I8 | Scalar::U8 => 1,
            Scalar::I16 | Scalar::U16 => 2,
            Scalar::I32 | Scalar::U32 | Scalar::F32 => 4,
            Scalar::F64 => 8,
        }
    }

    /// What 1 is written as where the scalar is a colour: the greatest of an integer type.
    pub fn white(self) -> f64 {
        match self {
            Scalar::I8 => 127.0,
            Scalar::U8 => 255.0,
            Scalar::I16 => 32767.0,
            Scalar::U16 => 65535.0,
            Scalar::I32 => f64::from(i32::MAX),
            Scalar::U32 => f64::from(u32::MAX),
            Scalar::F32 | Scalar::F64 => 1.0,
        }
    }

    fn parse(word: &str) -> Option<Scalar> {
        Some(match word {
            "char" | "int8" => Scalar::I8,
            "uchar" | "uint8" => Scalar::U8,
            "short" | "int16" => Scalar::I16,
            "ushort" | "uint16" => Scalar::U16,
            "int" | "int32" => Scalar::I32,
            "uint" | "uint32" => Scalar::U32,
            "float" | "float32" => Scalar::F32,
            "double" | "float64" => Scalar::F64,
            _ => return None,
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    pub name: String,
    /// Of the length, where the property is a list.
    pub length: Option<Scalar>,
    pub scalar: Scalar,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    pub name: String,
    pub count: u64,
    pub properties: Vec<Property>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub format: Format,
    pub elements: Vec<Element>,
    /// Bytes of the header, its last line end included.
    pub length: usize,
}

/// Most bytes of a header.
const BYTES_MAX: usize = 1 << 20;
/// Most properties of all elements together.
const PROPERTIES_MAX: usize = 4096;

/// Reads the header.
pub fn parse(bytes: &[u8]) -> Result<Header, String> {
    let (mut format, mut elements, mut at, mut properties) = (None, Vec::<Element>::new(), 0, 0);
    let head = &bytes[..bytes.len().min(BYTES_MAX)];
    loop {
        let rest = &head[at..];
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            return Err(format!("its header does not end within {} bytes", head.len()));
        };
        let line = String::from_utf8_lossy(&rest[..end]);
        let first = at == 0;
        at += end + 1;
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words[..] {
            ["ply"] if first => {}
            _ if first => return Err("it does not start with the line `ply`".into()),
            ["format", name, "1.0"] => {
                format = match name {
                    "ascii" => Some(Format::Ascii),
                    "binary_little_endian" => Some(Format::LittleEndian),
                    "binary_big_endian" => Some(Format::BigEndian),
                    _ => return Err(format!("it has the unknown format {}", quoted(name))),
                };
            }
            ["element", name, count] => {
                let count =
                    count.parse().map_err(|_| format!("it has {} of {}", quoted(count), quoted(name)))?;
                elements.push(Element { name: name.to_owned(), count, properties: Vec::new() });
                properties += 1;
            }
            ["property", "list", length, scalar, name] => {
                add(&mut elements, name, Some(kind(length)?), kind(scalar)?)?;
                properties += 1;
            }
            ["property", scalar, name] => {
                add(&mut elements, name, None, kind(scalar)?)?;
                properties += 1;
            }
            ["end_header"] => {
                let format = format.ok_or("its header has no line `format … 1.0`")?;
                return Ok(Header { format, elements, length: at });
            }
            [] | ["comment" | "obj_info", ..] => {}
            _ => return Err(format!("its header has the line {}", quoted(line.trim()))),
        }
        if properties > PROPERTIES_MAX {
            return Err(format!("its header has more than {PROPERTIES_MAX} elements and properties"));
        }
    }
}

fn kind(word: &str) -> Result<Scalar, String> {
    Scalar::parse(word).ok_or_else(|| format!("it has a property of the unknown type {}", quoted(word)))
}

fn add(elements: &mut [Element], name: &str, length: Option<Scalar>, scalar: Scalar) -> Result<(), String> {
    if length.is_some_and(|length| matches!(length, Scalar::F32 | Scalar::F64)) {
        return Err(format!("the list {} has a length that is no integer", quoted(name)));
    }
    let element = elements.last_mut().ok_or("its header has a property before any element")?;
    element.properties.push(Property { name: name.to_owned(), length, scalar });
    Ok(())
}
