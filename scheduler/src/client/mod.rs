//! What an artist's commands ask of a farm: submit, watch, list, cancel, fetch. One connection; each request has a stream of
//! its own. Knows no scene and no file.

mod fetch;
mod orders;
mod package;
mod receipt;
mod submit;
mod watching;
mod web;

pub use fetch::Frame;
pub use submit::UploadProgress;
pub use watching::{FramePage, Mosaic, Picture};

use quinn::{RecvStream, SendStream, VarInt};
use tessera_shared::KERNEL_VERSION;
use tessera_shared::codec::Message;
use tessera_shared::control::OrderRefusal;
use tessera_shared::ids::JobId;
use tessera_shared::messages::{
    CancelReply, CheckingReply, CloseCode, Hello, JobRefusal, JobStatus, Request, UploadRefusal, WatchReply,
    WorkerStatus,
};
use tessera_shared::watching::TILE_PASSES_MAX;
use tessera_shared::web::WebRefusal;
use tessera_transport::dial::{DialError, Session, dial};
use tessera_transport::frames::{ReadError, WriteError, read_message, write_message};
use tessera_transport::identity::Identity;
use tessera_transport::link::{Link, ParseLinkError, Role};

/// An artist's connection to a farm.
#[derive(Debug)]
pub struct Client {
    session: Session,
    /// The farm's, as the link names it.
    host: String,
}

/// Why a request failed. Every message says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error(transparent)]
    Link(#[from] ParseLinkError),
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error("{job}: {refusal}")]
    Job { job: JobId, refusal: JobRefusal },
    #[error("{of}: {refusal}")]
    Order { of: String, refusal: OrderRefusal },
    #[error("{0}")]
    Upload(#[from] UploadRefusal),
    #[error("the frame has {tile_passes} tile-passes; of at most {TILE_PASSES_MAX} the tiles are told")]
    TooManyTiles { tile_passes: u64 },
    #[error(transparent)]
    Web(#[from] WebRefusal),
    #[error("the farm refuses the job: {0}")]
    Submit(String),
    #[error("the farm's disk has lost or damaged the blob {0}; submit the shot again, which brings it back")]
    Absent(tessera_shared::digest::Digest),
    #[error("a blob cannot be kept: {0}")]
    Store(#[from] tessera_transport::blobs::BlobError),
    #[error("the package lacks the blob {0}; compile the shot again")]
    Incomplete(tessera_shared::digest::Digest),
    #[error("the farm keeps asking for the same blobs; ask its owner to look at the scheduler's log")]
    Stuck,
    #[error("the farm's answer makes no sense ({0}); install the farm's version of tessera")]
    Answer(String),
    #[error(
        "the connection to the farm broke off ({0}); check that the scheduler still runs, then try again"
    )]
    Lost(String),
}

impl From<ReadError> for ClientError {
    fn from(error: ReadError) -> ClientError {
        match error {
            ReadError::Decode(error) => ClientError::Answer(error.to_string()),
            other => ClientError::Lost(other.to_string()),
        }
    }
}

impl From<WriteError> for ClientError {
    fn from(error: WriteError) -> ClientError {
        ClientError::Lost(error.to_string())
    }
}

impl From<quinn::ConnectionError> for ClientError {
    fn from(error: quinn::ConnectionError) -> ClientError {
        ClientError::Lost(error.to_string())
    }
}

impl From<quinn::WriteError> for ClientError {
    fn from(error: quinn::WriteError) -> ClientError {
        ClientError::Lost(error.to_string())
    }
}

impl Client {
    /// Connects with an artist or a wrangler link.
    pub async fn connect(link: &Link, identity: &Identity) -> Result<Client, ClientError> {
        let link = link.clone().require(Role::Artist)?;
        let token = link.token;
        let hello = match link.role {
            Role::Wrangler => Hello::Wrangler { token, kernel_version: KERNEL_VERSION },
            Role::Artist | Role::Worker => Hello::Artist { token, kernel_version: KERNEL_VERSION },
        };
        Ok(Client { session: dial(&link, identity, &hello).await?, host: link.host })
    }

    /// Every job the farm knows, newest first.
    pub async fn jobs(&self) -> Result<Vec<JobStatus>, ClientError> {
        self.list(Request::Jobs).await
    }

    /// Every worker that is connected or left lately.
    pub async fn workers(&self) -> Result<Vec<WorkerStatus>, ClientError> {
        self.list(Request::Workers).await
    }

    /// How many of a thousand checks are done by those whom the farm's owner trusts.
    pub async fn trusted_permille(&self) -> Result<u32, ClientError> {
        let (_send, mut recv) = self.request(&Request::Checking).await?;
        let CheckingReply::Trusted { permille } = read_message(&mut recv).await?;
        Ok(permille)
    }

    /// Cancels a job of one's own, or any with a wrangler link.
    pub async fn cancel(&self, job: JobId) -> Result<(), ClientError> {
        let (_send, mut recv) = self.request(&Request::Cancel { job }).await?;
        match read_message(&mut recv).await? {
            CancelReply::Cancelled => Ok(()),
            CancelReply::Refused(refusal) => Err(ClientError::Job { job, refusal }),
        }
    }

    /// Follows a job: its status now and after every change worth showing.
    pub async fn watch(&self, job: JobId) -> Result<Watch, ClientError> {
        let (send, recv) = self.request(&Request::Watch { job }).await?;
        Ok(Watch { job, _send: send, recv })
    }

    /// Ends the connection and waits until the farm has heard so.
    pub async fn close(self) {
        self.session.connection.close(VarInt::from_u32(CloseCode::Done as u32), b"");
        self.session.endpoint.wait_idle().await;
    }

    async fn request(&self, request: &Request) -> Result<(SendStream, RecvStream), ClientError> {
        let (mut send, recv) = self.session.connection.open_bi().await?;
        write_message(&mut send, request).await?;
        Ok((send, recv))
    }

    async fn list<M: Message>(&self, request: Request) -> Result<Vec<M>, ClientError> {
        let (_send, mut recv) = self.request(&request).await?;
        let mut entries = Vec::new();
        loop {
            match read_message::<M>(&mut recv).await {
                Ok(entry) => entries.push(entry),
                Err(ReadError::Ended) => return Ok(entries),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// A job being followed.
#[derive(Debug)]
pub struct Watch {
    job: JobId,
    // The farm takes the end of our side as the end of our interest.
    _send: SendStream,
    recv: RecvStream,
}

impl Watch {
    /// The next status; `None` after the one with which the job ended.
    pub async fn next(&mut self) -> Result<Option<JobStatus>, ClientError> {
        match read_message(&mut self.recv).await {
            Ok(WatchReply::Status(status)) => Ok(Some(status)),
            Ok(WatchReply::Refused(refusal)) => Err(ClientError::Job { job: self.job, refusal }),
            Err(ReadError::Ended) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
