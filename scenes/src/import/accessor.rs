//! Accessors as vectors of numbers: every component type, normalisation, strides and sparse replacement, with every index
//! and range checked against the bytes that are there.

use gltf::json::Root;
use gltf::json::accessor::{Accessor, ComponentType, Type};
use gltf::json::validation::Checked;

use super::error::ImportError;
use crate::label::label;

/// A file's accessors over its buffers, with a budget of elements that all reads share.
pub struct Accessors<'a> {
    pub root: &'a Root,
    pub buffers: &'a [Vec<u8>],
    elements_left: u64,
    elements_max: u64,
}

/// Numbers of an accessor without a buffer view: they cost a file nothing and memory a lot.
const EMPTY_NUMBERS_MAX: u64 = 1 << 24;

/// Where an accessor's elements are.
struct Elements<'a> {
    /// `None`: all zero before sparse replacement.
    bytes: Option<&'a [u8]>,
    stride: usize,
    component: ComponentType,
    components: usize,
    count: usize,
    normalized: bool,
}

impl<'a> Accessors<'a> {
    /// `elements_max` bounds the elements of all reads together.
    pub fn new(root: &'a Root, buffers: &'a [Vec<u8>], elements_max: u64) -> Accessors<'a> {
        Accessors { root, buffers, elements_left: elements_max, elements_max }
    }

    pub fn label(&self, index: usize) -> String {
        label("accessor", index, self.root.accessors.get(index).and_then(|a| a.name.as_deref()))
    }

    fn accessor(&self, index: usize) -> Result<&'a Accessor, ImportError> {
        self.root.accessors.get(index).ok_or_else(|| {
            let problem = format!("does not exist; the file has {}", self.root.accessors.len());
            ImportError::malformed(self.label(index), problem)
        })
    }

    /// How many elements an accessor has.
    pub fn count(&self, index: usize) -> Result<u64, ImportError> {
        Ok(self.accessor(index)?.count.0)
    }

    /// Components of an element: 3 for VEC3.
    pub fn components(&self, index: usize) -> Result<usize, ImportError> {
        match self.accessor(index)?.type_ {
            Checked::Valid(kind) => Ok(kind.multiplicity()),
            Checked::Invalid => Err(ImportError::malformed(self.label(index), "has an unknown `type`")),
        }
    }

    /// Elements of `N` finite numbers each. Integers are scaled where the accessor is normalised.
    pub fn floats<const N: usize>(&mut self, index: usize) -> Result<Vec<[f32; N]>, ImportError> {
        let elements = self.elements(index, N)?;
        let place = || self.label(index);
        let mut out = vec![[0.0f32; N]; elements.count];
        if let Some(bytes) = elements.bytes {
            for (i, element) in out.iter_mut().enumerate() {
                read_element(&bytes[i * elements.stride..], &elements, element);
            }
        }
        for (at, element) in self.sparse(index, &elements)? {
            read_element(element, &elements, &mut out[at]);
        }
        if let Some(i) = out.iter().position(|element| !element.iter().all(|x| x.is_finite())) {
            return Err(ImportError::malformed(place(), format!("element {i} is not finite: {:?}", out[i])));
        }
        Ok(out)
    }

    /// Unsigned integers, as indices and joints are.
    pub fn integers<const N: usize>(&mut self, index: usize) -> Result<Vec<[u32; N]>, ImportError> {
        let elements = self.elements(index, N)?;
        if !matches!(elements.component, ComponentType::U8 | ComponentType::U16 | ComponentType::U32) {
            return Err(ImportError::malformed(
                self.label(index),
                "holds indices that are not unsigned integers",
            ));
        }
        let size = elements.component.size();
        let read = |bytes: &[u8]| std::array::from_fn(|c| unsigned(&bytes[c * size..], elements.component));
        let mut out = vec![[0u32; N]; elements.count];
        if let Some(bytes) = elements.bytes {
            for (i, element) in out.iter_mut().enumerate() {
                *element = read(&bytes[i * elements.stride..]);
            }
        }
        for (at, element) in self.sparse(index, &elements)? {
            out[at] = read(element);
        }
        Ok(out)
    }

    fn elements(&mut self, index: usize, components: usize) -> Result<Elements<'a>, ImportError> {
        let accessor = self.accessor(index)?;
        let fail = |problem: String| ImportError::malformed(self.label(index), problem);
        let Checked::Valid(component) = accessor.component_type else {
            return Err(fail("has an unknown `componentType`".into()));
        };
        let Checked::Valid(kind) = accessor.type_ else {
            return Err(fail("has an unknown `type`".into()));
        };
        if kind.multiplicity() != components || kind == Type::Mat2 {
            let problem = format!("has {} components where {components} are needed", kind.multiplicity());
            return Err(fail(problem));
        }
        let count = accessor.count.0;
        if count > self.elements_left {
            let found = (self.elements_max - self.elements_left).saturating_add(count);
            let what = format!("{} and those read before it", self.label(index));
            return Err(ImportError::TooMuch { what, found, limit: self.elements_max, unit: "elements" });
        }
        self.elements_left -= count;
        let (component, normalized) = (component.0, accessor.normalized);
        let size = component.size() * components;
        let (bytes, stride) = match accessor.buffer_view {
            None => {
                let what = format!("{} without bytes of its own", self.label(index));
                let numbers = count.saturating_mul(components as u64);
                ImportError::check(what, numbers, EMPTY_NUMBERS_MAX, "numbers")?;
                (None, size)
            }
            Some(view) => {
                let offset = accessor.byte_offset.map_or(0, |offset| offset.0);
                let (bytes, stride) = self.range(index, view.value(), offset, count, size)?;
                (Some(bytes), stride)
            }
        };
        Ok(Elements { bytes, stride, component, components, count: count as usize, normalized })
    }

    /// The bytes of a buffer view.
    pub fn view(&self, index: usize, place: &str) -> Result<&'a [u8], ImportError> {
        let fail = |problem: String| ImportError::malformed(place, problem);
        let view = self.root.buffer_views.get(index);
        let view =
            view.ok_or_else(|| fail(format!("refers to buffer view {index}, which does not exist")))?;
        let buffer = self.buffers.get(view.buffer.value());
        let buffer = buffer
            .ok_or_else(|| fail(format!("refers to buffer {}, which does not exist", view.buffer.value())))?;
        let offset = view.byte_offset.map_or(0, |offset| offset.0);
        let end = offset.checked_add(view.byte_length.0).filter(|end| *end <= buffer.len() as u64);
        match end {
            Some(end) => Ok(&buffer[offset as usize..end as usize]),
            None => Err(fail(format!(
                "buffer view {index} ends beyond its buffer: {} bytes from {offset} of {}",
                view.byte_length.0,
                buffer.len()
            ))),
        }
    }

    /// The bytes of `count` elements of `size` bytes and their stride.
    fn range(
        &self,
        index: usize,
        view: usize,
        offset: u64,
        count: u64,
        size: usize,
    ) -> Result<(&'a [u8], usize), ImportError> {
        let place = self.label(index);
        let bytes = self.view(view, &place)?;
        let stride = self.root.buffer_views[view].byte_stride.map_or(size, |stride| stride.0);
        if stride < size {
            let problem = format!("has a stride of {stride} bytes for elements of {size}");
            return Err(ImportError::malformed(place, problem));
        }
        if count == 0 {
            return Ok((&[], stride));
        }
        let span = (count - 1).checked_mul(stride as u64).and_then(|span| span.checked_add(size as u64));
        let end = span.and_then(|span| span.checked_add(offset)).filter(|end| *end <= bytes.len() as u64);
        match end {
            Some(end) => Ok((&bytes[offset as usize..end as usize], stride)),
            None => {
                let problem = format!(
                    "reads beyond its buffer view: {count} elements of {size} bytes from {offset} of {}",
                    bytes.len()
                );
                Err(ImportError::malformed(place, problem))
            }
        }
    }

    /// (element, bytes of its replacement) of a sparse accessor.
    fn sparse(&self, index: usize, elements: &Elements) -> Result<Vec<(usize, &'a [u8])>, ImportError> {
        let Some(sparse) = &self.accessor(index)?.sparse else {
            return Ok(Vec::new());
        };
        let fail = |problem: String| ImportError::malformed(self.label(index), problem);
        if sparse.count.0 > elements.count as u64 {
            return Err(fail(format!("replaces {} of {} elements", sparse.count.0, elements.count)));
        }
        let Checked::Valid(kind) = sparse.indices.component_type else {
            return Err(fail("has sparse indices of an unknown type".into()));
        };
        let (kind, size) = (kind.0, elements.component.size() * elements.components);
        let (indices, index_stride) = self.range(
            index,
            sparse.indices.buffer_view.value(),
            sparse.indices.byte_offset.0,
            sparse.count.0,
            kind.size(),
        )?;
        let (values, stride) = self.range(
            index,
            sparse.values.buffer_view.value(),
            sparse.values.byte_offset.0,
            sparse.count.0,
            size,
        )?;
        let replaced = (0..sparse.count.0 as usize).map(|i| {
            let at = unsigned(&indices[i * index_stride..], kind) as usize;
            if at >= elements.count {
                return Err(fail(format!("replaces element {at} of {}", elements.count)));
            }
            Ok((at, &values[i * stride..i * stride + size]))
        });
        replaced.collect()
    }
}

