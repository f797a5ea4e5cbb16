//! One IR expression as Rust text: values, and the places that pointers mean.

use naga::{Expression, Handle, ScalarKind, Type, TypeInner, VectorSize};

use super::function::Writer;
use super::names;
use super::scalar;
use super::types::{AXES, Unsupported, scalar_name, vector_name};

impl Writer<'_, '_> {
    /// The type of an expression.
    pub fn inner(&self, handle: Handle<Expression>) -> &TypeInner {
        self.info[handle].ty.inner_with(&self.module.types)
    }

    /// Rust's name of an expression's type.
    pub fn type_name(&self, handle: Handle<Expression>) -> Unsupported<String> {
        match self.info[handle].ty.handle() {
            Some(ty) => self.types.name(ty),
            None => self.types.inner_name(self.inner(handle)),
        }
    }

    /// Zero of an expression's type.
    pub fn zero_of(&self, handle: Handle<Expression>) -> Unsupported<String> {
        match self.info[handle].ty.handle() {
            Some(ty) => self.types.zero(ty),
            None => self.types.inner_zero(self.inner(handle)),
        }
    }

    /// Whether an expression is a pointer, which has no value of its own in Rust.
    pub fn is_pointer(&self, handle: Handle<Expression>) -> bool {
        matches!(self.inner(handle), TypeInner::Pointer { .. } | TypeInner::ValuePointer { .. })
    }

    fn scalar_kind(&self, handle: Handle<Expression>) -> Unsupported<ScalarKind> {
        let scalar =
            self.inner(handle).scalar().ok_or("an operation on a type that is no scalar or vector")?;
        scalar_name(scalar)?;
        Ok(scalar.kind)
    }

    fn vector_size(&self, handle: Handle<Expression>) -> Unsupported<Option<VectorSize>> {
        match *self.inner(handle) {
            TypeInner::Scalar(_) => Ok(None),
            TypeInner::Vector { size, .. } => Ok(Some(size)),
            TypeInner::Matrix { .. } => Err("a matrix: write its columns as vectors".to_owned()),
            _ => Err("an operation on a type that is no scalar or vector".to_owned()),
        }
    }

    /// An expression's value where it is used: its `let`, or its text if it needs none.
    pub fn value(&self, handle: Handle<Expression>) -> Unsupported<String> {
        match self.bound.get(&handle) {
            Some(name) => Ok(name.clone()),
            None => self.text(handle),
        }
    }

    /// Component `axis` of a vector, or the scalar itself.
    fn component(&self, handle: Handle<Expression>, axis: usize) -> Unsupported<String> {
        if matches!(self.inner(handle), TypeInner::Scalar(_)) {
            return self.value(handle);
        }
        if !self.bound.contains_key(&handle)
            && let Expression::Splat { value, .. } = self.function.expressions[handle]
        {
            return self.value(value);
        }
        Ok(format!("{}.{}", self.value(handle)?, AXES[axis]))
    }

    /// Applies a scalar operation to each component; scalars among the operands are spread.
    fn lift(
        &self,
        result: Handle<Expression>,
        args: &[Handle<Expression>],
        apply: &dyn Fn(&[&str]) -> Unsupported<String>,
    ) -> Unsupported<String> {
        let size = self.vector_size(result)?;
        let one = |axis: usize| {
            let args = args.iter().map(|&arg| self.component(arg, axis)).collect::<Unsupported<Vec<_>>>()?;
            apply(&args.iter().map(String::as_str).collect::<Vec<_>>())
        };
        match size {
            None => one(0),
            Some(size) => {
                let components = (0..size as usize).map(one).collect::<Unsupported<Vec<_>>>()?;
                Ok(format!("{}::new({})", self.type_name(result)?, components.join(", ")))
            }
        }
    }

