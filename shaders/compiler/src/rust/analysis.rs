//! What each function of a module touches, so that the generator knows which it can carry to the CPU, and how.
//! Decides nothing about text.

use std::collections::{BTreeMap, BTreeSet};

use naga::{AddressSpace, Block, Expression, Function, Handle, Module, Statement, StorageAccess};

use crate::walk::walk;

/// Facts about one function.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Needs `self`: reads a binding or calls what may be hooked, itself or below.
    pub method: bool,
    /// Why it stays on the GPU: a global that only the entry point may touch.
    pub skipped: Option<String>,
    /// Touches a `var<private>` itself.
    pub private: bool,
    /// Expressions, callees included.
    pub size: usize,
    /// Holds a loop, itself or below.
    pub loops: bool,
    /// Functions that it calls itself.
    pub callees: BTreeSet<Handle<Function>>,
}

impl Facts {
    /// The attribute that inlines a function where that was measured to pay: small and without loops.
    pub fn inline(&self) -> &'static str {
        const SMALL: usize = 60;
        if self.size <= SMALL && !self.loops { "#[inline(always)]" } else { "#[inline]" }
    }
}

/// Facts about every function; callees come before callers in naga's arena.
pub fn analyse(module: &Module, hooked: &BTreeSet<String>) -> BTreeMap<Handle<Function>, Facts> {
    let mut all: BTreeMap<Handle<Function>, Facts> = BTreeMap::new();
    for (handle, function) in module.functions.iter() {
        let mut facts = Facts { size: function.expressions.len(), ..Facts::default() };
        walk(&function.body, &mut |statement, _| match statement {
            Statement::Loop { .. } => facts.loops = true,
            Statement::Call { function, .. } => {
                facts.callees.insert(*function);
            }
            _ => {}
        });
        for (_, expression) in function.expressions.iter() {
            if let Expression::GlobalVariable(global) = *expression {
                let variable = &module.global_variables[global];
                let name = variable.name.as_deref().unwrap_or("?");
                facts.private |= variable.space == AddressSpace::Private;
                match only_on_gpu(variable.space) {
                    None => facts.method = true,
                    Some(kind) => facts.skipped = Some(format!("touches the {kind} variable `{name}`")),
                }
            }
        }
        facts.method |= function.name.as_ref().is_some_and(|name| hooked.contains(name));
        for callee in facts.callees.clone() {
            let below = &all[&callee];
            facts.method |= below.method;
            facts.loops |= below.loops;
            facts.size += below.size;
            // A hooked callee can be replaced, so it does not hold its callers back.
            let name = module.functions[callee].name.as_deref().unwrap_or("?");
            if facts.skipped.is_none() && below.skipped.is_some() && !hooked.contains(name) {
                facts.skipped = Some(format!("calls `{name}`, which stays on the GPU"));
            }
        }
        all.insert(handle, facts);
    }
    all
}

fn only_on_gpu(space: AddressSpace) -> Option<&'static str> {
    match space {
        AddressSpace::Uniform => None,
        AddressSpace::Storage { access } if access == StorageAccess::LOAD => None,
        AddressSpace::Storage { .. } => Some("read_write"),
        AddressSpace::WorkGroup => Some("workgroup"),
        AddressSpace::Private => Some("private"),
        _ => Some("foreign"),
    }
}

/// Whether a `continue` in this block belongs to the loop around it.
pub fn continues(block: &Block) -> bool {
    block.iter().any(|statement| match statement {
        Statement::Continue => true,
        Statement::Block(inner) => continues(inner),
        Statement::If { accept, reject, .. } => continues(accept) || continues(reject),
        Statement::Switch { cases, .. } => cases.iter().any(|case| continues(&case.body)),
        _ => false,
    })
}

/// The expressions that an expression is made of.
pub fn operands(expression: &Expression) -> Vec<Handle<Expression>> {
    match expression {
        Expression::Compose { components, .. } => components.clone(),
        Expression::Access { base, index } => vec![*base, *index],
        Expression::AccessIndex { base, .. } => vec![*base],
        Expression::Splat { value, .. } => vec![*value],
        Expression::Swizzle { vector, .. } => vec![*vector],
        Expression::Load { pointer } => vec![*pointer],
        Expression::Unary { expr, .. } | Expression::As { expr, .. } => vec![*expr],
        Expression::Binary { left, right, .. } => vec![*left, *right],
        Expression::Select { condition, accept, reject } => vec![*condition, *accept, *reject],
        Expression::Relational { argument, .. } => vec![*argument],
        Expression::Math { arg, arg1, arg2, arg3, .. } => {
            [Some(*arg), *arg1, *arg2, *arg3].into_iter().flatten().collect()
        }
        Expression::ArrayLength(pointer) => vec![*pointer],
        _ => Vec::new(),
    }
}

/// The expressions that a statement itself names; nested blocks not included.
pub fn named_by(statement: &Statement) -> Vec<Handle<Expression>> {
    match statement {
        Statement::If { condition, .. } => vec![*condition],
        Statement::Switch { selector, .. } => vec![*selector],
        Statement::Loop { break_if, .. } => break_if.iter().copied().collect(),
        Statement::Return { value } => value.iter().copied().collect(),
        Statement::Store { pointer, value } => vec![*pointer, *value],
        Statement::Call { arguments, .. } => arguments.clone(),
        Statement::Emit(range) => range.clone().collect(),
        _ => Vec::new(),
    }
}
