//! A worker's connection: its control stream both ways, its result streams, and the blobs that it asks for.

use std::sync::Arc;

use quinn::{RecvStream, SendStream, VarInt};
use tessera_scheduler_core::api::{Answer, Event, ExaminedHello, RequestId, WorkerHello};
use tessera_shared::control::{Failure, FailureClass};
use tessera_shared::ids::{LeaseId, NodeKey, WorkerId};
use tessera_shared::messages::{
    BlobReply, CloseCode, FromWorker, Refusal, Request, TEXT_BYTES_MAX, ToWorker, Welcome,
};
use tessera_transport::frames::read_message;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{ConnectionEnd, Farm, Pace, blobs, refuse, results};
use crate::driver::WorkerLine;
use crate::soundness::Who;

/// Messages that wait for a worker to read them. The core's pipeline keeps far fewer under way.
const OUTBOX: usize = 1024;

/// What a worker said of itself.
pub(crate) enum Joining {
    Plain(WorkerHello),
    /// One that sleeps for so many milliseconds.
    Asleep(WorkerHello, u64),
    /// With what its devices made of the conformance suite.
    Examined(ExaminedHello),
}

impl Joining {
    fn who(&self) -> (NodeKey, String) {
        match self {
            Joining::Plain(hello) | Joining::Asleep(hello, _) => (hello.operator, hello.name.clone()),
            Joining::Examined(hello) => (hello.operator, hello.name.clone()),
        }
    }

    fn event(self, request: RequestId) -> Event {
        match self {
            Joining::Plain(hello) => Event::WorkerConnected { request, hello: Box::new(hello) },
            Joining::Asleep(hello, for_ms) => {
                Event::WorkerConnectedAsleep { request, hello: Box::new(hello), for_ms }
            }
            Joining::Examined(hello) => Event::WorkerExamined { request, hello: Box::new(hello) },
        }
    }

    /// Tells the log which devices are not exact, and by what.
    fn tell(&self, farm: &Farm, operator: NodeKey) {
        let Joining::Examined(hello) = self else { return };
        for report in hello.reports.iter().filter(|report| !report.failures.is_empty()) {
            farm.warn(|unsaid| tracing::warn!(%operator, name = hello.name, unsaid, "{report}"));
        }
    }
}

/// Serves a worker until its connection ends.
pub(crate) async fn serve(
    farm: &Arc<Farm>,
    connection: &quinn::Connection,
    mut send: SendStream,
    recv: RecvStream,
    hello: Joining,
) -> Result<(), ConnectionEnd> {
    let (outbox, inbox) = mpsc::channel(OUTBOX);
    let (operator, name) = hello.who();
    hello.tell(farm, operator);
    let line = WorkerLine { operator, outbox, connection: connection.clone() };
    let answer = farm.driver.connect(line, move |request| hello.event(request)).await?;
    let worker = match answer {
        Answer::Welcome(worker) => worker,
        Answer::Refused(reason) => return Err(refuse(farm, send, Refusal::Worker(reason)).await),
        other => return Err(ConnectionEnd::Malformed(format!("the core answers a hello with {other:?}"))),
    };
    let remote = connection.remote_address();
    farm.warn(|unsaid| tracing::info!(%worker, %operator, name, %remote, unsaid, "worker connected"));
    let ended = match farm.tell(&mut send, &Welcome::Worker { worker }).await {
        Ok(()) => converse(farm, connection, (worker, operator), send, recv, inbox).await,
        Err(end) => Err(end),
    };
    farm.warn(|unsaid| tracing::info!(%worker, unsaid, "worker disconnected"));
    farm.driver.send(Event::WorkerDisconnected { worker }).await?;
    ended
}

async fn converse(
    farm: &Arc<Farm>,
    connection: &quinn::Connection,
    (worker, operator): (WorkerId, NodeKey),
    send: SendStream,
    recv: RecvStream,
    inbox: mpsc::Receiver<ToWorker>,
) -> Result<(), ConnectionEnd> {
    // Whichever ends first ends the connection; the streams' tasks end with the set.
    tokio::select! {
        ended = write(farm, send, inbox) => ended,
        ended = read(farm, worker, recv) => ended,
        ended = take_results(farm, connection, worker, operator) => ended,
        ended = give_blobs(farm, connection, worker) => ended,
    }
}

