//! What a farm remembers of operators when its scheduler starts anew: their standing, conduct and credit as bytes, and back. Knows no file.

use tessera_shared::digest::Digest;

use crate::accounting::Operator;
use crate::machine::Core;
use crate::record::Record;

/// First bytes, with the format's version.
const MAGIC: &[u8; 8] = b"tessops1";
/// Most bytes that are read: of the order of a million operators.
pub const STANDINGS_BYTES_MAX: usize = 1 << 28;

type Codec = bincode::config::Configuration<
    bincode::config::LittleEndian,
    bincode::config::Varint,
    bincode::config::Limit<STANDINGS_BYTES_MAX>,
>;
const CODEC: Codec = bincode::config::standard().with_limit::<STANDINGS_BYTES_MAX>();

/// Why bytes are no standings.
#[derive(Debug, thiserror::Error)]
pub enum StandingsError {
    #[error("{0} bytes; at most {STANDINGS_BYTES_MAX} are read")]
    TooLarge(usize),
    #[error("it does not begin as such a file of this version does")]
    Magic,
    #[error("its bytes do not have the digest that it begins with")]
    Digest,
    #[error("it does not decode: {0}")]
    Decode(#[from] bincode::error::DecodeError),
}

/// Magic, digest of the rest, and the operators in the order in which they came.
pub fn to_bytes(operators: &[Operator]) -> Vec<u8> {
    let payload = bincode::encode_to_vec(operators, bincode::config::standard())
        .expect("writing to memory cannot fail");
    [&MAGIC[..], &Digest::of(&payload).0, &payload].concat()
}

/// What [`to_bytes`] made.
pub fn from_bytes(bytes: &[u8]) -> Result<Vec<Operator>, StandingsError> {
    if bytes.len() > STANDINGS_BYTES_MAX {
        return Err(StandingsError::TooLarge(bytes.len()));
    }
    let rest = bytes.strip_prefix(MAGIC).ok_or(StandingsError::Magic)?;
    let (digest, payload) = rest.split_at_checked(32).ok_or(StandingsError::Digest)?;
    if Digest::of(payload).0 != *digest {
        return Err(StandingsError::Digest);
    }
    Ok(bincode::decode_from_slice(payload, CODEC)?.0)
}

impl Record {
    /// It says what is thought of an operator, so that it must be remembered at once.
    pub fn judges(&self) -> bool {
        matches!(
            self,
            Record::Quarantined { .. }
                | Record::Banned { .. }
                | Record::Overruled { .. }
                | Record::Readmitted { .. }
        )
    }
}

impl Core {
    /// The operators as the next scheduler should know them: what they were credited in jobs that end with this one is theirs.
    pub fn operators_to_remember(&self) -> Vec<Operator> {
        let mut operators = self.state.operators.all().to_vec();
        for (id, (ended, running)) in self.credits() {
            operators[id.0 as usize].settled += ended + running;
        }
        // Keys are free: whoever only came and went is as good as new, and fills no file.
        operators.retain(|operator| !operator.is_new());
        operators
    }

    /// Takes what an earlier scheduler knew.
    pub(crate) fn remember(&mut self, operators: Vec<Operator>) {
        if !operators.is_empty() {
            self.record(Record::Remembered { operators });
        }
    }
}

#[cfg(test)]
mod tests {
    use tessera_shared::ids::NodeKey;
    use tessera_shared::messages::Device;

    use super::*;
    use crate::accounting::{Conduct, Standing};
    use crate::api::{Answer, Config, Event, Evidence, RequestId, WorkerHello};

    fn operators() -> Vec<Operator> {
        let pass = tessera_shared::lease::TilePass {
            frame: tessera_shared::ids::FrameNumber(1),
            tile: tessera_shared::ids::TileIndex(2),
            sample_start: 0,
            sample_end: 4,
        };
        let (job, lease) = (tessera_shared::ids::JobId(1), tessera_shared::ids::LeaseId(2));
        let evidence = Evidence::PixelsUnlikeCommit { job, lease, pass };
        let conduct = Conduct { delivered: 40, checked: 30, clean: 30, ..Conduct::default() };
        let operator = |byte, standing| Operator {
            key: NodeKey([byte; 32]),
            standing,
            conduct,
            overruled: None,
            settled: 700,
        };
        let ordered = Standing::Banned(Evidence::Ordered { reason: "it is sold".into() });
        vec![operator(1, Standing::Banned(evidence)), operator(2, Standing::Good), operator(4, ordered)]
    }

    #[test]
    fn bytes_come_back_and_a_changed_one_is_noticed() {
        let bytes = to_bytes(&operators());
        assert_eq!(from_bytes(&bytes).unwrap(), operators());
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(from_bytes(&changed).is_err(), "byte {at}");
            assert!(from_bytes(&bytes[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_banned_operator_stays_out_and_a_known_one_is_not_on_probation_again() {
        let config = Config::new([3; 32]);
        let mut core = Core::new(config.clone());
        let mut records = core.handle(0, Event::Remembered { operators: operators() }).records;
        let mut join = |request, byte| {
            let hello = WorkerHello {
                operator: NodeKey([byte; 32]),
                name: "w".into(),
                kernel_version: tessera_shared::KERNEL_VERSION,
                devices: Vec::<Device>::new(),
                tags: Vec::new(),
            };
            let event = Event::WorkerConnected { request: RequestId(request), hello: Box::new(hello) };
            let mut output = core.handle(5, event);
            records.append(&mut output.records);
            output.replies.pop().unwrap().1
        };
        assert!(matches!(join(1, 1), Answer::Refused(reason) if reason.contains("banned")));
        assert!(matches!(join(4, 4), Answer::Refused(reason) if reason.contains("it is sold")));
        assert!(matches!(join(2, 2), Answer::Welcome(_)));
        assert!(matches!(join(3, 3), Answer::Welcome(_)));
        let standing = |core: &Core| {
            let workers = core.workers(5, None, 10).into_iter();
            workers
                .map(|worker| (worker.standing.probation_left, worker.standing.rays_settled))
                .collect::<Vec<_>>()
        };
        assert_eq!(standing(&core), [(0, 700), (config.probation_tiles, 0)]);
        assert_eq!(core.operators_to_remember(), operators(), "and of one that did nothing, nothing");
        assert_eq!(Core::replay(config, &records).state().digest(), core.state().digest());
    }
}
