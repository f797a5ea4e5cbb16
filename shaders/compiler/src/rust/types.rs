//! WGSL types as Rust types: names, zero values, structs with WGSL's layout. Knows nothing of functions.

use std::collections::BTreeSet;
use std::fmt::Write;

use naga::proc::Layouter;
use naga::{ArraySize, Handle, Module, Scalar, ScalarKind, Type, TypeInner, VectorSize};

use super::names;
use crate::diagnostic::Diagnostic;

/// Types of one module, with WGSL's layout.
pub struct Types<'m> {
    pub module: &'m Module,
    pub layouter: Layouter,
    /// Structs that a storage or uniform buffer holds, at any depth.
    pub host_shared: BTreeSet<Handle<Type>>,
}

/// Message of an unsupported construct; the caller knows where.
pub type Unsupported<T> = Result<T, String>;

/// `x`, `y`, `z`, `w`.
pub const AXES: [&str; 4] = ["x", "y", "z", "w"];

/// Rust's name of a scalar.
pub fn scalar_name(scalar: Scalar) -> Unsupported<&'static str> {
    match (scalar.kind, scalar.width) {
        (ScalarKind::Float, 4) => Ok("f32"),
        (ScalarKind::Uint, 4) => Ok("u32"),
        (ScalarKind::Sint, 4) => Ok("i32"),
        (ScalarKind::Bool, _) => Ok("bool"),
        (kind, width) => {
            Err(format!("a scalar of {width} bytes ({kind:?}): only f32, u32, i32 and bool are supported"))
        }
    }
}

/// The prelude's name of a vector.
pub fn vector_name(size: VectorSize, scalar: Scalar) -> Unsupported<String> {
    Ok(format!("Vec{}{}", size as u8, &scalar_name(scalar)?[..1]))
}

/// Zero of a scalar.
pub fn scalar_zero(scalar: Scalar) -> Unsupported<&'static str> {
    Ok(match scalar_name(scalar)? {
        "f32" => "0.0f32",
        "u32" => "0u32",
        "i32" => "0i32",
        _ => "false",
    })
}

impl<'m> Types<'m> {
    pub fn new(module: &'m Module) -> Result<Self, Diagnostic> {
        let mut layouter = Layouter::default();
        layouter.update(module.to_ctx()).map_err(|error| Diagnostic::global(error.to_string()))?;
        let mut types = Self { module, layouter, host_shared: BTreeSet::new() };
        for (_, variable) in module.global_variables.iter() {
            if variable.binding.is_some() {
                types.mark_host_shared(variable.ty);
            }
        }
        Ok(types)
    }

    fn mark_host_shared(&mut self, ty: Handle<Type>) {
        match &self.module.types[ty].inner {
            TypeInner::Struct { members, .. } => {
                self.host_shared.insert(ty);
                for member in members {
                    self.mark_host_shared(member.ty);
                }
            }
            TypeInner::Array { base, .. } => self.mark_host_shared(*base),
            _ => {}
        }
    }

    /// Rust's name of a type.
    pub fn name(&self, ty: Handle<Type>) -> Unsupported<String> {
        match &self.module.types[ty].inner {
            TypeInner::Struct { .. } => Ok(names::item(self.module.types[ty].name.as_deref().unwrap_or("?"))),
            inner => self.inner_name(inner),
        }
    }

    /// Rust's name of a type that is no struct.
    pub fn inner_name(&self, inner: &TypeInner) -> Unsupported<String> {
        match *inner {
            TypeInner::Scalar(scalar) => Ok(scalar_name(scalar)?.to_owned()),
            TypeInner::Vector { size, scalar } => vector_name(size, scalar),
            TypeInner::Atomic(scalar) => Ok(scalar_name(scalar)?.to_owned()),
            TypeInner::Array { base, size: ArraySize::Constant(count), .. } => {
                Ok(format!("[{}; {count}]", self.name(base)?))
            }
            TypeInner::Array { size: ArraySize::Dynamic, .. } => {
                Err("a runtime-sized array that is not a whole binding: give the array a binding of its own"
                    .to_owned())
            }
            TypeInner::Pointer { base, space: naga::AddressSpace::Function } => {
                Ok(format!("&mut {}", self.name(base)?))
            }
            TypeInner::Pointer { .. } | TypeInner::ValuePointer { .. } => {
                Err("a pointer other than `ptr<function, T>` to a whole variable: pass an index instead"
                    .to_owned())
            }
            TypeInner::Matrix { .. } => Err("a matrix: write its columns as vectors".to_owned()),
            _ => Err("a type that the CPU backend does not have".to_owned()),
        }
    }

    /// The zero value of a type as an expression.
    pub fn zero(&self, ty: Handle<Type>) -> Unsupported<String> {
        match &self.module.types[ty].inner {
            TypeInner::Struct { .. } => Ok(format!("{}::ZERO", self.name(ty)?)),
            inner => self.inner_zero(inner),
        }
    }

