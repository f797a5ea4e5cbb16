//! The page as people use it: a real Chromium before a real farm, driven by mouse and keys. Without Chromium each test says
//! that it is skipped.

mod accessible;
mod chromium;
mod crowd;
mod farm;
mod first_pixels;
mod keyboard;
mod login;
mod page;
mod pictures;
#[allow(dead_code, reason = "the other tests of processes use the rest")]
#[path = "../process/sandbox.rs"]
mod sandbox;
mod watching;
