//! Visits the statements of a function. Decides nothing.

use naga::{Block, Span, Statement};

/// Visits every statement of a block, nested ones included.
pub fn walk<'b>(block: &'b Block, visit: &mut dyn FnMut(&'b Statement, Span)) {
    for (statement, &span) in block.span_iter() {
        visit(statement, span);
        match statement {
            Statement::Block(inner) => walk(inner, visit),
            Statement::If { accept, reject, .. } => {
                walk(accept, visit);
                walk(reject, visit);
            }
            Statement::Switch { cases, .. } => {
                for case in cases {
                    walk(&case.body, visit);
                }
            }
            Statement::Loop { body, continuing, .. } => {
                walk(body, visit);
                walk(continuing, visit);
            }
            _ => {}
        }
    }
}
