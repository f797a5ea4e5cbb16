//! One function as Rust: its signature, and its statements with WGSL's control flow.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;

use naga::valid::FunctionInfo;
use naga::{Block, Expression, Function, Handle, LocalVariable, Module, Span, Statement, SwitchValue};

use super::analysis::{self, Facts};
use super::audit::Sites;
use super::constants::Constants;
use super::names;
use super::types::{Types, Unsupported};
use super::{Options, Source};
use crate::diagnostic::Diagnostic;
use crate::walk::walk;

/// What all functions of a module share while they are written.
pub struct Context<'m> {
    pub source: &'m Source,
    pub options: &'m Options,
    pub module: &'m Module,
    pub types: &'m Types<'m>,
    pub constants: &'m Constants,
    pub facts: &'m BTreeMap<Handle<Function>, Facts>,
}

/// Where `break` and `continue` go.
enum Target {
    /// `break` leaves `'l`; `continue` leaves the block `'c` if there is one, else goes to the head of `'l`.
    Loop { label: usize, block: bool },
    /// `break` leaves the block `'l`.
    Switch { label: usize },
}

/// Writes one function.
pub struct Writer<'m, 'w> {
    pub module: &'m Module,
    pub types: &'m Types<'m>,
    pub constants: &'m Constants,
    pub function: &'m Function,
    pub info: &'m FunctionInfo,
    /// Names of arguments by index.
    pub arguments: Vec<String>,
    /// Names of local variables.
    pub locals: HashMap<Handle<LocalVariable>, String>,
    /// Expressions that a `let` holds, with its name.
    pub bound: HashMap<Handle<Expression>, String>,
    context: &'w Context<'m>,
    sites: &'w mut Sites,
    out: String,
    depth: usize,
    /// Expressions declared before their loop, because its `continuing` reads them.
    hoisted: BTreeSet<Handle<Expression>>,
    targets: Vec<Target>,
    labels: usize,
    /// Where the statement being written stands.
    at: Span,
}

type Written<T> = Result<T, Box<Diagnostic>>;

impl<'m, 'w> Writer<'m, 'w> {
    pub fn new(
        context: &'w Context<'m>,
        sites: &'w mut Sites,
        function: &'m Function,
        info: &'m FunctionInfo,
    ) -> Self {
        let name = |text: &Option<String>| text.clone().unwrap_or_default();
        let arguments = function.arguments.iter().enumerate();
        let locals = function.local_variables.iter();
        Self {
            module: context.module,
            types: context.types,
            constants: context.constants,
            function,
            info,
            arguments: arguments
                .map(|(index, argument)| format!("a{index}_{}", name(&argument.name)))
                .collect(),
            locals: locals
                .map(|(handle, local)| (handle, format!("v{}_{}", handle.index(), name(&local.name))))
                .collect(),
            bound: HashMap::new(),
            context,
            sites,
            out: String::new(),
            depth: 2,
            hoisted: BTreeSet::new(),
            targets: Vec::new(),
            labels: 0,
            at: Span::UNDEFINED,
        }
    }

    /// The function under the name `rust_name`, as a method if `facts` say so.
    pub fn write(mut self, rust_name: &str, facts: &Facts) -> Written<String> {
        self.at = self
            .module
            .functions
            .iter()
            .find(|(_, function)| std::ptr::eq(*function, self.function))
            .map_or(Span::UNDEFINED, |(handle, _)| self.module.functions.get_span(handle));
        let signature = self.signature(rust_name, facts.method, "")?;
        let _ = writeln!(self.out, "    {}\n    pub {signature} {{", facts.inline());
        let function = self.function;
        for (handle, local) in function.local_variables.iter() {
            let span = function.local_variables.get_span(handle);
            let ty = self.placed(self.types.name(local.ty), span)?;
            let init = match local.init {
                Some(init) => self.value(init),
                None => self.types.zero(local.ty),
            };
            let init = self.placed(init, span)?;
            let name = self.locals[&handle].clone();
            self.line(&format!("let mut {name}: {ty} = {init};"));
        }
        self.block(&function.body)?;
        let returns = matches!(function.body.iter().last(), Some(Statement::Return { .. }));
        if function.result.is_some() && !returns {
            self.line("unreachable!()");
        }
        self.out.push_str("    }\n");
        Ok(self.out)
    }

