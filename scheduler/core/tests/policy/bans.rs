//! Operators that the wrangler bans and lets in again.

use tessera_scheduler_core::Event;
use tessera_scheduler_core::accounting::Standing;
use tessera_scheduler_core::api::{Asker, Effect, Evidence, Record};
use tessera_shared::control::{BAN_REASON_BYTES_MAX, OperatorOrder, OrderRefusal};
use tessera_shared::ids::NodeKey;
use tessera_shared::messages::{JobState, WorkerState};

use crate::farm::{ALICE, Farm};

fn ban() -> OperatorOrder {
    OperatorOrder::Ban { reason: "it is sold".into() }
}

fn standing(farm: &Farm, operator: u8) -> Standing {
    let operators = &farm.core.state().operators;
    operators.operator(operators.find(&NodeKey([operator; 32])).unwrap()).standing.clone()
}

#[test]
fn a_banned_operator_loses_what_it_holds_and_nothing_rests_on_its_work() {
    let mut farm = Farm::new();
    let job = farm.submit(ALICE, 2);
    let [first, second] = ["a", "b"].map(|name| farm.connect(1, name));
    let honest = farm.connect(2, "honest");
    assert_eq!(farm.work(), [job; 3]);
    assert_eq!(farm.core.job(0, job).unwrap().tiles_done, 3);
    assert!(farm.lent.values().any(|(worker, _)| *worker != honest), "it holds the last tile");

    assert_eq!(farm.order_operator(1, Asker::Wrangler, ban()), Ok(()));
    assert_eq!(farm.core.job(0, job).unwrap().tiles_done, 1, "its two tiles are rendered anew");
    assert!(farm.lent.values().all(|(worker, _)| *worker == honest));
    let told = farm.effects.iter().find_map(|effect| match effect {
        Effect::Banned { operator, workers, reason } => Some((*operator, workers.clone(), reason.clone())),
        _ => None,
    });
    assert_eq!(told, Some((NodeKey([1; 32]), vec![first, second], "it is sold".into())));
    assert_eq!(farm.worker(first), WorkerState::Banned("by order of the farm's wrangler: it is sold".into()));
    for _ in 0..4 {
        farm.work();
    }
    assert_eq!(farm.state(job), JobState::Completed);
    farm.restart();
    assert_eq!(
        farm.try_connect(1, "a", &[]).unwrap_err(),
        "its operator is banned by order of the farm's wrangler: it is sold; ask the farm's owner"
    );
    assert!(farm.try_connect(2, "honest", &[]).is_ok());
}

#[test]
fn a_ban_is_no_wrong_result_and_who_is_let_in_again_is_on_probation() {
    let mut farm = Farm::with(|config| config.probation_tiles = 3);
    farm.connect(1, "a");
    farm.submit(ALICE, 4);
    farm.work();
    let conduct = |farm: &Farm| {
        let operators = &farm.core.state().operators;
        *operators.conduct(operators.find(&NodeKey([1; 32])).unwrap())
    };
    let before = conduct(&farm);
    for _ in 0..2 {
        assert_eq!(farm.order_operator(1, Asker::Wrangler, ban()), Ok(()));
    }
    let bans =
        |farm: &Farm| farm.records.iter().filter(|record| matches!(record, Record::Banned { .. })).count();
    assert_eq!(bans(&farm), 1, "the second changes nothing");
    let after = conduct(&farm);
    assert_eq!((after.wrong, after.clean, after.delivered), (0, 0, before.delivered));
    assert_eq!(standing(&farm, 1), Standing::Banned(Evidence::Ordered { reason: "it is sold".into() }));
    farm.restart();
    for _ in 0..2 {
        assert_eq!(farm.order_operator(1, Asker::Wrangler, OperatorOrder::Readmit), Ok(()));
    }
    assert_eq!((standing(&farm, 1), conduct(&farm).readmitted), (Standing::Good, 1));
    let back = farm.connect(1, "a");
    let listed = farm.core.workers(0, None, 99).into_iter().find(|worker| worker.worker == back).unwrap();
    assert_eq!(listed.standing.probation_left, 3);
    assert!(farm.held_by(back).is_some(), "it gets work again");
    farm.restart();
}

#[test]
fn only_the_wrangler_bans_known_operators_for_a_reason_of_one_line() {
    let mut farm = Farm::new();
    let worker = farm.connect(1, "a");
    let refusal = |farm: &mut Farm, operator, by, reason: &str| {
        farm.order_operator(operator, by, OperatorOrder::Ban { reason: reason.into() }).unwrap_err()
    };
    assert_eq!(refusal(&mut farm, 1, Asker::Artist(ALICE), "x"), OrderRefusal::NoWrangler);
    assert_eq!(refusal(&mut farm, 9, Asker::Wrangler, "x"), OrderRefusal::UnknownOperator);
    let long = "x".repeat(BAN_REASON_BYTES_MAX + 1);
    for reason in ["", "  ", "a\nb", "\u{1b}[31m", &long] {
        let expected = OrderRefusal::Reason(reason.len() as u64);
        assert_eq!(refusal(&mut farm, 1, Asker::Wrangler, reason), expected, "{reason:?}");
    }
    let readmit = |farm: &mut Farm, operator, by| farm.order_operator(operator, by, OperatorOrder::Readmit);
    assert_eq!(readmit(&mut farm, 1, Asker::Artist(ALICE)), Err(OrderRefusal::NoWrangler));
    assert_eq!(readmit(&mut farm, 9, Asker::Wrangler), Err(OrderRefusal::UnknownOperator));
    let records = farm.records.len();
    assert_eq!(readmit(&mut farm, 1, Asker::Wrangler), Ok(()));
    assert_eq!(farm.records.len(), records, "it was not out");
    assert_eq!(farm.worker(worker), WorkerState::Idle);
    farm.handle(Event::WorkerDisconnected { worker });
    assert_eq!(farm.order_operator(1, Asker::Wrangler, ban()), Ok(()), "nobody of it is connected");
    assert!(farm.try_connect(1, "a", &[]).is_err());
}
