//! `tessera watch` full-screen, on a pseudo-terminal: what it shows, what its keys do, and what it leaves behind.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use crate::farm::Farm;

/// After so long without the awaited output a process is taken for stuck.
const PATIENCE: Duration = Duration::from_secs(240);
const SHOT: &str = "scenes/mosaic.toml --width 64 --height 48 --spp 2 --frames 1-3";
const LEFT: &str = "\x1b[?1049l\x1b[?25h";

/// A process on a terminal of its own, as if in a window.
struct Window {
    terminal: File,
    /// The process's side of it.
    side: File,
    child: Child,
    output: Receiver<Vec<u8>>,
    seen: Vec<u8>,
}

impl Window {
    fn open(farm: &Farm, arguments: &str) -> Window {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).and_then(|()| unlockpt(&terminal)).unwrap();
        let side = ioctl_tiocgptpeer(&terminal, OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        let size = Winsize { ws_row: 30, ws_col: 100, ws_xpixel: 1000, ws_ypixel: 600 };
        tcsetwinsize(&terminal, size).unwrap();
        let (terminal, side) = (File::from(terminal), File::from(side));
        let inner = farm.sandbox.command(arguments);
        // A session of its own, so that the terminal is its controlling one.
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(inner.get_program()).args(inner.get_args());
        command.current_dir(inner.get_current_dir().unwrap());
        for (variable, value) in inner.get_envs() {
            match value {
                Some(value) => command.env(variable, value),
                None => command.env_remove(variable),
            };
        }
        for variable in ["TMUX", "STY", "KITTY_WINDOW_ID", "TERM_PROGRAM"] {
            command.env_remove(variable);
        }
        command.env("TERM", "xterm-256color").env("COLORTERM", "truecolor");
        let stdio = || Stdio::from(side.try_clone().unwrap());
        let child = command.stdin(stdio()).stdout(stdio()).stderr(stdio()).spawn().unwrap();
        let (sender, output) = channel();
        let mut reader = terminal.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(read @ 1..) = reader.read(&mut chunk) {
                if sender.send(chunk[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        Window { terminal, side, child, output, seen: Vec::new() }
    }

    /// Waits until the process has written this text, or these bytes.
    fn shows(&mut self, text: &str) {
        let until = Instant::now() + PATIENCE;
        let raw = |seen: &[u8]| seen.windows(text.len()).any(|window| window == text.as_bytes());
        while !raw(&self.seen) && !plain(&self.seen).contains(text) {
            let left = until.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(chunk) => self.seen.extend(chunk),
                Err(_) => panic!("{text:?} was not shown; there was\n{}", self.said()),
            }
        }
    }

    fn types(&mut self, keys: &str) {
        self.terminal.write_all(keys.as_bytes()).unwrap();
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&self.seen).escape_debug().to_string()
    }

    /// Lines are edited and keys echoed, as a shell wants it.
    fn is_a_shells(&self) -> bool {
        let modes = tcgetattr(&self.side).unwrap().local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    }

    /// Waits for the end; the terminal has to be as it was. Returns the exit code.
    fn ends(mut self) -> Option<i32> {
        self.shows(LEFT);
        let code = self.child.wait().unwrap().code();
        assert!(self.is_a_shells(), "the terminal is left raw");
        code
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What was written without colours; where the cursor was moved there is a blank, as cells that stay blank are left out.
fn plain(seen: &[u8]) -> String {
    let seen = String::from_utf8_lossy(seen);
    let mut pieces = seen.split("\x1b[");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece.find(|symbol: char| symbol.is_ascii_alphabetic()).unwrap_or(piece.len());
        let text = &piece[end..];
        plain.push_str(if text.starts_with('H') { " " } else { "" });
        plain.push_str(text.get(1..).unwrap_or_default());
    }
    plain
}

fn has_state(farm: &Farm, state: &str) -> bool {
    (0..200).any(|_| farm.list("jobs")[0]["state"] == state)
}

#[test]
fn the_farm_is_watched_ordered_and_left() {
    let farm = Farm::new();
    farm.submit(SHOT);
    let mut window = Window::open(&farm, "watch");
    assert!(window.is_a_shells());
    window.shows("\x1b[?1049h");
    window.shows("mosaic");
    assert!(!window.is_a_shells(), "keys would be echoed");
    // Nothing happens without the confirmation.
    window.types("p");
    window.shows("nothing more of it is lent");
    window.types("n");
    window.types("p");
    window.types("y");
    window.shows("j1 is paused; what is in hand is finished");
    assert!(has_state(&farm, "paused"), "{}", window.said());
    // Of `queued` the last letters stay as they are.
    window.shows("‖ paus");
    window.types("p");
    window.shows("Let j1 go on?");
    window.types("y");
    assert!(has_state(&farm, "queued"), "{}", window.said());
    // A worker joins, renders what is there, and is seen.
    window.types("2");
    window.shows("the farm has no workers");
    let _worker = farm.worker("rig", "--backend cpu --threads 1");
    window.shows("rig");
    farm.sandbox.succeed("watch j1 --wait");
    window.types("3");
    window.shows("j1 is complete");
    // The job's first frame, as tiles and as a picture.
    window.types("1");
    window.types("\r");
    window.shows("3 of 3 frames");
    window.types("\r");
    window.shows("1 of 1 tiles");
    window.shows("▀");
    window.types("w");
    window.shows("j1 is complete");
    window.shows("nothing of it failed");
    window.types("q");
    assert_eq!(window.ends(), Some(0));
}

#[test]
fn a_wrangler_bans_an_operator_from_the_terminal() {
    let farm = Farm::new();
    let worker = farm.worker("rig", "--backend cpu --threads 1");
    let link = &farm.wrangler_link;
    let mut window = Window::open(&farm, &format!("watch --to {link}"));
    window.types("2");
    window.shows("rig");
    window.types("b");
    window.shows("They are told why");
    window.types("too hot");
    window.types("\r");
    window.shows("is banned, its workers are sent away");
    let (code, lines) = worker.end();
    assert!(lines.iter().chain([&window.said()]).any(|line| line.contains("too hot")), "{lines:?}");
    assert_ne!(code, Some(0));
    window.shows("banned: by order");
    window.types("b");
    window.shows("join again, on probation");
    window.types("y");
    window.shows("may join again");
    assert_eq!(farm.list("workers")[0]["state"], "left");
    window.types("q");
    assert_eq!(window.ends(), Some(0));
}

#[test]
fn a_window_that_is_asked_to_end_leaves_the_terminal_as_it_was() {
    let farm = Farm::new();
    let job = farm.submit(SHOT);
    let mut window = Window::open(&farm, &format!("watch {job}"));
    window.shows("0 of 3 frames");
    let asked = Command::new("kill").arg(window.child.id().to_string()).status();
    assert!(asked.is_ok_and(|status| status.success()), "`kill` did not work");
    assert_eq!(window.ends(), Some(0));
    // Control-C is a key there.
    let mut window = Window::open(&farm, "watch");
    window.shows("mosaic");
    window.types("\x03");
    assert_eq!(window.ends(), Some(0));
}

#[test]
fn what_is_wrong_from_the_beginning_is_a_line_and_no_screen() {
    let farm = Farm::new();
    let mut window = Window::open(&farm, "watch j99");
    window.shows("j99: the farm knows no such job");
    assert_eq!(window.child.wait().unwrap().code(), Some(4));
    assert!(!window.said().contains("1049h"), "{}", window.said());
    // Into a pipe it is a list, as ever.
    let job = farm.submit(SHOT);
    let listed = farm.sandbox.succeed("watch");
    assert!(listed.starts_with(&format!("{job} queued")), "{listed}");
}