fn read_element<const N: usize>(bytes: &[u8], elements: &Elements, out: &mut [f32; N]) {
    let size = elements.component.size();
    for (c, x) in out.iter_mut().enumerate() {
        *x = number(&bytes[c * size..], elements.component, elements.normalized);
    }
}

/// One component; normalisation as glTF 2.0 §3.11.
fn number(bytes: &[u8], component: ComponentType, normalized: bool) -> f32 {
    let signed = |value: f32, most: f32| if normalized { (value / most).max(-1.0) } else { value };
    match component {
        ComponentType::F32 => f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]),
        ComponentType::I8 => signed(f32::from(bytes[0] as i8), 127.0),
        ComponentType::I16 => signed(f32::from(i16::from_le_bytes([bytes[0], bytes[1]])), 32767.0),
        ComponentType::U8 => signed(f32::from(bytes[0]), 255.0),
        ComponentType::U16 => signed(f32::from(u16::from_le_bytes([bytes[0], bytes[1]])), 65535.0),
        ComponentType::U32 => signed(unsigned(bytes, component) as f32, u32::MAX as f32),
    }
}

fn unsigned(bytes: &[u8], component: ComponentType) -> u32 {
    match component.size() {
        1 => u32::from(bytes[0]),
        2 => u32::from(u16::from_le_bytes([bytes[0], bytes[1]])),
        _ => u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]),
    }
}
