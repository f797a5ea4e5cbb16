//! Orders of jobs, workers and operators, and the questions what holds a job back and what failed of it. Decides nothing: the core does.

use quinn::SendStream;
use tessera_scheduler_core::api::{Answer, Asker, Event};
use tessera_shared::control::{JobOrder, OperatorOrder, OrderReply, WorkerOrder};
use tessera_shared::ids::{JobId, NodeKey, WorkerId};

use super::{ConnectionEnd, Farm};

pub(super) async fn job(
    farm: &Farm,
    mut send: SendStream,
    job: JobId,
    by: Asker,
    order: JobOrder,
) -> Result<(), ConnectionEnd> {
    farm.warn(|unsaid| tracing::info!(%job, ?by, ?order, unsaid, "an order"));
    let answer = farm.driver.ask(move |request| Event::Order { request, job, by, order }).await?;
    farm.tell(&mut send, &reply(answer)?).await
}

pub(super) async fn worker(
    farm: &Farm,
    mut send: SendStream,
    worker: WorkerId,
    by: Asker,
    order: WorkerOrder,
) -> Result<(), ConnectionEnd> {
    farm.warn(|unsaid| tracing::info!(%worker, ?by, ?order, unsaid, "an order"));
    let answer = farm.driver.ask(move |request| Event::OrderWorker { request, worker, by, order }).await?;
    farm.tell(&mut send, &reply(answer)?).await
}

pub(super) async fn operator(
    farm: &Farm,
    mut send: SendStream,
    operator: NodeKey,
    by: Asker,
    order: OperatorOrder,
) -> Result<(), ConnectionEnd> {
    farm.warn(|unsaid| tracing::info!(%operator, ?by, ?order, unsaid, "an order"));
    let answer =
        farm.driver.ask(move |request| Event::OrderOperator { request, operator, by, order }).await?;
    farm.tell(&mut send, &reply(answer)?).await
}

fn reply(answer: Answer) -> Result<OrderReply, ConnectionEnd> {
    match answer {
        Answer::Done => Ok(OrderReply::Done),
        Answer::OrderRefused(refusal) => Ok(OrderReply::Refused(refusal)),
        other => Err(ConnectionEnd::Malformed(format!("the core answers an order with {other:?}"))),
    }
}

pub(super) async fn why(
    farm: &Farm,
    mut send: SendStream,
    job: JobId,
    by: Asker,
) -> Result<(), ConnectionEnd> {
    let reply = farm.driver.question(move |core, now_ms| core.why(now_ms, job, by)).await?;
    farm.tell(&mut send, &reply).await
}

pub(super) async fn log(
    farm: &Farm,
    mut send: SendStream,
    job: JobId,
    by: Asker,
) -> Result<(), ConnectionEnd> {
    for reply in farm.driver.question(move |core, now_ms| core.failure_log(now_ms, job, by)).await? {
        farm.tell(&mut send, &reply).await?;
    }
    Ok(())
}
