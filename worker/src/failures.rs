//! Whom a failure is laid to, read from the errors that led to it. What follows from that is the scheduler's.

use std::error::Error;
use std::fmt;

use tessera_backends::{PrepareError, RenderError};
use tessera_shared::package::manifest::DecodeManifestError;
use tessera_shared::package::validate::InvalidPackage;
use tessera_transport::blobs::{BlobError, is_shortage};
use tessera_transport::frames::{ReadError, WriteError};

use crate::packages::FetchError;

/// Whom a failure is laid to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureClass {
    /// The worker: a device was lost, a thread panicked.
    Node,
    /// The job: its scene is not valid, or is not to be had anywhere.
    Job,
    /// The worker lacks disk or memory.
    Shortage,
    /// What the worker needs did not reach it.
    Network,
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FailureClass::Node => "node",
            FailureClass::Job => "job",
            FailureClass::Shortage => "shortage",
            FailureClass::Network => "network",
        })
    }
}

/// A failure that several leases meet, such as that of the scene they share: its class and its errors, outermost first.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{log}")]
pub(crate) struct Failed {
    class: FailureClass,
    log: String,
}

impl From<anyhow::Error> for Failed {
    fn from(error: anyhow::Error) -> Failed {
        Failed { class: class_of(&error), log: format!("{error:#}") }
    }
}

/// Where an error happened, as the outermost of its chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OnDevice(pub String);

impl fmt::Display for OnDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "on `{}`", self.0)
    }
}

/// The device that an error happened on, if it happened on one.
pub(crate) fn device_of(error: &anyhow::Error) -> &str {
    error.downcast_ref::<OnDevice>().map_or("none", |device| &device.0)
}

/// The class of the outermost error that has one. What nobody foresaw is laid to the worker: others may do better.
pub fn class_of(error: &anyhow::Error) -> FailureClass {
    error.chain().find_map(class).unwrap_or(FailureClass::Node)
}

fn class(error: &(dyn Error + 'static)) -> Option<FailureClass> {
    if let Some(failed) = error.downcast_ref::<Failed>() {
        return Some(failed.class);
    }
    if let Some(error) = error.downcast_ref::<FetchError>() {
        return Some(error.class());
    }
    if let Some(error) = error.downcast_ref::<BlobError>() {
        return Some(match error {
            _ if error.is_shortage() => FailureClass::Shortage,
            // The scheduler hashes what it gives: it was changed on its way, or here.
            BlobError::Digest(_) | BlobError::Absent(_) => FailureClass::Network,
            BlobError::Io { .. } | BlobError::Full { .. } => FailureClass::Node,
        });
    }
    if let Some(error) = error.downcast_ref::<RenderError>() {
        return Some(match error {
            RenderError::Block { .. } | RenderError::Samples { .. } | RenderError::Kernel(_) => {
                FailureClass::Job
            }
            RenderError::TooLarge { .. } | RenderError::OutOfMemory { .. } => FailureClass::Shortage,
            RenderError::Lost { .. } | RenderError::Unfinished { .. } | RenderError::Device { .. } => {
                FailureClass::Node
            }
        });
    }
    if let Some(error) = error.downcast_ref::<ReadError>() {
        return Some(match error {
            ReadError::Decode(_) => FailureClass::Node,
            ReadError::Ended | ReadError::Truncated | ReadError::Stream(_) => FailureClass::Network,
        });
    }
    if let Some(error) = error.downcast_ref::<std::io::Error>() {
        return is_shortage(error).then_some(FailureClass::Shortage);
    }
    let lost = error.is::<quinn::ConnectionError>()
        || error.is::<quinn::ReadError>()
        || error.is::<quinn::ReadExactError>()
        || error.is::<WriteError>();
    let invalid =
        error.is::<DecodeManifestError>() || error.is::<InvalidPackage>() || error.is::<PrepareError>();
    match (lost, invalid) {
        (true, _) => Some(FailureClass::Network),
        (_, true) => Some(FailureClass::Job),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use anyhow::{Context, anyhow};
    use tessera_shared::digest::Digest;

    use super::*;

    fn classed(error: impl Into<anyhow::Error>) -> FailureClass {
        let bare = error.into();
        let class = class_of(&bare);
        // Neither what was said around it nor being shared changes whom it is laid to.
        let shared = anyhow::Error::from(Failed::from(bare.context("rendering")));
        assert_eq!(class_of(&shared.context("again")), class);
        class
    }

    fn disk(kind: ErrorKind) -> BlobError {
        BlobError::Io { path: "/data/blobs/x".into(), source: kind.into() }
    }

    #[test]
    fn a_failure_is_laid_to_whom_its_errors_name() {
        let digest = Digest([1; 32]);
        let device = || "llvmpipe".to_owned();
        for shortage in [
            ErrorKind::StorageFull,
            ErrorKind::QuotaExceeded,
            ErrorKind::FileTooLarge,
            ErrorKind::OutOfMemory,
        ] {
            assert_eq!(classed(disk(shortage)), FailureClass::Shortage);
            assert_eq!(classed(std::io::Error::from(shortage)), FailureClass::Shortage);
        }
        assert_eq!(classed(disk(ErrorKind::PermissionDenied)), FailureClass::Node);
        assert_eq!(classed(BlobError::Full { bytes: 2, bytes_max: 1 }), FailureClass::Shortage);
        let memory = RenderError::OutOfMemory { device: device(), needed: 1, reason: String::new() };
        assert_eq!(classed(memory), FailureClass::Shortage);
        let lost = RenderError::Lost { device: device(), reason: String::new() };
        assert_eq!(classed(lost), FailureClass::Node);
        assert_eq!(classed(RenderError::Kernel(String::new())), FailureClass::Job);
        assert_eq!(classed(PrepareError::Header(2)), FailureClass::Job);
        assert_eq!(classed(FetchError::Lacks(digest)), FailureClass::Job);
        assert_eq!(classed(FetchError::BrokeOff(digest)), FailureClass::Network);
        assert_eq!(classed(BlobError::Digest(digest)), FailureClass::Network);
        assert_eq!(classed(quinn::ConnectionError::TimedOut), FailureClass::Network);
        assert_eq!(classed(anyhow!("the renderer panicked")), FailureClass::Node);
        let full = FetchError::Cache { digest, source: disk(ErrorKind::StorageFull) };
        assert_eq!(classed(full), FailureClass::Shortage);
    }

    #[test]
    fn the_device_is_named_by_the_outermost_context() {
        let error = anyhow!("it was lost").context(OnDevice("llvmpipe".to_owned()));
        assert_eq!(
            (device_of(&error), format!("{error:#}")),
            ("llvmpipe", "on `llvmpipe`: it was lost".to_owned())
        );
        assert_eq!(device_of(&Err::<(), _>(anyhow!("")).context("fetching").unwrap_err()), "none");
    }
}
