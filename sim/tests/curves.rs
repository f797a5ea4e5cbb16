//! The core catches forgers as often as the odds say: `--example curves` counts over a hundred thousand jobs.

use tessera_shared::messages::Verify;
use tessera_sim::curves::Forger;

const JOBS: u64 = 2_000;

#[test]
fn detection_is_that_of_the_odds() {
    for (verify, tiles, share) in [
        (Verify::Blocks(1), 10, 0.05),
        (Verify::Blocks(4), 10, 0.01),
        (Verify::Blocks(1), 40, 0.01),
        (Verify::Double, 1, 0.01),
        (Verify::Confidence { wrong_ppm: 20_000 }, 40, 0.05),
    ] {
        let forger = Forger { verify, tiles, share };
        let caught = (0..JOBS).filter(|seed| forger.is_caught(*seed)).count() as f64 / JOBS as f64;
        let expected = forger.expected();
        let deviation = (expected * (1.0 - expected) / JOBS as f64).sqrt();
        assert!(
            (caught - expected).abs() < 4.0 * deviation,
            "{forger:?}: {caught}, {expected} ± {deviation}"
        );
    }
}

#[test]
fn an_honest_node_is_never_caught() {
    for verify in [Verify::Blocks(1), Verify::Double] {
        let forger = Forger { verify, tiles: 10, share: 0.0 };
        assert!((0..200).all(|seed| !forger.is_caught(seed)));
    }
}
