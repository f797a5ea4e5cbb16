//! Links to the farm's page, handed to artists and the wrangler who ask for them, and ended. What a link is worth is not decided here.

use quinn::SendStream;
use tessera_scheduler_core::api::Asker;
use tessera_shared::web::{WebAccess, WebHolder, WebRefusal, WebReply};

use super::{ConnectionEnd, Farm};
use crate::http::doorway::{Doorway, whose};
use crate::http::revocations::RevokeError;

pub(super) async fn page(
    farm: &Farm,
    mut send: SendStream,
    by: Asker,
    access: WebAccess,
    days: Option<u16>,
) -> Result<(), ConnectionEnd> {
    let reply = match &farm.doorway {
        None => WebReply::Refused(WebRefusal::NotServed),
        Some(doorway) => {
            farm.warn(|unsaid| {
                tracing::info!(?by, ?access, days, unsaid, "a link to the page is handed out")
            });
            WebReply::Page(doorway.page(by, access, days))
        }
    };
    farm.tell(&mut send, &reply).await
}

pub(super) async fn end(
    farm: &Farm,
    mut send: SendStream,
    by: Asker,
    holder: WebHolder,
) -> Result<(), ConnectionEnd> {
    let reply = match &farm.doorway {
        None => WebReply::Refused(WebRefusal::NotServed),
        Some(doorway) => match ended(doorway, by, holder).await {
            Ok(()) => {
                farm.warn(|unsaid| tracing::info!(?by, ?holder, unsaid, "links to the page are ended"));
                WebReply::Ended
            }
            Err(refusal) => WebReply::Refused(refusal),
        },
    };
    farm.tell(&mut send, &reply).await
}

async fn ended(doorway: &Doorway, by: Asker, holder: WebHolder) -> Result<(), WebRefusal> {
    let whose = whose(by, holder).ok_or(WebRefusal::NotYours)?;
    let revoked = doorway.tokens.revoked.clone();
    match tokio::task::spawn_blocking(move || revoked.revoke(whose)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(RevokeError::Full)) => Err(WebRefusal::Full),
        Ok(Err(RevokeError::Io(error))) => {
            tracing::error!(%error, "that links to the page are ended cannot be written");
            Err(WebRefusal::NotKept)
        }
        Err(error) => {
            tracing::error!(%error, "the task that ends links failed");
            Err(WebRefusal::NotKept)
        }
    }
}
