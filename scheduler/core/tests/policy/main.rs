//! What the farm does for whom and when: orders, dependencies, shares, failures, and why a job waits.

mod bans;
mod dependencies;
mod failures;
mod farm;
mod hands;
mod haste;
mod orders;
mod shares;
mod trials;
mod why;
