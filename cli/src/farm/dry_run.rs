//! `tessera submit --dry-run`: gathers what the plan of a job says, and prints it. Submits nothing.

use std::sync::Arc;

use tessera_scheduler::client::Client;
use tessera_shared::messages::{WorkerState, WorkerStatus};

use super::plan::{Checking, FarmFacts, Plan, Work, sampling};
use crate::args::SubmitArguments;
use crate::console;
use crate::devices::cores;
use crate::estimate::estimate;
use crate::failure::{Exit, Failure, OrExit, Outcome, sentence};
use crate::shot::compile_shot;

pub fn run(arguments: SubmitArguments) -> Result<Outcome, Failure> {
    let farm = ask(&arguments)?;
    let (shot, compiled) = compile_shot(&arguments.shot, arguments.keys)?;
    let verify = super::submit::policy(shot.verify).or_exit(Exit::Usage)?;
    let estimate = estimate(&Arc::new(compiled.package), cores()).or_exit(Exit::Device)?;
    let plan = Plan {
        checking: Checking::new(shot.verify.to_string(), sampling(verify), arguments.trusted, farm.as_ref()),
        work: Work {
            name: shot.name,
            grid: shot.grid,
            frames: shot.frames.len() as u64,
            samples: shot.spp,
            passes: shot.spp.div_ceil(shot.pass_spp.max(1)),
        },
        estimate,
        farm,
    };
    match arguments.json {
        true => console::print(format_args!("{}", plan.json())),
        false => console::print(format_args!("{}", plan.table())),
    };
    Ok(Outcome::Done)
}

/// Asks the farm if one is named. One that cannot be reached is no reason not to answer.
fn ask(arguments: &SubmitArguments) -> Result<Option<FarmFacts>, Failure> {
    match super::link(&arguments.farm) {
        Err(error) if arguments.farm.to.is_some() => return Err(error).or_exit(Exit::Usage),
        Err(_) => return Ok(None),
        Ok(_) => {}
    }
    match super::with_client(&arguments.farm, facts) {
        Ok(facts) => Ok(Some(facts)),
        Err(failure) => {
            console::note(format_args!("the farm is not asked: {}", sentence(&failure.error)));
            Ok(None)
        }
    }
}

async fn facts(client: &Client) -> Result<FarmFacts, Failure> {
    let trusted_permille = client.trusted_permille().await.or_exit(Exit::Farm)?;
    let workers = client.workers().await.or_exit(Exit::Farm)?;
    let lent = |worker: &&WorkerStatus| matches!(worker.state, WorkerState::Idle | WorkerState::Busy);
    let lent: Vec<&WorkerStatus> = workers.iter().filter(lent).collect();
    let rays_per_second = lent.iter().map(|worker| worker.rays_per_second as f64).sum();
    Ok(FarmFacts { trusted: f64::from(trusted_permille) / 1000.0, workers: lent.len(), rays_per_second })
}
