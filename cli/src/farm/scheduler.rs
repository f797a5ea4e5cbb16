//! `tessera scheduler`: serves until it is asked to end.

use tessera_scheduler::{Role, SchedulerOptions, serve};
use tessera_shared::limits::Pools;

use crate::args::SchedulerArguments;
use crate::console;
use crate::devices::cores;
use crate::failure::{Exit, Failure, OrExit, Outcome};
use crate::referee::CpuReferee;

pub fn run(arguments: SchedulerArguments) -> Result<Outcome, Failure> {
    let mut pools = Pools::new();
    for (name, keys) in arguments.pool {
        pools.entry(name).or_default().extend(keys);
    }
    let options = SchedulerOptions {
        trust: arguments.trust.options(&pools)?,
        pools,
        data: arguments.data,
        http: arguments.http,
        advertise: arguments.advertise,
        webhooks: arguments.webhooks.options()?,
        ..SchedulerOptions::default()
    };
    let mut options = arguments.limits.over(options);
    if let Some(listen) = arguments.listen {
        options.listen = listen;
    }
    let referee = Box::new(CpuReferee::new(arguments.threads.map_or_else(cores, usize::from)));
    super::runtime()?.block_on(async {
        let mut scheduler = serve(options, referee).await.or_exit(Exit::Farm)?;
        console::print(format_args!("artist {}", scheduler.link(Role::Artist)));
        console::print(format_args!("worker {}", scheduler.link(Role::Worker)));
        console::print(format_args!("wrangler {}", scheduler.link(Role::Wrangler)));
        if let Some(page) = scheduler.page() {
            console::print(format_args!("page {page}"));
        }
        tokio::select! {
            () = tessera_worker::shutdown_signal() => {
                scheduler.stop().await;
                Ok(Outcome::Done)
            }
            error = scheduler.failed() => Err(error).or_exit(Exit::Output),
        }
    })
}
