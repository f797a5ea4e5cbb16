//! An artist's connection: a stream a request. What belongs to a job is given to the key that submitted it alone.

use std::sync::Arc;
use std::time::Duration;

use quinn::SendStream;
use tessera_scheduler_core::api::{Answer, Asker, Event};
use tessera_shared::digest::Digest;
use tessera_shared::ids::{FrameNumber, JobId, NodeKey};
use tessera_shared::messages::{
    BlobReply, CancelReply, CheckingReply, CloseCode, FetchReply, JobRefusal, JobState, JobStatus,
    ManifestReply, ReceiptReply, Request, WatchReply, WorkerStatus,
};
use tessera_shared::web::LINK_DAYS;
use tessera_transport::frames::read_message;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::{Asked, ConnectionEnd, Farm, Pace, blobs, orders, submit, watching, web};
use crate::films::{Command, Finished};
use crate::gate::Member;
use crate::receipts;
use crate::soundness::Who;

/// A watcher learns of changes at most this often.
const WATCH_INTERVAL: Duration = Duration::from_millis(100);
/// Entries of a list that are read from the core at once.
const PAGE: usize = 256;

/// Serves an artist until its connection ends.
pub(super) async fn serve(
    farm: &Arc<Farm>,
    connection: &quinn::Connection,
    key: NodeKey,
    (by, member): (Asker, Arc<Member>),
) -> Result<(), ConnectionEnd> {
    let (mut streams, mut pace) = (JoinSet::new(), Pace::new(farm.limits()));
    loop {
        tokio::select! {
            stream = pace.accept_bi(connection) => {
                let (send, recv) = stream?;
                streams.spawn(answer(farm.clone(), Asked { key, by, member: member.clone(), send, recv }));
            }
            Some(ended) = streams.join_next() => match ended {
                Ok(Err(end @ (ConnectionEnd::Read(_) | ConnectionEnd::Malformed(_) | ConnectionEnd::Slow(_)))) => return Err(end),
                Ok(Err(end)) => tracing::debug!(%end, "a request was not answered"),
                Ok(Ok(())) => {}
                Err(panic) => tracing::error!(%panic, "a request's task failed"),
            },
        }
    }
}

async fn answer(farm: Arc<Farm>, asked: Asked) -> Result<(), ConnectionEnd> {
    let Asked { key, by, member, mut send, mut recv } = asked;
    match farm.patient(0, "a request", read_message(&mut recv)).await?? {
        Request::Submit { package, options } => {
            let reply = submit::submit(&farm, key, package, options).await?;
            farm.tell(&mut send, &reply).await?;
        }
        Request::Upload { digest, bytes } => {
            blobs::take(&farm, Asked { key, by, member, send, recv }, digest, bytes).await?
        }
        Request::Watch { job } => watch(&farm, send, job).await?,
        Request::Jobs => jobs(&farm, send).await?,
        Request::Workers => workers(&farm, send).await?,
        Request::Cancel { job } => {
            let reply = cancel(&farm, job, by).await?;
            farm.tell(&mut send, &reply).await?;
        }
        Request::Manifest { job } => manifest(&farm, send, job, key).await?,
        Request::PackageBlob { job, digest, offset } => {
            package_blob(&farm, send, (job, key), digest, offset).await?
        }
        Request::Fetch { job, frame } => fetch(&farm, send, job, frame, key).await?,
        Request::Checking => {
            let permille = farm.question(|core, _| core.trusted_permille()).await?;
            farm.tell(&mut send, &CheckingReply::Trusted { permille }).await?;
        }
        Request::Receipt { job, frame } => receipt(farm, send, job, frame, key).await?,
        Request::Order { job, order } => orders::job(&farm, send, job, by, order).await?,
        Request::OrderWorker { worker, order } => orders::worker(&farm, send, worker, by, order).await?,
        Request::OrderOperator { operator, order } => {
            orders::operator(&farm, send, operator, by, order).await?
        }
        Request::Why { job } => orders::why(&farm, send, job, by).await?,
        Request::Log { job } => orders::log(&farm, send, job, by).await?,
        Request::Web { access } => web::page(&farm, send, by, access, Some(LINK_DAYS)).await?,
        Request::WebLink { access, days } => web::page(&farm, send, by, access, days).await?,
        Request::WebEnd { whose } => web::end(&farm, send, by, whose).await?,
        Request::Frames { job, after } => watching::frames(&farm, send, job, after).await?,
        Request::Tiles { job, frame } => watching::tiles(&farm, send, job, frame).await?,
        Request::Picture { job, frame, wish } => {
            watching::picture(&farm, send, by, job, (frame, wish)).await?
        }
        Request::Events { after } => watching::events(&farm, send, after).await?,
        Request::Blob { .. } => {
            return Err(ConnectionEnd::Malformed("an artist may not ask for blobs".to_owned()));
        }
    }
    Ok(())
}