    /// The text that computes an expression.
    pub fn text(&self, handle: Handle<Expression>) -> Unsupported<String> {
        match &self.function.expressions[handle] {
            Expression::Literal(literal) => scalar::literal(*literal),
            Expression::Constant(constant) => self.constants.name(*constant),
            Expression::ZeroValue(ty) => self.types.zero(*ty),
            Expression::Compose { ty, components } => self.compose(*ty, components),
            Expression::Splat { size, value } => {
                let scalar = self.inner(*value).scalar().ok_or("a splat of no scalar")?;
                Ok(format!("{}::splat({})", vector_name(*size, scalar)?, self.value(*value)?))
            }
            Expression::Swizzle { size, vector, pattern } => {
                let axes = pattern[..*size as usize]
                    .iter()
                    .map(|&component| self.component(*vector, component as usize));
                let axes = axes.collect::<Unsupported<Vec<_>>>()?;
                Ok(format!("{}::new({})", self.type_name(handle)?, axes.join(", ")))
            }
            Expression::Access { base, index } => {
                let (base_text, index_text) = (self.value(*base)?, self.value(*index)?);
                match self.inner(*base) {
                    TypeInner::Vector { .. } => Ok(format!("{base_text}.at({index_text} as u32)")),
                    TypeInner::Array { .. } => Ok(format!("{base_text}[{index_text} as usize]")),
                    _ => Err("an index into something that is no vector or array".to_owned()),
                }
            }
            Expression::AccessIndex { base, index } => self.member(*base, *index),
            Expression::FunctionArgument(index) => Ok(self.arguments[*index as usize].clone()),
            Expression::LocalVariable(local) => Ok(self.locals[local].clone()),
            Expression::Load { pointer } => self.load(*pointer),
            Expression::ArrayLength(pointer) => Ok(format!("{}.len() as u32", self.place(*pointer)?)),
            _ => self.operation(handle),
        }
    }

    fn operation(&self, handle: Handle<Expression>) -> Unsupported<String> {
        match self.function.expressions[handle] {
            Expression::Unary { op, expr } => {
                let kind = self.scalar_kind(expr)?;
                self.lift(handle, &[expr], &|args| scalar::unary(op, kind, args[0]))
            }
            Expression::Binary { op, left, right } => {
                self.vector_size(right)?;
                let kind = self.scalar_kind(left)?;
                self.lift(handle, &[left, right], &|args| scalar::binary(op, kind, args[0], args[1]))
            }
            Expression::Select { condition, accept, reject } => {
                if matches!(self.inner(condition), TypeInner::Scalar(_)) {
                    let [c, a, r] = [self.value(condition)?, self.value(accept)?, self.value(reject)?];
                    return Ok(format!("if {c} {{ {a} }} else {{ {r} }}"));
                }
                self.lift(handle, &[condition, accept, reject], &|args| {
                    Ok(format!("if {} {{ {} }} else {{ {} }}", args[0], args[1], args[2]))
                })
            }
            Expression::As { expr, kind, convert } => {
                let from = self.scalar_kind(expr)?;
                self.lift(handle, &[expr], &|args| scalar::cast(from, kind, convert.is_some(), args[0]))
            }
            Expression::Relational { fun, argument } => self.relational(fun, argument),
            Expression::Math { fun, arg, arg1, arg2, arg3 } => {
                let args: Vec<_> = [Some(arg), arg1, arg2, arg3].into_iter().flatten().collect();
                let kind = self.scalar_kind(arg)?;
                if fun == naga::MathFunction::Dot {
                    return self.integer_dot(arg, args[1], kind);
                }
                self.lift(handle, &args, &|args| scalar::math(fun, kind, args))
            }
            ref other => {
                let text = format!("{other:?}");
                let name = text.split([' ', '(', '{']).next().unwrap_or("?").to_owned();
                Err(format!("the expression {name}"))
            }
        }
    }

    fn integer_dot(
        &self,
        a: Handle<Expression>,
        b: Handle<Expression>,
        kind: ScalarKind,
    ) -> Unsupported<String> {
        let size = self.vector_size(a)?.ok_or("a dot product of scalars")?;
        if kind == ScalarKind::Float {
            return Err("the built-in Dot of Float".to_owned());
        }
        let mut sum = String::new();
        for axis in 0..size as usize {
            let product = format!("{}.wrapping_mul({})", self.component(a, axis)?, self.component(b, axis)?);
            sum = if axis == 0 { product } else { format!("{sum}.wrapping_add({product})") };
        }
        Ok(sum)
    }

    fn relational(&self, fun: naga::RelationalFunction, argument: Handle<Expression>) -> Unsupported<String> {
        let joint = match fun {
            naga::RelationalFunction::All => " & ",
            naga::RelationalFunction::Any => " | ",
            _ => return Err(format!("the built-in {fun:?}")),
        };
        let size = self.vector_size(argument)?.map_or(1, |size| size as usize);
        let parts = (0..size).map(|axis| self.component(argument, axis)).collect::<Unsupported<Vec<_>>>()?;
        Ok(parts.join(joint))
    }

