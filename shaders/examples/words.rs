//! The size of an entry file's SPIR-V: words of each WGSL file, and of each function once drivers have put it in at every call
//! (`cargo run -p tessera-shaders --example words -- render`). Knows nothing of what the functions do.

use std::collections::BTreeMap;
use std::path::Path;

use spirv::Op;
use tessera_shader_compiler::spirv::{emit, words};
use tessera_shader_compiler::{compose, front};

/// One function of a module.
#[derive(Default)]
struct Function {
    name: String,
    /// Words of its own, without those of the functions that it calls.
    own: usize,
    /// Functions called, once for every call site.
    calls: Vec<u32>,
}

/// The functions of a module by id, in the order in which they stand: callees first.
fn functions(module: &[u32]) -> Vec<(u32, Function)> {
    let mut names = BTreeMap::new();
    let mut out: Vec<(u32, Function)> = Vec::new();
    let mut open = false;
    for instruction in words::instructions(module).expect("the compiler's own words") {
        let operands = instruction.operands;
        if instruction.opcode == Op::Name as u16 {
            names.insert(operands[0], words::string(&operands[1..]).0);
        }
        if instruction.opcode == Op::Function as u16 {
            let name = names.get(&operands[1]).cloned().unwrap_or_default();
            out.push((operands[1], Function { name, ..Function::default() }));
            open = true;
        }
        let Some((_, function)) = out.last_mut().filter(|_| open) else { continue };
        function.own += 1 + operands.len();
        if instruction.opcode == Op::FunctionCall as u16 {
            function.calls.push(operands[2]);
        }
        open = instruction.opcode != Op::FunctionEnd as u16;
    }
    out
}

fn main() {
    let entry = std::env::args().nth(1).unwrap_or_else(|| "render".to_owned());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("wgsl");
    let source = compose(&root, &entry, "").expect("an entry file of `wgsl/`");
    let validated = front::parse(&source).expect("WGSL that naga reads");
    let module = emit::emit(&source, &validated).expect("a module that can be written");
    let functions = functions(&module);
    let files: BTreeMap<String, String> = validated
        .module
        .functions
        .iter()
        .filter_map(|(handle, function)| {
            let at = source.locate_span(validated.module.functions.get_span(handle))?;
            Some((function.name.clone()?, at.file.to_string()))
        })
        .collect();
    let (mut by_file, mut sites) = (BTreeMap::new(), BTreeMap::new());
    for (_, function) in &functions {
        let file = files.get(&function.name).map_or("entry", String::as_str);
        *by_file.entry(file).or_insert(0) += function.own;
    }
    // Callers stand after what they call: backwards, every function knows how often it is put in.
    for (id, function) in functions.iter().rev() {
        let times = *sites.entry(*id).or_insert(1usize);
        for callee in &function.calls {
            *sites.entry(*callee).or_insert(0) += times;
        }
    }
    println!(
        "{entry}: {} words in functions",
        functions.iter().map(|(_, function)| function.own).sum::<usize>()
    );
    for (file, own) in by_file {
        println!("{own:7} {file}");
    }
    let mut rows: Vec<_> =
        functions.iter().map(|(id, function)| (function.own * sites[id], sites[id], function)).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.0));
    println!("{} words with every call put in", rows.iter().map(|row| row.0).sum::<usize>());
    for (all, times, function) in rows.iter().take(40) {
        println!("{all:7} = {:5} × {times:4} {}", function.own, function.name);
    }
}
