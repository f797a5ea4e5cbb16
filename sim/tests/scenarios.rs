//! The farm's promises, a scenario each.

use tessera_shared::messages::Verify;
use tessera_sim::{Cheat, Farm, Shot};

#[test]
fn three_workers_make_one_image() {
    let outcome = Farm::seed(1).workers(3).job(Shot::default()).run();
    assert_eq!((outcome.jobs_complete, outcome.wrong_survived), (1, 0));
    assert!(outcome.caught.is_empty());
}
