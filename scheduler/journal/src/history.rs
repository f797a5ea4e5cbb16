//! What happened on a farm, read from a scheduler's journal while no scheduler need run: every record that is still there as a
//! line for people or as JSON. Changes nothing on the disk, and decides nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use tessera_scheduler_core::accounting::{OperatorId, Operators};
use tessera_scheduler_core::record::{Claim, JobEnd, Landing, LeaseEnd, Proof, Record, Term};
use tessera_scheduler_core::tiles::{Shape, TileKey};
use tessera_shared::ids::{FrameNumber, JobId, LeaseId, NodeKey, WorkerId};

use crate::disk::Disk;
use crate::folder::Folder;
use crate::journal::records;
use crate::log::OpenError;
use crate::snapshot;

/// Characters of a failure's log in a line.
const LOG_CHARS: usize = 400;

/// One record.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The number of the batch in which it became durable.
    pub batch: u64,
    /// Milliseconds since the scheduler that made it had started, where the record says so.
    pub at_ms: Option<u64>,
    /// What happened, such as `granted`.
    pub what: &'static str,
    /// To what, in the order of a line.
    pub fields: Vec<(&'static str, Value)>,
}

/// What was passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Records before this batch were folded into a snapshot and are gone; none are where it is 1.
    pub first_batch: u64,
    /// Tails that crashes left, with the file's name and their bytes. Nobody was told of what was in them.
    pub torn: Vec<(String, u64)>,
}

