//! `tessera` as people run it: one process a command, told apart by its lines, its files and its exit code.

mod bad_input;
mod closed_pipe;
mod dry_run;
mod ending;
mod farm;
mod faults;
mod forger;
mod golden;
mod killed;
mod monitoring;
mod orders;
mod overturned;
mod page;
mod render;
mod sandbox;
mod secrets;
mod swarm;
mod terminal;
mod verify;
mod watching;
mod web;
mod webhooks;