async fn watch(farm: &Farm, mut send: SendStream, job: JobId) -> Result<(), ConnectionEnd> {
    let mut revision = farm.driver.revision();
    let mut shown: Option<JobStatus> = None;
    loop {
        revision.mark_unchanged();
        let status = farm.question(move |core, now_ms| core.job(now_ms, job)).await?;
        let Some(status) = status else {
            return farm.tell(&mut send, &WatchReply::Refused(JobRefusal::Unknown)).await;
        };
        if !shown.as_ref().is_some_and(|shown| alike(shown, &status)) {
            farm.tell(&mut send, &WatchReply::Status(status.clone())).await?;
        }
        if status.state.ended() {
            return Ok(());
        }
        shown = Some(status);
        tokio::select! {
            _ = send.stopped() => return Ok(()),
            changed = revision.changed() => changed.map_err(|_| crate::driver::Stopped)?,
        }
        tokio::time::sleep(WATCH_INTERVAL).await;
    }
}

/// Nothing but the time has changed.
fn alike(a: &JobStatus, b: &JobStatus) -> bool {
    JobStatus { elapsed_ms: b.elapsed_ms, ..a.clone() } == *b
}

async fn jobs(farm: &Farm, mut send: SendStream) -> Result<(), ConnectionEnd> {
    let mut before = None;
    loop {
        let page: Vec<JobStatus> = farm.question(move |core, now_ms| core.jobs(now_ms, before, PAGE)).await?;
        for status in &page {
            farm.tell(&mut send, status).await?;
        }
        match page.last() {
            Some(last) => before = Some(last.job),
            None => return Ok(()),
        }
    }
}

async fn workers(farm: &Farm, mut send: SendStream) -> Result<(), ConnectionEnd> {
    let mut after = None;
    loop {
        let page: Vec<WorkerStatus> =
            farm.question(move |core, now_ms| core.workers(now_ms, after, PAGE)).await?;
        for status in &page {
            farm.tell(&mut send, status).await?;
        }
        match page.last() {
            Some(last) => after = Some(last.worker),
            None => return Ok(()),
        }
    }
}

async fn cancel(farm: &Farm, job: JobId, by: Asker) -> Result<CancelReply, ConnectionEnd> {
    match farm.driver.ask(move |request| Event::Cancel { request, job, by }).await? {
        Answer::Cancelled => Ok(CancelReply::Cancelled),
        Answer::JobRefused(refusal) => Ok(CancelReply::Refused(refusal)),
        other => Err(ConnectionEnd::Malformed(format!("the core answers a cancellation with {other:?}"))),
    }
}

/// The status of a job that belongs to the key.
async fn owned(
    farm: &Farm,
    job: JobId,
    key: NodeKey,
) -> Result<Result<JobStatus, JobRefusal>, ConnectionEnd> {
    let status = farm.question(move |core, now_ms| core.job(now_ms, job)).await?;
    Ok(match status {
        None => Err(JobRefusal::Unknown),
        Some(status) if status.owner != key => Err(JobRefusal::Foreign),
        Some(status) => Ok(status),
    })
}

async fn manifest(farm: &Farm, mut send: SendStream, job: JobId, key: NodeKey) -> Result<(), ConnectionEnd> {
    let opened = match owned(farm, job, key).await? {
        Ok(status) => farm.blobs.open_blob(&status.package).map_err(|_| JobRefusal::Storage),
        Err(refusal) => Err(refusal),
    };
    let (file, bytes) = match opened {
        Ok(opened) => opened,
        Err(refusal) => return farm.tell(&mut send, &ManifestReply::Refused(refusal)).await,
    };
    farm.tell(&mut send, &ManifestReply::Follows { bytes }).await?;
    copy(farm, file, bytes, &mut send).await
}

