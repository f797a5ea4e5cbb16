//! Writes the sample scenes beside this crate's manifest. Equal bytes at every run:
//! `cargo run -p tessera-scenes --example make_samples`.

mod glb;
mod marbles;
mod mosaic;
mod pebbles;
mod shapes;
mod sky;

use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = [
        ("marbles.glb", marbles::scene()),
        ("mosaic.glb", mosaic::scene()),
        ("mosaic.hdr", sky::hdr(&mosaic::SKY)),
        ("pebbles.glb", pebbles::scene()),
        ("pebbles.hdr", sky::hdr(&pebbles::SKY)),
    ];
    for (name, bytes) in files {
        println!("{name}: {} bytes", bytes.len());
        std::fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}
