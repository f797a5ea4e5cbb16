//! The facts that rebuild the scheduler's state, one enum for the journal. Released variants are frozen; changes are new
//! variants.

use tessera_shared::ids::JobId;

use crate::api::JobSpec;

/// One fact.
#[derive(Clone, Debug, PartialEq, bincode::Encode, bincode::Decode)]
pub enum Record {
    Submitted { job: JobId, at_ms: u64, spec: JobSpec },
}