    fn compose(&self, ty: Handle<Type>, components: &[Handle<Expression>]) -> Unsupported<String> {
        match &self.module.types[ty].inner {
            TypeInner::Vector { .. } => {
                let mut parts = Vec::new();
                for &component in components {
                    let size = self.vector_size(component)?.map_or(1, |size| size as usize);
                    for axis in 0..size {
                        parts.push(self.component(component, axis)?);
                    }
                }
                Ok(format!("{}::new({})", self.types.name(ty)?, parts.join(", ")))
            }
            TypeInner::Array { .. } => {
                let parts =
                    components.iter().map(|&part| self.value(part)).collect::<Unsupported<Vec<_>>>()?;
                Ok(format!("[{}]", parts.join(", ")))
            }
            TypeInner::Struct { members, .. } => {
                let mut parts = Vec::new();
                for (member, &component) in members.iter().zip(components) {
                    let field = names::item(member.name.as_deref().unwrap_or("?"));
                    parts.push(format!("{field}: {}", self.value(component)?));
                }
                parts.extend(self.types.padding(ty).iter().map(|pad| format!("{pad}: 0")));
                Ok(format!("{} {{ {} }}", self.types.name(ty)?, parts.join(", ")))
            }
            _ => Err("a matrix: write its columns as vectors".to_owned()),
        }
    }

    fn member(&self, base: Handle<Expression>, index: u32) -> Unsupported<String> {
        match self.inner(base) {
            TypeInner::Vector { .. } => self.component(base, index as usize),
            TypeInner::Array { .. } => Ok(format!("{}[{index}]", self.value(base)?)),
            TypeInner::Struct { members, .. } => {
                let field = names::item(members[index as usize].name.as_deref().unwrap_or("?"));
                Ok(format!("{}.{field}", self.value(base)?))
            }
            _ => Err("a matrix: write its columns as vectors".to_owned()),
        }
    }

    fn load(&self, pointer: Handle<Expression>) -> Unsupported<String> {
        if let Expression::Access { base, index } = self.function.expressions[pointer]
            && self.points_to_vector(base)
        {
            return Ok(format!("{}.at({} as u32)", self.place(base)?, self.value(index)?));
        }
        self.place(pointer)
    }

    /// The left side of an assignment through a pointer.
    pub fn target(&self, pointer: Handle<Expression>) -> Unsupported<String> {
        if let Expression::Access { base, index } = self.function.expressions[pointer]
            && self.points_to_vector(base)
        {
            return Ok(format!("*{}.at_mut({} as u32)", self.place(base)?, self.value(index)?));
        }
        self.place(pointer)
    }

    fn points_to_vector(&self, pointer: Handle<Expression>) -> bool {
        match *self.inner(pointer) {
            TypeInner::Pointer { base, .. } => {
                matches!(self.module.types[base].inner, TypeInner::Vector { .. })
            }
            TypeInner::ValuePointer { size, .. } => size.is_some(),
            _ => false,
        }
    }

    /// The place that a pointer means.
    pub fn place(&self, pointer: Handle<Expression>) -> Unsupported<String> {
        match self.function.expressions[pointer] {
            Expression::LocalVariable(local) => Ok(self.locals[&local].clone()),
            Expression::FunctionArgument(index) => Ok(format!("(*{})", self.arguments[index as usize])),
            Expression::GlobalVariable(global) => Ok(format!(
                "self.b.{}",
                names::item(self.module.global_variables[global].name.as_deref().unwrap_or("?"))
            )),
            Expression::Access { base, index } => {
                Ok(format!("{}[{} as usize]", self.place(base)?, self.value(index)?))
            }
            Expression::AccessIndex { base, index } => {
                let place = self.place(base)?;
                let TypeInner::Pointer { base: pointee, .. } = *self.inner(base) else {
                    return Ok(format!("{place}.{}", AXES[index as usize]));
                };
                match &self.module.types[pointee].inner {
                    TypeInner::Vector { .. } => Ok(format!("{place}.{}", AXES[index as usize])),
                    TypeInner::Array { .. } => Ok(format!("{place}[{index}]")),
                    TypeInner::Struct { members, .. } => {
                        let field = names::item(members[index as usize].name.as_deref().unwrap_or("?"));
                        Ok(format!("{place}.{field}"))
                    }
                    _ => Err("a matrix: write its columns as vectors".to_owned()),
                }
            }
            _ => Err("a pointer that is no variable, argument, member or element".to_owned()),
        }
    }
}
