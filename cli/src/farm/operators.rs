//! `tessera ban` and `readmit`, and how an operator is named.

use std::str::FromStr;

use anyhow::anyhow;
use tessera_scheduler::client::Client;
use tessera_shared::control::OperatorOrder;
use tessera_shared::ids::{NodeKey, WorkerId};

use crate::args::{BanArguments, FarmArguments, ReadmitArguments};
use crate::console;
use crate::failure::{Exit, Failure, OrExit, Outcome};

/// An operator as people name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// Its key.
    Key(NodeKey),
    /// The first half of that, as lists show it: 16 digits.
    Shown(String),
    /// One of its workers.
    Worker(WorkerId),
}

impl FromStr for Whom {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Whom, anyhow::Error> {
        let digits = |count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match (text.parse(), digits(16), digits(64)) {
            (Ok(worker), _, _) => Ok(Whom::Worker(worker)),
            (Err(_), true, _) => Ok(Whom::Shown(text.to_ascii_lowercase())),
            (Err(_), _, true) => Ok(Whom::Key(text.parse()?)),
            _ => Err(anyhow!(
                "`{text}` is neither an operator's key nor a worker's id; `tessera workers` lists both"
            )),
        }
    }
}

impl Whom {
    /// The key that is meant, by the farm's list of workers.
    async fn key(&self, client: &Client) -> Result<NodeKey, Failure> {
        if let Whom::Key(key) = self {
            return Ok(*key);
        }
        let named = |worker: &tessera_shared::messages::WorkerStatus| match self {
            Whom::Worker(id) => worker.worker == *id,
            Whom::Shown(shown) => worker.operator.to_string() == *shown,
            Whom::Key(_) => false,
        };
        let workers = client.workers().await.or_exit(Exit::Farm)?;
        let found = workers.iter().find(|worker| named(worker)).map(|worker| worker.operator);
        let unknown = || anyhow!("the farm lists no such worker; give the operator's whole key of 64 digits");
        found.ok_or_else(unknown).or_exit(Exit::Farm)
    }
}

pub fn ban(arguments: &BanArguments) -> Result<Outcome, Failure> {
    let order = OperatorOrder::Ban { reason: arguments.reason.clone() };
    let operator = carry_out(&arguments.farm, &arguments.operator, order)?;
    console::note(format_args!("operator {operator} is banned; what rests on its work is rendered anew"));
    Ok(Outcome::Done)
}

pub fn readmit(arguments: &ReadmitArguments) -> Result<Outcome, Failure> {
    let operator = carry_out(&arguments.farm, &arguments.operator, OperatorOrder::Readmit)?;
    console::note(format_args!("operator {operator} may join again, on probation"));
    Ok(Outcome::Done)
}

fn carry_out(farm: &FarmArguments, whom: &Whom, order: OperatorOrder) -> Result<NodeKey, Failure> {
    super::with_client(farm, async |client| {
        let operator = whom.key(client).await?;
        client.order_operator(operator, order).await.or_exit(Exit::Farm)?;
        Ok(operator)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_is_named_by_its_key_or_by_a_worker() {
        assert_eq!("w7".parse::<Whom>().unwrap(), Whom::Worker(WorkerId(7)));
        assert_eq!("0A".repeat(8).parse::<Whom>().unwrap(), Whom::Shown("0a".repeat(8)));
        assert_eq!("0a".repeat(32).parse::<Whom>().unwrap(), Whom::Key(NodeKey([10; 32])));
        for text in ["", "w", "0a", "somebody", &"0a".repeat(31), &"zz".repeat(32)] {
            assert!(text.parse::<Whom>().unwrap_err().to_string().contains("`tessera workers`"), "{text}");
        }
    }
}
