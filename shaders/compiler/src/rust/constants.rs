//! Module-scope constants as Rust constants. Knows no functions.

use std::collections::HashMap;
use std::fmt::Write;

use naga::{Constant, Expression, Handle, Module, TypeInner};

use super::names;
use super::scalar;
use super::types::{AXES, Types, Unsupported, vector_name};
use crate::compose::Source;
use crate::diagnostic::Diagnostic;

/// Text of each constant: its name, or its value if it has none.
#[derive(Debug, Default)]
pub struct Constants {
    texts: HashMap<Handle<Constant>, String>,
    /// Names of the constants defined, in order.
    pub names: Vec<String>,
    /// Their definitions.
    pub definitions: String,
}

impl Constants {
    pub fn new(source: &Source, types: &Types<'_>) -> Result<Self, Box<Diagnostic>> {
        let module = types.module;
        let mut constants = Self::default();
        for (handle, constant) in module.constants.iter() {
            let location = source.locate_span(module.constants.get_span(handle));
            let unsupported = |message: String| {
                Box::new(Diagnostic { location: location.clone(), message, notes: Vec::new() })
            };
            let value = constants.global(types, constant.init).map_err(unsupported)?;
            match &constant.name {
                None => constants.texts.insert(handle, format!("({value})")),
                Some(name) => {
                    names::check(name).map_err(unsupported)?;
                    let name = names::item(name);
                    let ty = types.name(constant.ty).map_err(unsupported)?;
                    let _ = writeln!(constants.definitions, "pub const {name}: {ty} = {value};");
                    constants.names.push(name.clone());
                    constants.texts.insert(handle, name)
                }
            };
        }
        Ok(constants)
    }

    /// How a function names a constant.
    pub fn name(&self, handle: Handle<Constant>) -> Unsupported<String> {
        self.texts.get(&handle).cloned().ok_or_else(|| "a constant that was not defined".to_owned())
    }

    fn global(&self, types: &Types<'_>, handle: Handle<Expression>) -> Unsupported<String> {
        let module = types.module;
        match &module.global_expressions[handle] {
            Expression::Literal(literal) => scalar::literal(*literal),
            Expression::Constant(constant) => self.name(*constant),
            Expression::ZeroValue(ty) => types.zero(*ty),
            Expression::Splat { size, value } => {
                let Expression::Literal(literal) = module.global_expressions[*value] else {
                    return Err("a splat of no literal in a constant".to_owned());
                };
                Ok(format!("{}::splat({})", vector_name(*size, literal.scalar())?, scalar::literal(literal)?))
            }
            Expression::Compose { ty, components } => match &module.types[*ty].inner {
                TypeInner::Vector { size, .. } => {
                    let mut parts = Vec::new();
                    for &component in components {
                        parts.extend(self.flatten(types, component)?);
                    }
                    debug_assert_eq!(parts.len(), *size as usize);
                    Ok(format!("{}::new({})", types.name(*ty)?, parts.join(", ")))
                }
                TypeInner::Array { .. } => Ok(format!("[{}]", self.all(types, components)?.join(", "))),
                TypeInner::Struct { members, .. } => {
                    let values = self.all(types, components)?;
                    let fields = members.iter().zip(values).map(|(member, value)| {
                        format!("{}: {value}", names::item(member.name.as_deref().unwrap_or("?")))
                    });
                    let padding = types.padding(*ty).into_iter().map(|pad| format!("{pad}: 0"));
                    let parts = fields.chain(padding).collect::<Vec<_>>();
                    Ok(format!("{} {{ {} }}", types.name(*ty)?, parts.join(", ")))
                }
                _ => Err("a matrix: write its columns as vectors".to_owned()),
            },
            other => Err(format!("the constant expression {other:?}")),
        }
    }

    fn all(&self, types: &Types<'_>, parts: &[Handle<Expression>]) -> Unsupported<Vec<String>> {
        parts.iter().map(|&part| self.global(types, part)).collect()
    }

    /// The scalars of a component of a vector.
    fn flatten(&self, types: &Types<'_>, handle: Handle<Expression>) -> Unsupported<Vec<String>> {
        let size = vector_size(types.module, handle);
        let text = self.global(types, handle)?;
        Ok(match size {
            None => vec![text],
            Some(size) => AXES[..size].iter().map(|axis| format!("{text}.{axis}")).collect(),
        })
    }
}

/// Components of a constant vector; `None` for a scalar.
fn vector_size(module: &Module, handle: Handle<Expression>) -> Option<usize> {
    let ty = match module.global_expressions[handle] {
        Expression::Constant(constant) => module.constants[constant].ty,
        Expression::ZeroValue(ty) | Expression::Compose { ty, .. } => ty,
        Expression::Splat { size, .. } => return Some(size as usize),
        _ => return None,
    };
    match module.types[ty].inner {
        TypeInner::Vector { size, .. } => Some(size as usize),
        _ => None,
    }
}
