//! One upload of a blob by an artist at a time. Another of the same waits for it, and goes on where it broke off once nothing
//! more comes of it: a process that was killed leaves a connection that looks alive for a while.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tessera_shared::digest::Digest;
use tessera_shared::ids::NodeKey;
use tokio::sync::Notify;

/// The uploads that go on.
#[derive(Debug)]
pub(crate) struct Uploads {
    /// After so long without a byte an upload may be taken over.
    silence: Duration,
    going: Mutex<BTreeMap<(NodeKey, Digest), Arc<Upload>>>,
}

#[derive(Debug)]
struct Upload {
    heard: Mutex<Instant>,
    taken_over: AtomicBool,
    yields: Notify,
    gone: Notify,
}

/// The right to upload, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    uploads: &'a Uploads,
    key: (NodeKey, Digest),
    upload: Arc<Upload>,
}

impl Uploads {
    pub fn new(silence: Duration) -> Uploads {
        Uploads { silence, going: Mutex::default() }
    }

    /// Waits until nobody else uploads the blob with this key.
    pub async fn turn(&self, artist: NodeKey, digest: Digest) -> Turn<'_> {
        let key = (artist, digest);
        loop {
            let other = match self.enter(key) {
                Ok(turn) => return turn,
                Err(other) => other,
            };
            let mut gone = std::pin::pin!(other.gone.notified());
            if self.going().get(&key).is_none_or(|now| !Arc::ptr_eq(now, &other)) {
                continue;
            }
            let due = other.heard() + self.silence;
            tokio::select! {
                () = &mut gone => continue,
                () = tokio::time::sleep_until(due.into()) => {}
            }
            if other.heard() + self.silence <= Instant::now() {
                other.taken_over.store(true, Ordering::Relaxed);
                other.yields.notify_one();
                gone.await;
            }
        }
    }

    fn enter(&self, key: (NodeKey, Digest)) -> Result<Turn<'_>, Arc<Upload>> {
        let mut going = self.going();
        if let Some(other) = going.get(&key) {
            return Err(other.clone());
        }
        let upload = Arc::new(Upload {
            heard: Mutex::new(Instant::now()),
            taken_over: AtomicBool::new(false),
            yields: Notify::new(),
            gone: Notify::new(),
        });
        going.insert(key, upload.clone());
        Ok(Turn { uploads: self, key, upload })
    }

    fn going(&self) -> MutexGuard<'_, BTreeMap<(NodeKey, Digest), Arc<Upload>>> {
        self.going.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Upload {
    fn heard(&self) -> Instant {
        *self.heard.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Turn<'_> {
    /// What `next` brings, unless another upload of the same goes on instead.
    pub async fn unless_taken_over<T>(&self, next: impl Future<Output = T>) -> Option<T> {
        if self.upload.taken_over.load(Ordering::Relaxed) {
            return None;
        }
        let brought = tokio::select! {
            brought = next => brought,
            () = self.upload.yields.notified() => return None,
        };
        *self.upload.heard.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Instant::now();
        Some(brought)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.uploads.going().remove(&self.key);
        self.upload.gone.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARTIST: NodeKey = NodeKey([1; 32]);

    #[tokio::test]
    async fn the_second_waits_for_the_first_and_another_artist_for_nobody() {
        let uploads = Uploads::new(Duration::from_secs(3600));
        let digest = Digest::of(b"blob");
        let first = uploads.turn(ARTIST, digest).await;
        uploads.turn(NodeKey([2; 32]), digest).await;
        let mut second = std::pin::pin!(uploads.turn(ARTIST, digest));
        tokio::select! {
            biased;
            _ = &mut second => panic!("two uploads of one blob at once"),
            () = tokio::task::yield_now() => {}
        }
        assert_eq!(first.unless_taken_over(async { 3 }).await, Some(3));
        drop(first);
        second.await;
    }

    #[tokio::test]
    async fn a_silent_upload_yields_to_the_next() {
        let uploads = Uploads::new(Duration::ZERO);
        let digest = Digest::of(b"blob");
        let first = uploads.turn(ARTIST, digest).await;
        let silent = async {
            let brought = first.unless_taken_over(std::future::pending::<()>()).await;
            assert_eq!(brought, None);
            drop(first);
        };
        let (_second, ()) = tokio::join!(uploads.turn(ARTIST, digest), silent);
    }
}