/// Why nothing can be told.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error(
        "{path} is no scheduler's data: it has no folder `journal`; give what `tessera scheduler` has as --data"
    )]
    NoJournal { path: PathBuf },
    #[error("{path}: {source}")]
    Folder { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Read(#[from] OpenError),
}

/// Tells every record of the scheduler's data that is still there, oldest first, until `told` has enough. Where the journal is
/// damaged, everything before that is told, and then it is the error.
pub fn history(data: &Path, told: impl FnMut(Entry) -> bool) -> Result<Passed, HistoryError> {
    let path = data.join("journal");
    if !path.is_dir() {
        return Err(HistoryError::NoJournal { path: data.to_owned() });
    }
    let disk = Folder::open(&path).map_err(|source| HistoryError::Folder { path, source })?;
    Ok(tell(&disk, told)?)
}

/// The same of a journal's disk.
pub fn tell(disk: &impl Disk, mut told: impl FnMut(Entry) -> bool) -> Result<Passed, OpenError> {
    // Jobs that were submitted before what is left of the log are known by the snapshot.
    let state = snapshot::newest(disk)?.0.unwrap_or_default().state;
    let shapes =
        state.jobs.iter().map(|(job, entry)| (*job, (entry.shape.clone(), entry.spec.frames.clone())));
    let mut names = Names { shapes: shapes.collect(), operators: state.operators };
    let (first_batch, torn) = records(disk, |batch, record| {
        names.learn(record);
        told(names.entry(batch, record))
    })?;
    Ok(Passed { first_batch, torn: torn.into_iter().map(|torn| (torn.name, torn.bytes)).collect() })
}

impl Entry {
    /// As a line: the batch, the time, what, and then the fields.
    pub fn line(&self) -> String {
        let at = self.at_ms.map_or_else(|| "-".to_owned(), |at_ms| format!("{:.3}", at_ms as f64 / 1000.0));
        let mut line = format!("{} {at} {}", self.batch, self.what);
        for (name, value) in &self.fields {
            let shown = match value {
                Value::String(text) if text.contains([' ', '"', '\n']) || text.is_empty() => {
                    format!("{text:?}")
                }
                Value::String(text) => text.clone(),
                Value::Array(items) => {
                    let items =
                        items.iter().map(|item| item.as_str().map_or(item.to_string(), str::to_owned));
                    items.collect::<Vec<_>>().join(",")
                }
                other => other.to_string(),
            };
            line += &format!(" {name}={shown}");
        }
        line
    }

    /// As a JSON object: `batch`, `at_ms` where it is known, `what`, and the fields.
    pub fn json(&self) -> Value {
        let mut object = Map::new();
        object.insert("batch".into(), self.batch.into());
        if let Some(at_ms) = self.at_ms {
            object.insert("at_ms".into(), at_ms.into());
        }
        object.insert("what".into(), self.what.into());
        object.extend(self.fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        Value::Object(object)
    }
}

type Fields = Vec<(&'static str, Value)>;
/// What happened, when, and to what.
type Told = (&'static str, Option<u64>, Fields);

/// What records name by number.
struct Names {
    shapes: BTreeMap<JobId, (Shape, Vec<FrameNumber>)>,
    operators: Operators,
}

impl Names {
    fn learn(&mut self, record: &Record) {
        match record {
            Record::Submitted { job, spec, .. } => {
                if let Some(shape) = Shape::new(&spec.settings) {
                    self.shapes.insert(*job, (shape, spec.frames.clone()));
                }
            }
            // Who comes first has the next number; those of the snapshot keep theirs.
            Record::Joined { hello, .. } => drop(self.operators.enter(hello.operator)),
            Record::Remembered { operators } => self.operators.remember(operators),
            _ => {}
        }
    }

    /// A tile-pass as `frame/tile`, with its samples if the tile has several passes.
    fn tile(&self, job: JobId, key: TileKey) -> Value {
        let known = self.shapes.get(&job);
        let Some((shape, frame)) =
            known.and_then(|(shape, frames)| Some((shape, *frames.get(key.frame as usize)?)))
        else {
            return format!("?{}/{}", key.frame, key.index).into();
        };
        let pass = shape.pass(key, frame);
        let samples = match shape.passes() {
            1 => String::new(),
            _ => format!("@{}-{}", pass.sample_start, pass.sample_end),
        };
        format!("{}/{}{samples}", frame.0, pass.tile.0).into()
    }

    fn tiles(&self, job: JobId, keys: &[TileKey]) -> (&'static str, Value) {
        ("tiles", keys.iter().map(|key| self.tile(job, *key)).collect())
    }

    fn operator(&self, operator: OperatorId) -> Value {
        let known = self.operators.all().get(operator.0 as usize);
        known.map_or_else(|| format!("?{}", operator.0), |operator| operator.key.hex()).into()
    }

    fn entry(&self, batch: u64, record: &Record) -> Entry {
        let (what, at_ms, fields) = self
            .of_jobs(record)
            .or_else(|| self.of_leases(record))
            .or_else(|| self.of_checks(record))
            .unwrap_or_else(|| self.of_people(record));
        Entry { batch, at_ms, what, fields }
    }

    /// What happens to jobs.
    fn of_jobs(&self, record: &Record) -> Option<Told> {
        let job_of = |job: &JobId| ("job", shown(job));
        Some(match record {
            Record::Submitted { job, at_ms, spec } => {
                let frames = spec.frames.first().zip(spec.frames.last());
                let frames = frames.map(|(first, last)| format!("{}-{}", first.0, last.0));
                let fields = vec![
                    job_of(job),
                    ("name", spec.name.clone().into()),
                    ("owner", spec.owner.hex().into()),
                    ("frames", frames.into()),
                    ("frame_count", spec.frames.len().into()),
                    ("priority", spec.options.priority.into()),
                ];
                ("submitted", Some(*at_ms), fields)
            }
            Record::PackageComplete { job } => ("package_complete", None, vec![job_of(job)]),
            Record::JobEnded { job, at_ms, end } => {
                let reason = match end {
                    JobEnd::Cancelled => "cancelled".to_owned(),
                    JobEnd::Failed(why) => cut(why),
                };
                ("job_ended", Some(*at_ms), vec![job_of(job), ("reason", reason.into())])
            }
            Record::JobCompleted { job, at_ms } => ("job_completed", Some(*at_ms), vec![job_of(job)]),
            Record::JobForgotten { job } => ("job_forgotten", None, vec![job_of(job)]),
            Record::Archived { job, at_ms } => ("archived", Some(*at_ms), vec![job_of(job)]),
            Record::Paused { job, at_ms, paused } => {
                (if *paused { "paused" } else { "resumed" }, Some(*at_ms), vec![job_of(job)])
            }
            Record::Prioritised { job, priority } => {
                ("prioritised", None, vec![job_of(job), ("priority", (*priority).into())])
            }
            Record::FramesRequeued { job, at_ms, frames } => {
                let known = self.shapes.get(job);
                let number = |at: &u32| known.and_then(|(_, frames)| frames.get(*at as usize));
                let frames = frames.iter().filter_map(number).map(|frame| Value::from(frame.0)).collect();
                ("frames_requeued", Some(*at_ms), vec![job_of(job), ("frames", frames)])
            }
            Record::Accepted { job, tiles, by } => {
                let proof = match by {
                    Proof::Unverified => "unverified".into(),
                    Proof::Referee => "referee".into(),
                    Proof::Operator(operator) | Proof::Trusted(operator) => self.operator(*operator),
                };
                ("accepted", None, vec![job_of(job), ("by", proof), self.tiles(*job, tiles)])
            }
            Record::Requeued { job, tiles } => ("requeued", None, vec![job_of(job), self.tiles(*job, tiles)]),
            Record::Overturned { job, tiles } => {
                ("overturned", None, vec![job_of(job), self.tiles(*job, tiles)])
            }
            Record::PixelsLost { job, tiles } => {
                ("pixels_lost", None, vec![job_of(job), self.tiles(*job, tiles)])
            }
            _ => return None,
        })
    }

    /// What happens to leases.
    fn of_leases(&self, record: &Record) -> Option<Told> {
        let granted =
            |what, lease: &LeaseId, worker: &WorkerId, job: &JobId, term: &Term, tiles: &[TileKey]| {
                let mut fields =
                    vec![("lease", shown(lease)), ("worker", shown(worker)), ("job", shown(job))];
                fields.extend([("expires_ms", term.expires_ms.into()), self.tiles(*job, tiles)]);
                (what, Some(term.granted_ms), fields)
            };
        Some(match record {
            Record::Granted { lease, worker, job, term, tiles } => {
                granted("granted", lease, worker, job, term, tiles)
            }
            Record::CheckGranted { lease, worker, job, term, tiles } => {
                granted("check_granted", lease, worker, job, term, tiles)
            }
            Record::Committed { lease, tiles } => {
                let drawn: usize = tiles.iter().map(|tile| tile.drawn.len()).sum();
                let fields = vec![
                    ("lease", shown(lease)),
                    ("tiles", tiles.len().into()),
                    ("blocks_drawn", drawn.into()),
                ];
                ("committed", None, fields)
            }
            Record::Delivered { lease, at_ms, tiles } => {
                let landed = tiles.iter().map(|landing| match landing {
                    Landing::Held { .. } => "held",
                    Landing::Spare => "spare",
                    Landing::Confirms { .. } => "confirms",
                    Landing::Contests { .. } => "contests",
                });
                let fields = vec![("lease", shown(lease)), ("landed", landed.map(Value::from).collect())];
                ("delivered", Some(*at_ms), fields)
            }
            Record::TooFast { lease, at_ms, rate, limit, whole } => {
                let fields = vec![
                    ("lease", shown(lease)),
                    ("rays_per_second", (*rate).into()),
                    ("limit", (*limit).into()),
                    ("checked_whole", whole.len().into()),
                ];
                ("too_fast", Some(*at_ms), fields)
            }
            Record::Checked { lease, rays } => {
                ("checked", None, vec![("lease", shown(lease)), ("rays", rays.total().into())])
            }
            Record::LeaseEnded { lease, at_ms, end } => {
                let mut fields = vec![("lease", shown(lease))];
                let reason = match end {
                    LeaseEnd::Expired => "expired",
                    LeaseEnd::Lost => "lost",
                    LeaseEnd::Revoked => "revoked",
                    LeaseEnd::Failed { .. } | LeaseEnd::FailedWith { .. } => "failed",
                };
                fields.push(("reason", reason.into()));
                if let LeaseEnd::Failed { worker } | LeaseEnd::FailedWith { worker, .. } = end {
                    fields.push(("worker", shown(worker)));
                }
                if let LeaseEnd::FailedWith { failure, .. } = end {
                    fields.extend([("class", shown(&failure.class)), ("log", cut(&failure.log).into())]);
                }
                ("lease_ended", Some(*at_ms), fields)
            }
            Record::LeaseForgotten { lease } => ("lease_forgotten", None, vec![("lease", shown(lease))]),
            _ => return None,
        })
    }

    /// Who checks what, and what comes of it.
    fn of_checks(&self, record: &Record) -> Option<Told> {
        Some(match record {
            Record::RefereeAsked { id, job, tiles } => (
                "referee_asked",
                None,
                vec![("request", id.0.into()), ("job", shown(job)), self.tiles(*job, tiles)],
            ),
            Record::RefereeLent { id, lease, worker, term, blocks } => {
                let mut fields = vec![("request", id.0.into()), ("lease", shown(lease))];
                fields.extend([("worker", shown(worker)), ("blocks", (*blocks).into())]);
                ("referee_lent", Some(term.granted_ms), fields)
            }
            Record::Disputed { id, job, tile, claim } => {
                let by = match claim {
                    Claim::Check { operator, .. } => *operator,
                    Claim::Delivery(delivery) => delivery.operator,
                };
                let mut fields = vec![("request", id.0.into()), ("job", shown(job))];
                fields.extend([("tile", self.tile(*job, *tile)), ("by", self.operator(by))]);
                ("disputed", None, fields)
            }
            Record::RefereeDone { id, rays } => {
                ("referee_done", None, vec![("request", id.0.into()), ("rays", rays.total().into())])
            }
            Record::Inconclusive { id, job, tiles, late } => {
                let mut fields = vec![("request", id.0.into()), ("job", shown(job))];
                fields.extend([("late", (*late).into()), self.tiles(*job, tiles)]);
                ("inconclusive", None, fields)
            }
            Record::CheckReturned { job, at_ms, tiles } => {
                ("check_returned", Some(*at_ms), vec![("job", shown(job)), self.tiles(*job, tiles)])
            }
            Record::KnownMixed { lease, tiles } => {
                ("known_mixed", None, vec![("lease", shown(lease)), ("tiles", tiles.len().into())])
            }
            Record::CheckVoid { lease, at_ms } => ("check_void", Some(*at_ms), vec![("lease", shown(lease))]),
            Record::Quarantined { operator, evidence, at_ms, fraud } => {
                let fields = vec![
                    ("operator", self.operator(*operator)),
                    ("fraud", (*fraud).into()),
                    ("evidence", cut(&evidence.to_string()).into()),
                ];
                ("quarantined", Some(*at_ms), fields)
            }
            Record::Banned { operator, reason } => {
                let fields = vec![("operator", self.operator(*operator)), ("reason", cut(reason).into())];
                ("banned", None, fields)
            }
            Record::Overruled { operator, evidence } => {
                let evidence = cut(&evidence.to_string()).into();
                ("overruled", None, vec![("operator", self.operator(*operator)), ("evidence", evidence)])
            }
            Record::Readmitted { operator } => {
                ("readmitted", None, vec![("operator", self.operator(*operator))])
            }
            _ => return None,
        })
    }

    /// What happens to workers and to the scheduler itself.
    fn of_people(&self, record: &Record) -> Told {
        let machine = |operator: &OperatorId, name: &str| {
            vec![("operator", self.operator(*operator)), ("name", Value::from(name))]
        };
        let key = |key: &NodeKey| ("operator", Value::from(key.hex()));
        match record {
            Record::Joined { worker, at_ms, hello } => {
                let name = Value::from(hello.name.as_str());
                (
                    "joined",
                    Some(*at_ms),
                    vec![("worker", shown(worker)), key(&hello.operator), ("name", name)],
                )
            }
            Record::Left { worker, at_ms } => ("left", Some(*at_ms), vec![("worker", shown(worker))]),
            Record::Leaving { worker } => ("leaving", None, vec![("worker", shown(worker))]),
            Record::Examined { worker, examined } => {
                let mut fields = vec![("worker", shown(worker)), key(&examined.operator)];
                fields
                    .extend([("name", examined.name.as_str().into()), ("refused", examined.refused.into())]);
                ("examined", Some(examined.at_ms), fields)
            }
            Record::Drained { operator, name, drained } => {
                (if *drained { "drained" } else { "undrained" }, None, machine(operator, name))
            }
            Record::Rested { operator, name, until_ms } => {
                let mut fields = machine(operator, name);
                fields.push(("until_ms", (*until_ms).into()));
                ("rested", None, fields)
            }
            Record::Remembered { operators } => {
                ("remembered", None, vec![("operators", operators.len().into())])
            }
            Record::Kernel { version } => ("kernel", None, vec![("version", (*version).into())]),
            Record::Restarted => ("restarted", None, Vec::new()),
            // One that was added and is not told yet.
            other => ("record", None, vec![("debug", cut(&format!("{other:?}")).into())]),
        }
    }
}

fn shown(value: &impl std::fmt::Display) -> Value {
    json!(value.to_string())
}

fn cut(text: &str) -> String {
    text.chars().take(LOG_CHARS).collect()
}
