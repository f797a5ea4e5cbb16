//! The options of `tessera scheduler` that say who is told over HTTP what happens to jobs. A URL may hold a secret, so none is
//! repeated in what is said of it.

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::Args;
use tessera_scheduler::webhooks::{WebhookEvent, WebhookOptions, WebhookSecret, WebhookUrl};

use crate::failure::{Exit, Failure, OrExit};

/// Longest file of a secret that is read.
const SECRET_FILE_BYTES_MAX: u64 = 4096;

/// Who is told.
#[derive(Debug, Args)]
#[command(next_help_heading = "Webhooks (docs/api.md)")]
pub struct WebhookArguments {
    /// An http:// or https:// URL that gets a signed POST of what happens to jobs; may be given more than once
    #[arg(long, value_name = "URL", env = "TESSERA_WEBHOOKS", hide_env_values = true, value_delimiter = ' ')]
    webhook: Vec<String>,
    /// File of the secret that signs them, as `openssl rand -base64 32` makes one
    #[arg(long, value_name = "FILE")]
    webhook_secret_file: Option<PathBuf>,
    /// What they are told of, such as job.completed,job.failed [default: all but frame.finished]
    #[arg(long, value_name = "EVENT,EVENT", value_delimiter = ',')]
    webhook_events: Vec<WebhookEvent>,
}

impl WebhookArguments {
    /// None where nobody is told.
    pub fn options(self) -> Result<Option<WebhookOptions>, Failure> {
        let mut urls = Vec::with_capacity(self.webhook.len());
        for text in self.webhook.iter().filter(|text| !text.is_empty()) {
            let url = text.parse::<WebhookUrl>();
            urls.push(
                url.with_context(|| format!("--webhook, URL {}", urls.len() + 1)).or_exit(Exit::Usage)?,
            );
        }
        if urls.is_empty() {
            return Ok(None);
        }
        let missing =
            "--webhook needs --webhook-secret-file FILE; `openssl rand -base64 32 > FILE` makes one";
        let file = self.webhook_secret_file.context(missing).or_exit(Exit::Usage)?;
        let events = match self.webhook_events.is_empty() {
            true => WebhookEvent::usual(),
            false => self.webhook_events.into_iter().collect(),
        };
        let secret = secret(&file)
            .with_context(|| format!("--webhook-secret-file {}", file.display()))
            .or_exit(Exit::Output)?;
        Ok(Some(WebhookOptions { urls, events, secret }))
    }
}

fn secret(file: &std::path::Path) -> anyhow::Result<WebhookSecret> {
    let length = std::fs::metadata(file)?.len();
    if length > SECRET_FILE_BYTES_MAX {
        return Err(anyhow!("{length} bytes; at most {SECRET_FILE_BYTES_MAX} are read"));
    }
    Ok(std::fs::read_to_string(file)?.parse()?)
}
