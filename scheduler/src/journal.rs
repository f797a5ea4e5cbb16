//! Where the core's records go before anything that follows from them is sent.

use tessera_scheduler_core::api::Record;

/// Keeps records in order. Once `append` returns, the records survive as long as the journal does.
pub trait Journal: Send {
    fn append(&mut self, records: Vec<Record>) -> std::io::Result<()>;
}

/// A journal that lives as long as the process.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    records: Vec<Record>,
}

impl MemoryJournal {
    pub fn records(&self) -> &[Record] {
        &self.records
    }
}

impl Journal for MemoryJournal {
    fn append(&mut self, mut records: Vec<Record>) -> std::io::Result<()> {
        self.records.append(&mut records);
        Ok(())
    }
}
