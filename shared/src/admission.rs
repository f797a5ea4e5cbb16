//! What a worker tells of its devices when it joins: how each went through the conformance suite, and what it scored. All of it is a
//! claim; what the farm believes it finds out by checking work.

use crate::digest::Digest;
use crate::messages::{DEVICES_MAX, Device, TEXT_BYTES_MAX};

/// Most failures that are told of a device.
pub const FAILURES_MAX: usize = 4;
/// Most bytes of one.
pub const FAILURE_BYTES_MAX: usize = 512;

/// One device of a worker, examined.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct DeviceReport {
    pub device: Device,
    /// Names the suite: its recorded digests.
    pub suite: Digest,
    /// The first failures, each with the vector's name, its input and the bits that were wanted and got. None: it is exact.
    pub failures: Vec<String>,
    pub serves: Serves,
    /// Verified rays a second, incoherent, as `tessera bench` measured them; 0 before it did.
    pub score_rays_per_second: u64,
}

/// Which jobs a device renders for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum Serves {
    /// Every job: it is exact.
    Every,
    /// Those of mode `fast` alone: it is not exact, and its owner lends it for those.
    Fast,
    /// None: it is not exact.
    None,
}

impl DeviceReport {
    /// A failure as it is told: cut where it is too long.
    pub fn told(failure: &str) -> String {
        let mut failure = failure.to_owned();
        failure.truncate(failure.floor_char_boundary(FAILURE_BYTES_MAX));
        failure
    }

    /// Whether what a peer says keeps to the limits and to itself: a device that fails does not serve every job.
    pub fn sound(&self) -> bool {
        let texts = [&self.device.name, &self.device.driver];
        texts.iter().all(|text| text.len() <= TEXT_BYTES_MAX)
            && self.failures.len() <= FAILURES_MAX
            && self.failures.iter().all(|failure| failure.len() <= FAILURE_BYTES_MAX)
            && self.failures.is_empty() == (self.serves == Serves::Every)
    }

    /// Whether the reports of one worker may be taken.
    pub fn all_sound(reports: &[DeviceReport]) -> bool {
        reports.len() <= DEVICES_MAX && reports.iter().all(DeviceReport::sound)
    }
}

impl std::fmt::Display for DeviceReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Device { name, driver, .. } = &self.device;
        match (&self.failures[..], self.serves) {
            ([], _) => write!(f, "{name} ({driver}) is exact"),
            ([first, ..], Serves::Fast) => {
                write!(f, "{name} ({driver}) is not exact and serves jobs of mode fast: {first}")
            }
            ([first, ..], _) => write!(f, "{name} ({driver}) is not exact: {first}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::DeviceKind;

    fn report(failures: Vec<String>, serves: Serves) -> DeviceReport {
        let device = Device { name: "GPU".into(), kind: DeviceKind::Gpu, driver: "1.0".into() };
        DeviceReport { device, suite: Digest::of(b""), failures, serves, score_rays_per_second: 0 }
    }

    #[test]
    fn what_contradicts_itself_or_is_too_long_is_not_taken() {
        assert!(report(vec![], Serves::Every).sound());
        assert!(report(vec!["`div`".into()], Serves::Fast).sound());
        assert!(report(vec!["`div`".into()], Serves::None).sound());
        assert!(!report(vec!["`div`".into()], Serves::Every).sound());
        assert!(!report(vec![], Serves::None).sound());
        assert!(!report(vec!["x".repeat(FAILURE_BYTES_MAX + 1)], Serves::None).sound());
        assert!(!report(vec!["x".into(); FAILURES_MAX + 1], Serves::None).sound());
        assert!(!DeviceReport::all_sound(&vec![report(vec![], Serves::Every); DEVICES_MAX + 1]));
        assert_eq!(DeviceReport::told(&"é".repeat(300)).len(), FAILURE_BYTES_MAX);
    }
}
