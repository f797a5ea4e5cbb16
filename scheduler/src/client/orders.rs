//! Ordering jobs, workers and operators about, and asking why a job waits.

use tessera_shared::control::{
    FailureEntry, JobOrder, LogReply, OperatorOrder, OrderRefusal, OrderReply, Reason, WhyReply, WorkerOrder,
};
use tessera_shared::ids::{JobId, NodeKey, WorkerId};
use tessera_shared::messages::Request;
use tessera_transport::frames::read_message;

use super::{Client, ClientError};

impl Client {
    /// Orders a job of one's own, or any with a wrangler link.
    pub async fn order(&self, job: JobId, order: JobOrder) -> Result<(), ClientError> {
        match self.ordered(&Request::Order { job, order }).await? {
            None => Ok(()),
            Some(refusal) => Err(ClientError::Order { of: job.to_string(), refusal }),
        }
    }

    /// Orders a worker; needs a wrangler link.
    pub async fn order_worker(&self, worker: WorkerId, order: WorkerOrder) -> Result<(), ClientError> {
        match self.ordered(&Request::OrderWorker { worker, order }).await? {
            None => Ok(()),
            Some(refusal) => Err(ClientError::Order { of: worker.to_string(), refusal }),
        }
    }

    /// Bans an operator or lets it in again; needs a wrangler link.
    pub async fn order_operator(&self, operator: NodeKey, order: OperatorOrder) -> Result<(), ClientError> {
        match self.ordered(&Request::OrderOperator { operator, order }).await? {
            None => Ok(()),
            Some(refusal) => Err(ClientError::Order { of: format!("operator {operator}"), refusal }),
        }
    }

    async fn ordered(&self, request: &Request) -> Result<Option<OrderRefusal>, ClientError> {
        let (_send, mut recv) = self.request(request).await?;
        match read_message(&mut recv).await? {
            OrderReply::Done => Ok(None),
            OrderReply::Refused(refusal) => Ok(Some(refusal)),
        }
    }

    /// What holds a job of one's own back, or any with a wrangler link.
    pub async fn why(&self, job: JobId) -> Result<Vec<Reason>, ClientError> {
        let (_send, mut recv) = self.request(&Request::Why { job }).await?;
        match read_message(&mut recv).await? {
            WhyReply::Reasons(reasons) => Ok(reasons),
            WhyReply::Refused(refusal) => Err(ClientError::Job { job, refusal }),
        }
    }

    /// What failed of a job of one's own, oldest first, or of any with a wrangler link.
    pub async fn log(&self, job: JobId) -> Result<Vec<FailureEntry>, ClientError> {
        let entry = |reply| match reply {
            LogReply::Entry(entry) => Ok(entry),
            LogReply::Refused(refusal) => Err(ClientError::Job { job, refusal }),
        };
        self.list::<LogReply>(Request::Log { job }).await?.into_iter().map(entry).collect()
    }
}