    /// `fn name(…) -> …`, with `extra` after `&self`.
    pub fn signature(&self, rust_name: &str, method: bool, extra: &str) -> Written<String> {
        let mut parameters: Vec<String> = Vec::new();
        if method {
            parameters.push("&self".to_owned());
        }
        if !extra.is_empty() {
            parameters.push(extra.to_owned());
        }
        for (name, argument) in self.arguments.iter().zip(&self.function.arguments) {
            let ty = self.placed(self.types.name(argument.ty), self.at)?;
            parameters.push(format!("{name}: {ty}"));
        }
        let result = match &self.function.result {
            Some(result) => format!(" -> {}", self.placed(self.types.name(result.ty), self.at)?),
            None => String::new(),
        };
        Ok(format!("fn {rust_name}({}){result}", parameters.join(", ")))
    }

    /// Gives a finding its place.
    fn placed<T>(&self, result: Unsupported<T>, span: Span) -> Written<T> {
        result.map_err(|what| {
            let name = self.function.name.as_deref().unwrap_or("?");
            Box::new(Diagnostic {
                location: self
                    .context
                    .source
                    .locate_span(span)
                    .or_else(|| self.context.source.locate_span(self.at)),
                message: format!("function `{name}` uses what the CPU backend does not support: {what}"),
                notes: Vec::new(),
            })
        })
    }

    fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "{:indent$}{text}", "", indent = self.depth * 4);
    }

    fn block(&mut self, block: &'m Block) -> Written<()> {
        for (statement, &span) in block.span_iter() {
            self.at = span;
            self.statement(statement)?;
        }
        Ok(())
    }

    fn nested(&mut self, block: &'m Block) -> Written<()> {
        self.depth += 1;
        self.block(block)?;
        self.depth -= 1;
        Ok(())
    }

    fn statement(&mut self, statement: &'m Statement) -> Written<()> {
        match statement {
            Statement::Emit(range) => {
                for handle in range.clone() {
                    self.emit(handle)?;
                }
            }
            Statement::Block(inner) => {
                self.line("{");
                self.nested(inner)?;
                self.line("}");
            }
            Statement::If { condition, accept, reject } => {
                let condition = self.placed(self.value(*condition), self.at)?;
                self.line(&format!("if {condition} {{"));
                self.nested(accept)?;
                if !reject.is_empty() {
                    self.line("} else {");
                    self.nested(reject)?;
                }
                self.line("}");
            }
            Statement::Switch { selector, cases } => self.switch(*selector, cases)?,
            Statement::Loop { body, continuing, break_if } => self.repeat(body, continuing, *break_if)?,
            Statement::Break => self.leave(false)?,
            Statement::Continue => self.leave(true)?,
            Statement::Return { value: None } => self.line("return;"),
            Statement::Return { value: Some(value) } => {
                let value = self.placed(self.value(*value), self.at)?;
                self.line(&format!("return {value};"));
            }
            Statement::Store { pointer, value } => {
                let target = self.placed(self.target(*pointer), self.at)?;
                let value = self.placed(self.value(*value), self.at)?;
                self.line(&format!("{target} = {value};"));
            }
            Statement::Call { function, arguments, result } => self.call(*function, arguments, *result)?,
            other => {
                let text = format!("{other:?}");
                let name = text.split([' ', '(', '{']).next().unwrap_or("?").to_owned();
                return self.placed(Err(format!("the statement {name}")), self.at);
            }
        }
        Ok(())
    }

    /// One expression of an Emit range as a `let`; pointers have no value and stay unwritten.
    fn emit(&mut self, handle: Handle<Expression>) -> Written<()> {
        if self.is_pointer(handle) {
            return Ok(());
        }
        let span = self.function.expressions.get_span(handle);
        let text = self.placed(self.text(handle), span)?;
        let text = self.audited(handle, span, text);
        self.bind(handle, &text);
        Ok(())
    }

    fn audited(&mut self, handle: Handle<Expression>, span: Span, text: String) -> String {
        let float = self.inner(handle).scalar_kind() == Some(naga::ScalarKind::Float);
        let computes = matches!(
            self.function.expressions[handle],
            Expression::Unary { .. }
                | Expression::Binary { .. }
                | Expression::Select { .. }
                | Expression::As { .. }
                | Expression::Math { .. }
                | Expression::Load { .. }
                | Expression::CallResult(_)
        );
        if self.context.options.audit.is_none() || !float || !computes {
            return text;
        }
        let location =
            self.context.source.locate_span(span).or_else(|| self.context.source.locate_span(self.at));
        format!("audit({text}, {})", self.sites.index(location))
    }

    fn bind(&mut self, handle: Handle<Expression>, text: &str) {
        let name = match self.function.named_expressions.get(&handle) {
            Some(name) => format!("e{}_{name}", handle.index()),
            None => format!("e{}", handle.index()),
        };
        let keyword = if self.hoisted.contains(&handle) { "" } else { "let " };
        self.line(&format!("{keyword}{name} = {text};"));
        self.bound.insert(handle, name);
    }

    fn call(
        &mut self,
        callee: Handle<Function>,
        arguments: &[Handle<Expression>],
        result: Option<Handle<Expression>>,
    ) -> Written<()> {
        let mut texts = Vec::new();
        let mut lent = BTreeSet::new();
        for &argument in arguments {
            let text = if self.is_pointer(argument) {
                self.borrow(argument, &mut lent)
            } else {
                self.value(argument)
            };
            texts.push(self.placed(text, self.at)?);
        }
        let name = self.module.functions[callee].name.as_deref().unwrap_or("?");
        let rust_name = names::item(name);
        let options = self.context.options;
        let text = if options.hooks.iter().any(|hook| hook == name) {
            let extra = std::iter::once("self".to_owned()).chain(texts).collect::<Vec<_>>().join(", ");
            format!("self.hooks.{rust_name}({extra})")
        } else if let Some((_, path)) = options.natives.iter().find(|(native, _)| native == name) {
            format!("{path}({})", texts.join(", "))
        } else if self.context.facts[&callee].method {
            format!("self.{rust_name}({})", texts.join(", "))
        } else {
            format!("{rust_name}({})", texts.join(", "))
        };
        match result {
            Some(result) => {
                let text = self.audited(result, self.at, text);
                self.bind(result, &text);
            }
            None => self.line(&format!("{text};")),
        }
        Ok(())
    }

    /// A whole variable lent to a callee; naga's SPIR-V cannot lend a part, and Rust cannot lend one twice.
    fn borrow(&self, pointer: Handle<Expression>, lent: &mut BTreeSet<String>) -> Unsupported<String> {
        let place = match self.function.expressions[pointer] {
            Expression::LocalVariable(_) | Expression::FunctionArgument(_) => self.place(pointer)?,
            Expression::GlobalVariable(_) => return Err("a pointer to a global as an argument".to_owned()),
            _ => {
                return Err("a pointer to a part of a variable as an argument: copy the part to a variable of its own, \
                     pass that, and copy it back"
                    .to_owned());
            }
        };
        if !lent.insert(place.clone()) {
            return Err("two pointers to the same variable in one call".to_owned());
        }
        Ok(format!("&mut {place}"))
    }

    fn switch(&mut self, selector: Handle<Expression>, cases: &'m [naga::SwitchCase]) -> Written<()> {
        let selector = self.placed(self.value(selector), self.at)?;
        let label = self.label();
        self.line(&format!("'l{label}: {{"));
        self.depth += 1;
        self.line(&format!("match {selector} {{"));
        self.depth += 1;
        self.targets.push(Target::Switch { label });
        let mut patterns: Vec<String> = Vec::new();
        let mut default = None;
        for case in cases {
            patterns.push(match case.value {
                SwitchValue::I32(value) => format!("{value}i32"),
                SwitchValue::U32(value) => format!("{value}u32"),
                SwitchValue::Default => "_".to_owned(),
            });
            if case.fall_through {
                if !case.body.is_empty() {
                    return self.placed(Err("a case that falls through".to_owned()), self.at);
                }
                continue;
            }
            let arm = std::mem::take(&mut patterns);
            if arm.iter().any(|pattern| pattern == "_") {
                default = Some(&case.body);
                continue;
            }
            self.line(&format!("{} => {{", arm.join(" | ")));
            self.nested(&case.body)?;
            self.line("}");
        }
        self.line("_ => {");
        if let Some(body) = default {
            self.nested(body)?;
        }
        self.line("}");
        self.targets.pop();
        self.depth -= 1;
        self.line("}");
        self.depth -= 1;
        self.line("}");
        Ok(())
    }

    fn label(&mut self) -> usize {
        self.labels += 1;
        self.labels
    }

    fn repeat(
        &mut self,
        body: &'m Block,
        continuing: &'m Block,
        break_if: Option<Handle<Expression>>,
    ) -> Written<()> {
        let label = self.label();
        let block = (!continuing.is_empty() || break_if.is_some()) && analysis::continues(body);
        self.line(&format!("'l{label}: loop {{"));
        self.depth += 1;
        if block {
            self.hoist(body, continuing, break_if)?;
            self.line(&format!("'c{label}: {{"));
            self.depth += 1;
        }
        self.targets.push(Target::Loop { label, block });
        self.block(body)?;
        if block {
            self.depth -= 1;
            self.line("}");
        }
        self.block(continuing)?;
        if let Some(condition) = break_if {
            let condition = self.placed(self.value(condition), self.at)?;
            self.line(&format!("if {condition} {{ break 'l{label}; }}"));
        }
        self.targets.pop();
        self.depth -= 1;
        self.line("}");
        Ok(())
    }

    /// Declares the body's expressions that the continuing block reads, as a block now stands between them.
    fn hoist(
        &mut self,
        body: &Block,
        continuing: &Block,
        break_if: Option<Handle<Expression>>,
    ) -> Written<()> {
        let mut made = BTreeSet::new();
        for statement in body.iter() {
            match statement {
                Statement::Emit(range) => {
                    made.extend(range.clone().filter(|&handle| !self.is_pointer(handle)))
                }
                Statement::Call { result, .. } => made.extend(*result),
                _ => {}
            }
        }
        let mut read: Vec<Handle<Expression>> = break_if.into_iter().collect();
        walk(continuing, &mut |statement, _| read.extend(analysis::named_by(statement)));
        let mut seen = BTreeSet::new();
        while let Some(handle) = read.pop() {
            if !seen.insert(handle) {
                continue;
            }
            if !made.contains(&handle) {
                read.extend(analysis::operands(&self.function.expressions[handle]));
                continue;
            }
            let name = match self.function.named_expressions.get(&handle) {
                Some(name) => format!("e{}_{name}", handle.index()),
                None => format!("e{}", handle.index()),
            };
            let span = self.function.expressions.get_span(handle);
            let ty = self.placed(self.type_name(handle), span)?;
            let zero = self.placed(self.zero_of(handle), span)?;
            self.hoisted.insert(handle);
            self.line(&format!("let mut {name}: {ty} = {zero};"));
        }
        Ok(())
    }

    fn leave(&mut self, to_continue: bool) -> Written<()> {
        let mut targets = self.targets.iter().rev();
        let text = if to_continue {
            targets.find_map(|target| match *target {
                Target::Loop { label, block: true } => Some(format!("break 'c{label};")),
                Target::Loop { label, block: false } => Some(format!("continue 'l{label};")),
                Target::Switch { .. } => None,
            })
        } else {
            targets.next().map(|target| match *target {
                Target::Loop { label, .. } | Target::Switch { label } => format!("break 'l{label};"),
            })
        };
        let text = self.placed(text.ok_or_else(|| "a jump outside of loops".to_owned()), self.at)?;
        self.line(&text);
        Ok(())
    }
}
