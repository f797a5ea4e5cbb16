//! Snapshots of the core's state: written under another name and renamed when they are durable, read newest first. Knows
//! segments only as what lies behind a snapshot.

use tessera_scheduler_core::state::State;

use crate::disk::{Disk, read_whole};
use crate::format::{
    BadHeader, SNAPSHOT_HEADER_BYTES, SNAPSHOT_VERSION, SnapshotHeader, checksum, name, number,
};
use crate::log::OpenError;

/// Ending of a snapshot's name; its number is the sequence of the first batch that is not in it.
const ENDING: &str = ".state";
const PARTIAL: &str = ".partial";

/// A state and the sequence of the first batch that is not in it.
#[derive(Debug, Default)]
pub struct Snapshot {
    pub next: u64,
    pub bytes: u64,
    pub state: State,
}

/// The sequences of the snapshots that are there, oldest first.
pub fn list(disk: &impl Disk) -> Result<Vec<u64>, OpenError> {
    let names = disk.list().map_err(OpenError::io("the journal's folder"))?;
    let mut found: Vec<u64> = names.iter().filter_map(|name| number(name, ENDING)).collect();
    found.sort_unstable();
    Ok(found)
}

/// The newest snapshot that is whole; the names of those that are not.
pub fn newest(disk: &impl Disk) -> Result<(Option<Snapshot>, Vec<String>), OpenError> {
    let mut damaged = Vec::new();
    for next in list(disk)?.into_iter().rev() {
        match read(disk, next)? {
            Some(snapshot) => return Ok((Some(snapshot), damaged)),
            None => damaged.push(name(next, ENDING)),
        }
    }
    Ok((None, damaged))
}

/// `None`: it is damaged.
fn read(disk: &impl Disk, next: u64) -> Result<Option<Snapshot>, OpenError> {
    let name = name(next, ENDING);
    let content = read_whole(disk, &name).map_err(OpenError::io(&name))?;
    let header = match SnapshotHeader::decode(&content) {
        Ok(header) => header,
        Err(BadHeader::Newer { version }) => {
            return Err(OpenError::Newer { name, version, known: SNAPSHOT_VERSION });
        }
        Err(BadHeader::Damaged) => return Ok(None),
    };
    let payload = &content[SNAPSHOT_HEADER_BYTES..];
    if header.next != next || header.length != payload.len() as u64 || header.checksum != checksum(payload) {
        return Ok(None);
    }
    match bincode::decode_from_slice(payload, bincode::config::standard()) {
        Ok((state, used)) if used == payload.len() => {
            Ok(Some(Snapshot { next, bytes: content.len() as u64, state }))
        }
        Ok(_) => Err(undecodable(name, next, "bytes follow the state".to_owned())),
        Err(error) => Err(undecodable(name, next, error.to_string())),
    }
}

fn undecodable(name: String, sequence: u64, reason: String) -> OpenError {
    OpenError::Undecodable { name, sequence, reason }
}

/// Writes a snapshot. Returns its bytes.
pub fn write(disk: &impl Disk, next: u64, state: &State) -> std::io::Result<u64> {
    let payload =
        bincode::encode_to_vec(state, bincode::config::standard()).map_err(std::io::Error::other)?;
    let (partial, name) = (name(next, PARTIAL), name(next, ENDING));
    let written = disk
        .create(&partial)
        .and_then(|()| disk.append(&partial, &SnapshotHeader::new(next, &payload).encode()))
        .and_then(|()| disk.append(&partial, &payload))
        .and_then(|()| disk.sync(&partial))
        .and_then(|()| disk.rename(&partial, &name))
        .and_then(|()| disk.sync_names());
    if let Err(error) = written {
        let _ = disk.remove(&partial);
        return Err(error);
    }
    Ok((SNAPSHOT_HEADER_BYTES + payload.len()) as u64)
}

/// Removes the snapshots of these sequences, and what broken attempts left.
pub fn remove(disk: &impl Disk, gone: impl Fn(u64) -> bool) -> std::io::Result<()> {
    for file in disk.list()? {
        let partial = number(&file, PARTIAL).is_some();
        if partial || number(&file, ENDING).is_some_and(&gone) {
            disk.remove(&file)?;
        }
    }
    Ok(())
}