    /// The zero value of a type that is no struct.
    pub fn inner_zero(&self, inner: &TypeInner) -> Unsupported<String> {
        match *inner {
            TypeInner::Scalar(scalar) | TypeInner::Atomic(scalar) => Ok(scalar_zero(scalar)?.to_owned()),
            TypeInner::Vector { size, scalar } => Ok(format!("{}::ZERO", vector_name(size, scalar)?)),
            TypeInner::Array { base, size: ArraySize::Constant(count), .. } => {
                Ok(format!("[{}; {count}]", self.zero(base)?))
            }
            _ => self.inner_name(inner).and(Err("a type without a zero value".to_owned())),
        }
    }

    /// Bytes of the Rust type, whose every scalar is aligned to 4.
    fn rust_size(&self, ty: Handle<Type>) -> u32 {
        match self.module.types[ty].inner {
            TypeInner::Scalar(scalar) | TypeInner::Atomic(scalar) => u32::from(scalar.width),
            TypeInner::Vector { size, scalar } => size as u32 * u32::from(scalar.width),
            TypeInner::Array { base, size: ArraySize::Constant(count), .. } => {
                count.get() * self.rust_size(base)
            }
            _ => self.layouter[ty].size,
        }
    }

    /// Refuses arrays in buffers whose elements Rust would pack closer than WGSL does.
    pub fn check_stride(&self, ty: Handle<Type>) -> Unsupported<()> {
        let TypeInner::Array { base, stride, .. } = self.module.types[ty].inner else { return Ok(()) };
        if self.rust_size(base) != stride {
            return Err(format!(
                "an array in a buffer whose elements of {} bytes lie {stride} bytes apart: use vec4 or a struct",
                self.rust_size(base)
            ));
        }
        self.check_stride(base)
    }

    /// Names of the padding words of a struct, for its constructors.
    pub fn padding(&self, ty: Handle<Type>) -> Vec<String> {
        let TypeInner::Struct { members, span } = &self.module.types[ty].inner else { return Vec::new() };
        if !self.host_shared.contains(&ty) {
            return Vec::new();
        }
        let mut out = Vec::new();
        let mut end = 0;
        let ends = members.iter().map(|member| (member.offset, member.offset + self.rust_size(member.ty)));
        for (start, next) in ends.chain([(*span, *span)]) {
            out.extend((end..start).step_by(4).map(|offset| format!("_pad{offset}")));
            end = next;
        }
        out
    }

    /// A struct's definition, its zero, and the proof that its layout is WGSL's.
    pub fn define(&self, ty: Handle<Type>, out: &mut String) -> Unsupported<()> {
        let TypeInner::Struct { members, span } = &self.module.types[ty].inner else { return Ok(()) };
        let name = self.name(ty)?;
        let shared = self.host_shared.contains(&ty);
        let mut fields = String::new();
        let mut zeros = String::new();
        let mut padding = self.padding(ty);
        let mut pad_below = |limit: u32, fields: &mut String, zeros: &mut String| {
            padding.retain(|pad| {
                let below = pad[4..].parse::<u32>().is_ok_and(|offset| offset < limit);
                if below {
                    let _ = writeln!(fields, "    pub {pad}: u32,");
                    let _ = write!(zeros, " {pad}: 0,");
                }
                !below
            });
        };
        for member in members {
            if shared {
                self.check_stride(member.ty)?;
                pad_below(member.offset, &mut fields, &mut zeros);
            }
            let field = names::item(member.name.as_deref().unwrap_or("?"));
            let _ = writeln!(fields, "    pub {field}: {},", self.name(member.ty)?);
            let _ = write!(zeros, " {field}: {},", self.zero(member.ty)?);
        }
        pad_below(u32::MAX, &mut fields, &mut zeros);
        let derives = if shared { ", bytemuck::Pod, bytemuck::Zeroable" } else { "" };
        let _ = writeln!(out, "#[repr(C)]\n#[derive(Clone, Copy, Debug, PartialEq{derives})]");
        let _ = writeln!(out, "pub struct {name} {{\n{fields}}}");
        let _ = writeln!(out, "impl {name} {{\n    pub const ZERO: Self = Self {{{zeros} }};\n}}");
        let _ = writeln!(out, "impl Default for {name} {{\n    fn default() -> Self {{ Self::ZERO }}\n}}");
        if shared {
            let _ = write!(out, "const _: () = assert!(core::mem::size_of::<{name}>() == {span}");
            for member in members {
                let field = names::item(member.name.as_deref().unwrap_or("?"));
                let _ = write!(out, " && core::mem::offset_of!({name}, {field}) == {}", member.offset);
            }
            out.push_str(");\n");
        }
        Ok(())
    }

    /// `LAYOUTS`: the structs of buffers as naga lays them out.
    pub fn layouts(&self, out: &mut String) {
        out.push_str(
            "/// Structs held in buffers: name, size in bytes, and each member's offset in bytes.\n",
        );
        out.push_str("pub const LAYOUTS: &[(&str, u32, &[(&str, u32)])] = &[\n");
        for &ty in &self.host_shared {
            let TypeInner::Struct { members, .. } = &self.module.types[ty].inner else { continue };
            let name = self.module.types[ty].name.as_deref().unwrap_or("?");
            let _ = write!(out, "    (\"{name}\", {}, &[", self.layouter[ty].size);
            for member in members {
                let _ = write!(out, "(\"{}\", {}), ", member.name.as_deref().unwrap_or("?"), member.offset);
            }
            out.push_str("]),\n");
        }
        out.push_str("];\n");
    }
}