async fn write(
    farm: &Farm,
    mut send: SendStream,
    mut inbox: mpsc::Receiver<ToWorker>,
) -> Result<(), ConnectionEnd> {
    while let Some(message) = inbox.recv().await {
        farm.tell(&mut send, &message).await?;
    }
    // The driver let go of the worker: it is quarantined and its connection is closed.
    Ok(())
}

async fn read(farm: &Farm, worker: WorkerId, mut recv: RecvStream) -> Result<(), ConnectionEnd> {
    loop {
        let event = match read_message(&mut recv).await? {
            FromWorker::Checked(answer) => Event::Checked { worker, answer },
            FromWorker::Failed { lease, mut reason } => {
                reason.truncate(reason.floor_char_boundary(TEXT_BYTES_MAX));
                failed(farm, worker, lease, Failure::new(FailureClass::Node, reason))
            }
            // Its log is as long as the worker likes.
            FromWorker::CannotDo { lease, failure } => {
                failed(farm, worker, lease, Failure::new(failure.class, failure.log))
            }
            FromWorker::Asleep { for_ms } => Event::WorkerAsleep { worker, for_ms },
            FromWorker::Awake => Event::WorkerAwake { worker },
            FromWorker::Leaving => Event::WorkerLeaving { worker },
        };
        farm.driver.send(event).await?;
    }
}

fn failed(farm: &Farm, worker: WorkerId, lease: LeaseId, failure: Failure) -> Event {
    farm.warn(|unsaid| tracing::warn!(%worker, %lease, class = %failure.class, log = failure.log, unsaid, "a lease failed"));
    Event::LeaseFailed { worker, lease, failure }
}

async fn take_results(
    farm: &Arc<Farm>,
    connection: &quinn::Connection,
    worker: WorkerId,
    operator: NodeKey,
) -> Result<(), ConnectionEnd> {
    let mut streams = JoinSet::new();
    loop {
        tokio::select! {
            stream = connection.accept_uni() => {
                streams.spawn(results::receive(farm.clone(), worker, operator, stream?));
            }
            Some(ended) = streams.join_next() => match ended {
                Ok(ended) => ended?,
                Err(panic) => return Err(ConnectionEnd::Malformed(format!("a result stream's task failed: {panic}"))),
            },
        }
    }
}

async fn give_blobs(
    farm: &Arc<Farm>,
    connection: &quinn::Connection,
    worker: WorkerId,
) -> Result<(), ConnectionEnd> {
    let (mut streams, mut pace) = (JoinSet::new(), Pace::new(farm.limits()));
    loop {
        tokio::select! {
            stream = pace.accept_bi(connection) => {
                let (send, recv) = stream?;
                let farm = farm.clone();
                streams.spawn(async move { answer(&farm, worker, send, recv).await });
            }
            Some(ended) = streams.join_next() => match ended {
                Ok(ended) => ended?,
                Err(panic) => return Err(ConnectionEnd::Malformed(format!("a blob stream's task failed: {panic}"))),
            },
        }
    }
}

async fn answer(
    farm: &Farm,
    worker: WorkerId,
    mut send: SendStream,
    mut recv: RecvStream,
) -> Result<(), ConnectionEnd> {
    match farm.patient(0, "a request", read_message(&mut recv)).await?? {
        Request::Blob { digest, offset } => match farm.listings.opens(&farm.driver, worker, digest).await? {
            true => {
                blobs::give(
                    farm,
                    send,
                    digest,
                    offset,
                    farm.soundness.asked(Who::Worker(worker), digest, offset),
                )
                .await
            }
            false => {
                farm.warn(|unsaid| tracing::warn!(%worker, %digest, unsaid, "a blob is refused: no lease of the worker's operator needs it"));
                farm.tell(&mut send, &BlobReply::Unleased).await
            }
        },
        other => Err(ConnectionEnd::Malformed(format!("a worker may not ask for {other:?}"))),
    }
}

/// Tells a worker that one of its streams is not wanted. What it holds is not lost: the lease comes again elsewhere.
pub(super) fn stop(mut recv: RecvStream) {
    let _ = recv.stop(VarInt::from_u32(CloseCode::Done as u32));
}
