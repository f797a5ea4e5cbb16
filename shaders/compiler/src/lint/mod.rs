//! The exact subset (DESIGN §1) as rules over naga's IR: each breach with its file, its line and what to write instead.
//! The gate over the final words is what can be relied on; this is what can be read.

mod advice;
mod calls;

use std::collections::BTreeSet;

use naga::valid::FunctionInfo;
use naga::{
    BinaryOperator, Expression, Function, Handle, Literal, Module, ScalarKind, Span, Statement, TypeInner,
};

use crate::compose::Source;
use crate::diagnostic::{CompileError, Diagnostic};
use crate::front::Validated;
use crate::walk::walk;

/// Finds everything outside of the exact subset.
pub fn check(source: &Source, validated: &Validated) -> Result<(), CompileError> {
    let module = &validated.module;
    let mut lint = Lint { source, module, found: Vec::new(), seen: BTreeSet::new() };
    for (handle, variable) in module.global_variables.iter() {
        let span = module.global_variables.get_span(handle);
        lint.judge_type(&module.types[variable.ty].inner, span);
    }
    for (handle, ty) in module.types.iter() {
        if let TypeInner::Struct { members, .. } = &ty.inner {
            for member in members {
                lint.judge_type(&module.types[member.ty].inner, module.types.get_span(handle));
            }
        }
    }
    for (handle, function) in module.functions.iter() {
        lint.judge_function(function, &validated.info[handle], module.functions.get_span(handle));
    }
    for (index, entry) in module.entry_points.iter().enumerate() {
        lint.judge_function(&entry.function, validated.info.get_entry_point(index), Span::UNDEFINED);
    }
    lint.judge_calls();
    let mut found = lint.found;
    found.sort_by(|a, b| a.location.cmp(&b.location));
    CompileError::unless_empty("lint", found)
}

struct Lint<'m> {
    source: &'m Source,
    module: &'m Module,
    found: Vec<Diagnostic>,
    /// File, line and what was found there.
    seen: BTreeSet<(String, u32, String)>,
}

impl<'m> Lint<'m> {
    fn report(&mut self, span: Span, what: &str, advice: &str) {
        let location = self.source.locate_span(span);
        let key = location.as_ref().map_or((String::new(), 0), |at| (at.file.clone(), at.line));
        if self.seen.insert((key.0, key.1, what.to_owned())) {
            self.found.push(Diagnostic { location, message: format!("{what}: {advice}"), notes: Vec::new() });
        }
    }

    fn judge_type(&mut self, inner: &TypeInner, span: Span) {
        let module = self.module;
        if let Some((what, advice)) = advice::of_type(inner) {
            self.report(span, what, advice);
        }
        match *inner {
            TypeInner::Array { base, .. }
            | TypeInner::Pointer { base, .. }
            | TypeInner::BindingArray { base, .. } => {
                self.judge_type(&module.types[base].inner, span);
            }
            _ => {}
        }
    }

    fn judge_function(&mut self, function: &'m Function, info: &FunctionInfo, span: Span) {
        let types = &self.module.types;
        let results = function.result.iter().map(|result| result.ty);
        for ty in function.arguments.iter().map(|argument| argument.ty).chain(results) {
            self.judge_type(&types[ty].inner, span);
        }
        for (handle, local) in function.local_variables.iter() {
            self.judge_type(&types[local.ty].inner, function.local_variables.get_span(handle));
        }
        for (handle, expression) in function.expressions.iter() {
            let span = function.expressions.get_span(handle);
            if !matches!(expression, Expression::GlobalVariable(_) | Expression::FunctionArgument(_)) {
                self.judge_type(info[handle].ty.inner_with(types), span);
            }
            self.judge_expression(function, info, expression, span);
        }
        walk(&function.body, &mut |statement, span| self.judge_statement(statement, span));
    }

    fn judge_expression(
        &mut self,
        function: &Function,
        info: &FunctionInfo,
        expression: &Expression,
        span: Span,
    ) {
        let types = &self.module.types;
        let kind = |handle: Handle<Expression>| info[handle].ty.inner_with(types).scalar_kind();
        match *expression {
            Expression::Binary { op: BinaryOperator::Divide, left, .. }
                if kind(left) == Some(ScalarKind::Float) =>
            {
                self.report(
                    span,
                    "`/` on floats",
                    "it is not correctly rounded on every device; use `div` of math.wgsl",
                );
            }
            Expression::Binary { op: BinaryOperator::Modulo, left, .. }
                if kind(left) == Some(ScalarKind::Float) =>
            {
                self.report(span, "`%` on floats", "it is not exact; use `x - floor(div(x, y)) * y`");
            }
            Expression::Math { fun, arg, .. } => {
                let float = kind(arg) == Some(ScalarKind::Float) || advice::makes_floats(fun);
                if let Some(advice) = advice::of_math(fun, float) {
                    self.report(
                        span,
                        &format!("`{}`{}", advice::name(fun), if float { " on floats" } else { "" }),
                        advice,
                    );
                }
            }
            Expression::Literal(Literal::F32(value)) if value.is_subnormal() => {
                self.report(
                    span,
                    &format!("the literal {value:e}"),
                    "subnormal numbers may be flushed; use 0 or a normal one",
                );
            }
            Expression::Access { base, .. } if is_table(function, base) => {
                if matches!(info[base].ty.inner_with(types), TypeInner::Array { .. }) {
                    self.report(span, "a constant array indexed at run time", "tables live in buffers");
                }
            }
            ref other => {
                if let Some((what, advice)) = advice::of_expression(other) {
                    self.report(span, what, advice);
                }
            }
        }
    }

    fn judge_statement(&mut self, statement: &Statement, span: Span) {
        if let Some((what, advice)) = advice::of_statement(statement) {
            self.report(span, what, advice);
        }
    }

    /// Calls of built-ins that naga has already evaluated, by the libm of the machine that builds.
    fn judge_calls(&mut self) {
        for call in calls::calls(&self.source.text) {
            let declared =
                self.module.functions.iter().any(|(_, function)| function.name.as_deref() == Some(call.name));
            let Some(fun) = calls::float_only(call.name) else { continue };
            let location = self.source.locate(call.offset);
            let seen =
                |what: &str| self.seen.contains(&(location.file.clone(), location.line, what.to_owned()));
            if declared || seen(&format!("`{}` on floats", call.name)) || seen(&format!("`{}`", call.name)) {
                continue;
            }
            let advice = match advice::of_math(fun, true) {
                Some(_) => {
                    "it is evaluated by the machine that builds, and machines differ; write the number"
                }
                None => continue,
            };
            let span = Span::new(call.offset as u32, (call.offset + call.name.len()) as u32);
            self.report(span, &format!("`{}` in a constant", call.name), advice);
        }
    }
}

/// Whether a value is made of constants alone.
fn is_table(function: &Function, handle: Handle<Expression>) -> bool {
    match function.expressions[handle] {
        Expression::Constant(_) | Expression::Compose { .. } | Expression::ZeroValue(_) => true,
        Expression::Access { base, .. } | Expression::AccessIndex { base, .. } => is_table(function, base),
        _ => false,
    }
}
