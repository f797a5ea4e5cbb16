//! A `.glb` or `.gltf` file taken apart: its JSON, weighed before it is built, its animations, and its binary chunk.

use std::fmt;

use gltf::json::Root;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::animation::AnimationJson;
use super::error::ImportError;
use crate::limits::ImportLimits;

/// The typed JSON, without animations, which are apart, and the binary chunk of a `.glb`.
pub struct Document {
    pub root: Root,
    pub animations: Vec<AnimationJson>,
    pub chunk: Option<Vec<u8>>,
}

const MAGIC: &[u8; 4] = b"glTF";
const CHUNK_JSON: u32 = 0x4E4F_534A;
const CHUNK_BINARY: u32 = 0x004E_4942;

/// Takes a file apart. Indices inside the JSON are not checked here.
pub fn parse(bytes: &[u8], limits: &ImportLimits) -> Result<Document, ImportError> {
    let (json, chunk) = if bytes.starts_with(MAGIC) { chunks(bytes)? } else { (bytes, None) };
    ImportError::check("glTF's JSON", json.len() as u64, limits.json_bytes_max, "bytes")?;
    weigh(json, limits)?;
    let (animations, rest) = animations(json)?;
    let rest = rest.as_deref().unwrap_or(json);
    let root: Root = serde_json::from_slice(rest).map_err(|error| ImportError::Json(error.to_string()))?;
    if !root.asset.version.starts_with("2.") {
        let version = crate::label::quoted(&root.asset.version);
        return Err(ImportError::NotGltf(format!("its version is {version}; glTF 2.0 is read")));
    }
    Ok(Document { root, animations, chunk: chunk.map(<[u8]>::to_vec) })
}

#[derive(Deserialize)]
struct Animated<'a> {
    #[serde(borrow)]
    animations: Option<&'a RawValue>,
}

/// The animations, and the JSON without them: the typed document demands a node of every channel, which those with a pointer
/// do not have. `None` where there are none.
fn animations(json: &[u8]) -> Result<(Vec<AnimationJson>, Option<Vec<u8>>), ImportError> {
    let fail = |error: serde_json::Error| ImportError::Json(error.to_string());
    let Animated { animations: Some(raw) } = serde_json::from_slice(json).map_err(fail)? else {
        return Ok((Vec::new(), None));
    };
    let animations =
        serde_json::from_str(raw.get()).map_err(|error| ImportError::Json(format!("animations: {error}")))?;
    let start = raw.get().as_ptr() as usize - json.as_ptr() as usize;
    let mut rest = json.to_vec();
    rest.splice(start..start + raw.get().len(), *b"[]");
    Ok((animations, Some(rest)))
}

/// The JSON chunk and the binary chunk.
fn chunks(bytes: &[u8]) -> Result<(&[u8], Option<&[u8]>), ImportError> {
    let word = |at: usize| -> Result<u32, ImportError> {
        let word = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
        word.map(u32::from_le_bytes).ok_or_else(|| truncated(at as u64 + 4, bytes.len()))
    };
    let (version, length) = (word(4)?, u64::from(word(8)?));
    if version != 2 {
        return Err(ImportError::NotGltf(format!("its container has version {version}; version 2 is read")));
    }
    if length > bytes.len() as u64 {
        return Err(truncated(length, bytes.len()));
    }
    let (mut at, mut found) = (12usize, Vec::new());
    while at + 8 <= length as usize && found.len() < 2 {
        let (size, kind) = (word(at)? as usize, word(at + 4)?);
        let end = at + 8 + size;
        let content = bytes.get(at + 8..end).ok_or_else(|| truncated(end as u64, bytes.len()))?;
        found.push((kind, content));
        at = end.next_multiple_of(4);
    }
    match found[..] {
        [(CHUNK_JSON, json)] => Ok((json, None)),
        [(CHUNK_JSON, json), (CHUNK_BINARY, binary)] => Ok((json, Some(binary))),
        [(CHUNK_JSON, json), _] => Ok((json, None)),
        _ => Err(ImportError::NotGltf("its first chunk is not JSON".into())),
    }
}

fn truncated(expected: u64, found: usize) -> ImportError {
    ImportError::NotGltf(format!("it is truncated: {expected} bytes expected, {found} found"))
}

/// Counts the values and objects of the JSON without building them, and stops at the limits.
fn weigh(json: &[u8], limits: &ImportLimits) -> Result<(), ImportError> {
    let mut scale = Scale { values_left: limits.json_values_max, objects_left: limits.json_objects_max };
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let weighed = deserializer.deserialize_any(Weigher(&mut scale)).and_then(|()| deserializer.end());
    weighed.map_err(|error| ImportError::Json(error.to_string()))
}

struct Scale {
    values_left: u64,
    objects_left: u64,
}

struct Weigher<'a>(&'a mut Scale);

impl Weigher<'_> {
    fn take<E: serde::de::Error>(&mut self, is_object: bool) -> Result<(), E> {
        self.0.values_left =
            self.0.values_left.checked_sub(1).ok_or_else(|| E::custom("it has too many values"))?;
        if is_object {
            self.0.objects_left =
                self.0.objects_left.checked_sub(1).ok_or_else(|| E::custom("it has too many objects"))?;
        }
        Ok(())
    }
}

impl<'de> serde::de::DeserializeSeed<'de> for Weigher<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Weigher<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: serde::de::Error>(mut self, _: bool) -> Result<(), E> {
        self.take(false)
    }
    fn visit_i64<E: serde::de::Error>(mut self, _: i64) -> Result<(), E> {
        self.take(false)
    }
    fn visit_u64<E: serde::de::Error>(mut self, _: u64) -> Result<(), E> {
        self.take(false)
    }
    fn visit_f64<E: serde::de::Error>(mut self, _: f64) -> Result<(), E> {
        self.take(false)
    }
    fn visit_str<E: serde::de::Error>(mut self, _: &str) -> Result<(), E> {
        self.take(false)
    }
    fn visit_unit<E: serde::de::Error>(mut self) -> Result<(), E> {
        self.take(false)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut sequence: A) -> Result<(), A::Error> {
        self.take::<A::Error>(false)?;
        while sequence.next_element_seed(Weigher(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        self.take::<A::Error>(true)?;
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            if key.len() > 4096 {
                return Err(A::Error::custom("a key of more than 4096 bytes"));
            }
            map.next_value_seed(Weigher(self.0))?;
        }
        Ok(())
    }
}
