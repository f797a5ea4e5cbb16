//! The numbers after a PLY header, one after the other, as text or as bytes of either order.

use super::header::{Format, Scalar};
use crate::label::quoted;

/// Reads numbers in the order of the file.
pub struct Values<'a> {
    rest: &'a [u8],
    format: Format,
}

impl<'a> Values<'a> {
    /// `rest` starts after the header.
    pub fn new(rest: &'a [u8], format: Format) -> Values<'a> {
        Values { rest, format }
    }

    /// The next number. Every integer of these types has an exact f64.
    pub fn number(&mut self, scalar: Scalar) -> Result<f64, String> {
        if self.format == Format::Ascii {
            return self.word();
        }
        let (taken, rest) = self.rest.split_at_checked(scalar.size()).ok_or("the file ends early")?;
        self.rest = rest;
        let mut bytes = [0u8; 8];
        let bytes = &mut bytes[..taken.len()];
        bytes.copy_from_slice(taken);
        if self.format == Format::BigEndian {
            bytes.reverse();
        }
        Ok(match *bytes {
            [a] if scalar == Scalar::I8 => f64::from(a as i8),
            [a] => f64::from(a),
            [a, b] if scalar == Scalar::I16 => f64::from(i16::from_le_bytes([a, b])),
            [a, b] => f64::from(u16::from_le_bytes([a, b])),
            [a, b, c, d] if scalar == Scalar::I32 => f64::from(i32::from_le_bytes([a, b, c, d])),
            [a, b, c, d] if scalar == Scalar::U32 => f64::from(u32::from_le_bytes([a, b, c, d])),
            [a, b, c, d] => f64::from(f32::from_le_bytes([a, b, c, d])),
            [a, b, c, d, e, f, g, h] => f64::from_le_bytes([a, b, c, d, e, f, g, h]),
            _ => return Err("the file ends early".into()),
        })
    }

    /// The next number that must be a whole one from 0 to `most`.
    pub fn whole(&mut self, scalar: Scalar, what: &str, most: u64) -> Result<u64, String> {
        let number = self.number(scalar)?;
        if number.fract() != 0.0 || !(0.0..=most as f64).contains(&number) {
            return Err(format!("{what} is {number}; it must be 0 to {most}"));
        }
        Ok(number as u64)
    }

    fn word(&mut self) -> Result<f64, String> {
        let start = self.rest.iter().position(|byte| !byte.is_ascii_whitespace());
        let rest = &self.rest[start.ok_or("the file ends early")?..];
        let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        self.rest = rest;
        let word = String::from_utf8_lossy(word);
        word.parse().map_err(|_| format!("{} is no number", quoted(&word)))
    }
}
