//! What a scheduler keeps on its disk: the log of its records with snapshots of the state, and the pixels of delivered
//! tile-passes. Decides nothing about jobs; knows no socket, clock or thread, and a disk only as [`Disk`].

pub mod disk;
pub mod folder;
pub mod format;
pub mod history;
pub mod journal;
pub mod log;
pub mod memory;
pub mod scan;
pub mod snapshot;
pub mod tiles;

pub use disk::Disk;
pub use folder::Folder;
pub use journal::{Journal, JournalOptions, Opened};
pub use log::{AppendError, OpenError};
pub use memory::MemoryDisk;
pub use tiles::{HeldPixels, TileStore};
