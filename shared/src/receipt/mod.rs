//! Receipts: signed statements of what an image is, who rendered it and who checked it. The trees that tie them to a film and to
//! files are in `merkle` and `blocks`, what is signed in `seal`, the text form in `text`. `docs/receipts.md` is the format.
//! Knows no key's secret and no file.

pub mod blocks;
pub mod facts;
pub mod merkle;
mod seal;
mod text;

pub use facts::{Checked, Checker, FrameFacts, JobFacts, Origin, Rendered};
pub use seal::{Fault, Receipt, SignedFrame, Statement};
pub use text::{ParseReceiptError, RECEIPT_BYTES_MAX};

/// Version of the format: of the text and of what is signed.
pub const RECEIPT_VERSION: u32 = 1;
/// The one pixel filter that there is: one pixel wide, all samples weigh the same.
pub const FILTER: &str = "box";
/// The mode whose bits every device renders.
pub const MODE_EXACT: &str = "exact";
/// The mode whose bits are each device's own: rendering again proves nothing.
pub const MODE_FAST: &str = "fast";
