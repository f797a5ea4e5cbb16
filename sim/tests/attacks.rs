//! Every attack under every policy, over a few seeds: `--example attacks` plays as many as one likes.

use tessera_shared::messages::Verify;
use tessera_sim::Tally;
use tessera_sim::attacks::{Attack, attacks};

const SEEDS: u64 = 2;

fn played(attack: &Attack, verify: Verify) -> Tally {
    let mut tally = Tally::default();
    (0..SEEDS).for_each(|seed| tally += attack.play(seed, verify));
    tally
}

/// What must hold of every attack whatever the policy.
fn holds(attack: &Attack, verify: Verify) -> Tally {
    let tally = played(attack, verify);
    let at = format!("{attack:?} under {verify:?}: {tally:?}");
    assert_eq!(tally.complete, SEEDS, "a job did not complete; {at}");
    assert_eq!(tally.honest_convicted, 0, "{at}");
    // Tile-passes that one checker looks at together are accepted together: a few times the independent deviation.
    assert!(tally.accepted as f64 <= tally.bound + 8.0 * tally.variance.sqrt(), "{at}");
    assert!(tally.survived <= tally.accepted, "{at}");
    tally
}

#[test]
fn forged_blocks_are_accepted_within_the_bound() {
    for attack in attacks() {
        for verify in [Verify::Confidence { wrong_ppm: 1000 }, Verify::Blocks(1), Verify::Blocks(4)] {
            holds(&attack, verify);
        }
    }
}

#[test]
fn double_accepts_no_forged_block_without_collusion_and_convicts_the_guilty() {
    for attack in attacks() {
        let tally = holds(&attack, Verify::Double);
        assert!(attack.collusion || tally.accepted == 0, "{attack:?}: {tally:?}");
        let guilty = attack.name != "replayed and reordered messages";
        // Whoever waits for the end of its probation may wait for longer than the job.
        let waits = attack.name.ends_with("honest on probation") && tally.forged == 0;
        assert!((tally.convicted > 0) == guilty || waits, "{attack:?}: {tally:?}");
    }
}