/// Sends a blob of a job's package.
async fn package_blob(
    farm: &Farm,
    mut send: SendStream,
    (job, key): (JobId, NodeKey),
    digest: Digest,
    offset: u64,
) -> Result<(), ConnectionEnd> {
    match owned(farm, job, key).await? {
        Err(refusal) => farm.tell(&mut send, &BlobReply::Refused(refusal)).await,
        Ok(status) if farm.listings.has(status.package, digest).await => {
            let look = farm.soundness.asked(Who::Artist(key), digest, offset);
            blobs::give(farm, send, digest, offset, look).await
        }
        Ok(_) => farm.tell(&mut send, &BlobReply::Absent).await,
    }
}

async fn fetch(
    farm: &Farm,
    mut send: SendStream,
    job: JobId,
    frame: FrameNumber,
    key: NodeKey,
) -> Result<(), ConnectionEnd> {
    let finished = match owned(farm, job, key).await? {
        Ok(status) => finished(farm, job, frame).await?.map_err(|refusal| why(refusal, &status.state)),
        Err(refusal) => Err(refusal),
    };
    match finished {
        Err(refusal) => farm.tell(&mut send, &FetchReply::Refused(refusal)).await,
        Ok(Finished::Memory(bytes)) => {
            let written = farm.patient(bytes.len() as u64, "a film", send.write_all(&bytes)).await?;
            written.map_err(|error| ConnectionEnd::Write(error.into()))
        }
        Ok(Finished::File(path, bytes)) => match std::fs::File::open(&path) {
            Ok(file) => copy(farm, file, bytes, &mut send).await,
            Err(error) => {
                tracing::error!(%job, %frame, path = %path.display(), %error, "a finished frame cannot be read");
                farm.tell(&mut send, &FetchReply::Refused(JobRefusal::Storage)).await
            }
        },
    }
}

async fn receipt(
    farm: Arc<Farm>,
    mut send: SendStream,
    job: JobId,
    frame: FrameNumber,
    key: NodeKey,
) -> Result<(), ConnectionEnd> {
    let made = match owned(&farm, job, key).await? {
        Ok(status) => match finished(&farm, job, frame).await? {
            Ok(film) => receipts::make(&farm, job, frame, film).await?,
            Err(refusal) => Err(why(refusal, &status.state)),
        },
        Err(refusal) => Err(refusal),
    };
    match made {
        Err(refusal) => farm.tell(&mut send, &ReceiptReply::Refused(refusal)).await,
        Ok(text) => {
            farm.tell(&mut send, &ReceiptReply::Follows { bytes: text.len() as u64 }).await?;
            let written =
                farm.patient(text.len() as u64, "a receipt", send.write_all(text.as_bytes())).await?;
            written.map_err(|error| ConnectionEnd::Write(error.into()))
        }
    }
}

/// Nobody need wait for a frame of a job that has ended.
fn why(refusal: JobRefusal, state: &JobState) -> JobRefusal {
    match (refusal, state) {
        (JobRefusal::Unfinished, JobState::Cancelled) => JobRefusal::Cancelled,
        (JobRefusal::Unfinished, JobState::Failed(_)) => JobRefusal::Failed,
        (refusal, _) => refusal,
    }
}

async fn finished(
    farm: &Farm,
    job: JobId,
    frame: FrameNumber,
) -> Result<Result<Finished, JobRefusal>, ConnectionEnd> {
    let (reply, answer) = oneshot::channel();
    let command = Command::Fetch { job, frame, reply };
    farm.films.send(command).await.map_err(|_| crate::driver::Stopped)?;
    Ok(answer.await.map_err(|_| crate::driver::Stopped)?)
}

async fn copy(
    farm: &Farm,
    file: std::fs::File,
    bytes: u64,
    send: &mut SendStream,
) -> Result<(), ConnectionEnd> {
    if let Err(error) = blobs::copy(farm, file, 0, bytes, send).await? {
        tracing::debug!(%error, "an answer was not sent to its end");
        // A finished stream would look like a whole answer.
        let _ = send.reset(quinn::VarInt::from_u32(CloseCode::Done as u32));
    }
    Ok(())
}
