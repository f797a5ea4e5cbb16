//! Sweeps every unary library function over all its operands and prints the largest errors, the figures that
//! `wgsl/math.wgsl` states: `cargo run -p tessera-shaders --release --example sweep`. A number after `--` sweeps every so
//! many operands only.

#[path = "../tests/sweeps/mod.rs"]
mod sweeps;

fn main() {
    let stride = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1);
    let mut failed = false;
    for sweep in sweeps::sweeps() {
        let worst = sweep.run(stride);
        let sweeps::Worst { error, operand, evaluations } = worst;
        let verdict = if error <= sweep.bound { "within" } else { "BEYOND" };
        failed |= error > sweep.bound;
        println!(
            "{:22} {error:10.4e} {:16} at {operand:#010x}, {verdict} {:.4e}; {evaluations} operands",
            sweep.name, sweep.unit, sweep.bound
        );
    }
    if failed {
        std::process::exit(1);
    }
}
