//! Seeds of random farms that once failed, each with what it found. They mean the same farm for as long as the generator of
//! random farms stays as it is; what was found has a test of its own subject where it is an error in the farm.

use tessera_sim::Farm;

/// The seed and what it found.
const FOUND: [(u64, &str); 9] = [
    (
        1,
        "a tile-pass that came back from a dispute forgot the lease that still rendered it, and was lent a third time",
    ),
    (18, "the same in a frame's second pass"),
    (63, "the same, first of all seeds, after a late delivery and a dispute"),
    (
        572,
        "pixels that a crash had torn stood in the store before the same pixels written whole, and hid them",
    ),
    (821, "the same, of an archived job"),
    (
        957,
        "after a restart the shell held pixels of two deliveries in dispute, of which the core takes neither",
    ),
    (
        212_427,
        "a job that completed beyond what completed jobs may keep was archived before its films were saved: a crash between left \
         nothing to make them of",
    ),
    (245_057, "the same"),
    (
        273_093,
        "a fast cheat with a new key after each conviction vouched for the only honest worker, and each conviction undid all that \
         the job had: it never ended",
    ),
];

/// The same of farms with people.
const FOUND_WITH_PEOPLE: [(u64, &str); 1] = [(
    2_157,
    "a job that completed while it was paused was paused again when a conviction took it up, and nobody thought of resuming it",
)];

#[test]
fn found_seeds_stay_mended() {
    stay_mended(&FOUND, Farm::faulty);
    stay_mended(&FOUND_WITH_PEOPLE, Farm::random);
}

fn stay_mended(found: &[(u64, &str)], farm: fn(u64) -> Farm) {
    for (seed, found) in found {
        let run = std::panic::catch_unwind(|| farm(*seed).run());
        assert!(
            run.is_ok(),
            "seed {seed} fails again; it found that {found}; cargo xtask sim --seeds 1 --first {seed}"
        );
    }
}
