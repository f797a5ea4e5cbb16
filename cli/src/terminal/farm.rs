//! Asks the farm for what the model wants to see, and carries its orders there. A farm that is lost is looked for again.

use std::time::{Duration, Instant};

use tessera_scheduler::client::{Client, ClientError};
use tessera_scheduler::{Identity, Link};
use tessera_shared::control::{FrameRange, JobOrder, OperatorOrder, WorkerOrder};
use tokio::sync::mpsc;

use super::model::{Ask, Event, FramesSeen, Order, Seen};

/// After a look the farm has so many times as long for others.
const REST: u32 = 3;
/// However long a look took.
const REST_MAX: Duration = Duration::from_secs(2);

/// The farm and the connection to it, while there is one.
pub struct Farm {
    pub link: Link,
    pub identity: Identity,
    pub client: Option<Client>,
}

/// What is to be done at the farm.
#[derive(Debug)]
pub enum Work {
    Look(Vec<Ask>),
    Order(Order),
}

/// Works until its queue is closed, then says goodbye.
pub async fn serve(mut farm: Farm, mut queue: mpsc::Receiver<Work>, events: mpsc::Sender<Event>) {
    while let Some(mut work) = queue.recv().await {
        // Of several looks the last is of what is on the screen now.
        while let Work::Look(_) = work
            && let Ok(next) = queue.try_recv()
        {
            work = next;
        }
        let start = Instant::now();
        let done = match work {
            Work::Look(asks) => farm.look(asks).await.map(Event::Seen),
            Work::Order(order) => farm.order(order).await.map(Event::Ordered),
        };
        let event = done.unwrap_or_else(|lost| {
            farm.client = None;
            Event::Lost(lost.to_string())
        });
        if events.send(event).await.is_err() {
            break;
        }
        tokio::time::sleep((start.elapsed() * REST).min(REST_MAX)).await;
    }
    if let Some(client) = farm.client {
        client.close().await;
    }
}

/// The connection is gone, for whatever reason.
fn is_lost(error: &ClientError) -> bool {
    matches!(error, ClientError::Lost(_) | ClientError::Dial(_))
}

impl Farm {
    async fn client(&mut self) -> Result<&Client, ClientError> {
        if self.client.is_none() {
            self.client = Some(Client::connect(&self.link, &self.identity).await?);
        }
        self.client.as_ref().ok_or_else(|| ClientError::Lost("it was not made".to_owned()))
    }

    async fn look(&mut self, asks: Vec<Ask>) -> Result<Vec<Seen>, ClientError> {
        let client = self.client().await?;
        let mut seen = Vec::new();
        for ask in asks {
            seen.push(match answer(client, ask).await {
                Ok(Some(answer)) => answer,
                Ok(None) => continue,
                Err(error) if is_lost(&error) => return Err(error),
                Err(error) => Seen::Refused(ask, error.to_string()),
            });
        }
        Ok(seen)
    }

    async fn order(&mut self, order: Order) -> Result<Result<String, String>, ClientError> {
        let client = self.client().await?;
        let said = order.done();
        let done = match order {
            Order::Ban(operator, reason) => {
                client.order_operator(operator, OperatorOrder::Ban { reason }).await
            }
            Order::Readmit(operator) => client.order_operator(operator, OperatorOrder::Readmit).await,
            Order::Cancel(job) => client.cancel(job).await,
            Order::Drain(worker) => client.order_worker(worker, WorkerOrder::Drain).await,
            Order::Undrain(worker) => client.order_worker(worker, WorkerOrder::Undrain).await,
            Order::Pause(job) => client.order(job, JobOrder::Pause).await,
            Order::Resume(job) => client.order(job, JobOrder::Resume).await,
            Order::Prioritise(job, priority) => client.order(job, JobOrder::Prioritise(priority)).await,
            Order::Requeue(job, frame) => {
                let range = FrameRange { first: frame, last: frame };
                client.order(job, JobOrder::Requeue(vec![range])).await
            }
        };
        match done {
            Ok(()) => Ok(Ok(said)),
            Err(error) if is_lost(&error) => Err(error),
            Err(error) => Ok(Err(error.to_string())),
        }
    }
}

async fn answer(client: &Client, ask: Ask) -> Result<Option<Seen>, ClientError> {
    Ok(Some(match ask {
        Ask::Jobs => Seen::Jobs(client.jobs().await?),
        Ask::Workers => Seen::Workers(client.workers().await?),
        Ask::Lines { after } => Seen::Lines(client.events(after).await?),
        Ask::Frames(job, after) => {
            Seen::Frames(job, FramesSeen::new(after, client.frames(job, after).await?))
        }
        Ask::Reasons(job) => Seen::Reasons(job, client.why(job).await?),
        Ask::Failures(job) => Seen::Failures(job, client.log(job).await?),
        Ask::Tiles(job, frame) => Seen::Tiles(job, frame, client.tiles(job, frame).await?),
        Ask::Picture(job, frame, wish) => Seen::Picture(job, frame, client.picture(job, frame, wish).await?),
        Ask::Job(job) => {
            let status = client.watch(job).await?.next().await?;
            return Ok(status.map(|status| Seen::Job(Box::new(status))));
        }
    }))
}
