//! What each key does on each screen. Nothing is ordered before it was confirmed.

use tessera_shared::control::BAN_REASON_BYTES_MAX;
use tessera_shared::job_options::{PRIORITY_MAX, PRIORITY_MIN};
use tessera_shared::messages::{JobState, WorkerState};

use super::{Dialog, Effect, Key, Model, Notice, Order, Screen};
use crate::terminal::layout;

/// Most characters of a priority.
const DIGITS_MAX: usize = 5;

impl Model {
    pub(super) fn key(&mut self, key: Key) -> Vec<Effect> {
        if key == Key::Interrupt {
            return vec![Effect::Quit];
        }
        if let Some(dialog) = self.dialog.take() {
            return self.answer(dialog, key);
        }
        self.notice = None;
        match key {
            Key::Char('q') => vec![Effect::Quit],
            Key::Char('?') => self.ask(Dialog::Help),
            Key::Char('1') => self.go(Screen::Queue),
            Key::Char('2') => self.go(Screen::Workers),
            Key::Char('3') => self.go(Screen::Events),
            Key::Tab => self.go(match self.screen {
                Screen::Queue | Screen::Job(_) | Screen::Frame(..) | Screen::Why(_) => Screen::Workers,
                Screen::Workers => Screen::Events,
                Screen::Events => Screen::Queue,
            }),
            Key::Escape | Key::Backspace => match self.screen {
                Screen::Frame(job, _) | Screen::Why(job) => self.go(Screen::Job(job)),
                Screen::Queue => Vec::new(),
                Screen::Job(_) | Screen::Workers | Screen::Events => self.go(Screen::Queue),
            },
            Key::Char('+') => self.expose(1),
            Key::Char('-') => self.expose(-1),
            Key::Char('0') => {
                self.exposure_centistops = 0;
                self.expose(0)
            }
            Key::Char(letter) => self.letter(letter),
            key => self.step(key),
        }
    }

    /// Letters begin what is then confirmed.
    fn letter(&mut self, letter: char) -> Vec<Effect> {
        match (letter, self.screen) {
            ('k', _) => self.step(Key::Up),
            ('j', _) => self.step(Key::Down),
            ('h', _) => self.step(Key::Left),
            ('l', _) => self.step(Key::Right),
            ('[', Screen::Frame(..)) => self.neighbour(-1),
            (']', Screen::Frame(..)) => self.neighbour(1),
            ('d', Screen::Workers) => {
                let Some(worker) = self.selected_worker() else { return Vec::new() };
                let order = match worker.state {
                    WorkerState::Drained => Order::Undrain(worker.worker),
                    _ => Order::Drain(worker.worker),
                };
                self.ask(Dialog::Confirm(order))
            }
            ('b', Screen::Workers) => {
                let Some(worker) = self.selected_worker() else { return Vec::new() };
                let dialog = match worker.state {
                    WorkerState::Banned(_) | WorkerState::Quarantined(_) => {
                        Dialog::Confirm(Order::Readmit(worker.operator))
                    }
                    _ => Dialog::Ban(worker.worker, worker.operator, String::new()),
                };
                self.ask(dialog)
            }
            (_, Screen::Workers | Screen::Events) => Vec::new(),
            (letter, _) => self.job_letter(letter),
        }
    }

    fn job_letter(&mut self, letter: char) -> Vec<Effect> {
        let Some(status) = self.selected_job() else { return Vec::new() };
        let job = status.job;
        let dialog = match letter {
            'w' => return self.go(Screen::Why(job)),
            'p' if status.state == JobState::Paused => Dialog::Confirm(Order::Resume(job)),
            'p' => Dialog::Confirm(Order::Pause(job)),
            'c' => Dialog::Confirm(Order::Cancel(job)),
            'n' => Dialog::Priority(job, String::new()),
            'r' => {
                let Some(frame) = self.open_frame() else { return Vec::new() };
                Dialog::Confirm(Order::Requeue(job, frame))
            }
            _ => return Vec::new(),
        };
        self.ask(dialog)
    }

    fn ask(&mut self, dialog: Dialog) -> Vec<Effect> {
        self.dialog = Some(dialog);
        Vec::new()
    }

    fn answer(&mut self, dialog: Dialog, key: Key) -> Vec<Effect> {
        match (dialog, key) {
            (Dialog::Help, _) | (_, Key::Escape) => Vec::new(),
            (Dialog::Confirm(order), Key::Char('y' | 'Y')) => vec![Effect::Order(order)],
            (Dialog::Confirm(_), Key::Char('n' | 'N')) => Vec::new(),
            (Dialog::Priority(job, digits), Key::Enter) => match digits.parse() {
                Ok(priority @ PRIORITY_MIN..=PRIORITY_MAX) => {
                    vec![Effect::Order(Order::Prioritise(job, priority))]
                }
                _ => {
                    let said = format!("a priority is a number from {PRIORITY_MIN} to {PRIORITY_MAX}");
                    self.notice = Some(Notice::Refused(said));
                    Vec::new()
                }
            },
            (Dialog::Ban(_, operator, reason), Key::Enter) if !reason.trim().is_empty() => {
                vec![Effect::Order(Order::Ban(operator, reason.trim().to_owned()))]
            }
            (Dialog::Ban(worker, operator, mut reason), key) => {
                match key {
                    Key::Backspace => drop(reason.pop()),
                    Key::Char(letter) if reason.len() + letter.len_utf8() <= BAN_REASON_BYTES_MAX => {
                        reason.push(letter);
                    }
                    _ => {}
                }
                self.ask(Dialog::Ban(worker, operator, reason))
            }
            (Dialog::Priority(job, mut digits), key) => {
                match key {
                    Key::Backspace => drop(digits.pop()),
                    Key::Char(digit)
                        if digits.len() < DIGITS_MAX
                            && (digit.is_ascii_digit() || digit == '-' && digits.is_empty()) =>
                    {
                        digits.push(digit);
                    }
                    _ => {}
                }
                self.ask(Dialog::Priority(job, digits))
            }
            // Anything else might be a slip.
            (dialog, _) => self.ask(dialog),
        }
    }

    /// Moves the cursor, or opens what it is on.
    fn step(&mut self, key: Key) -> Vec<Effect> {
        match self.screen {
            Screen::Queue => {
                let jobs = self.jobs.as_deref().unwrap_or_default();
                if key == Key::Enter {
                    let job = jobs.get(self.at.job).map(|job| job.job);
                    return job.map_or_else(Vec::new, |job| self.go(Screen::Job(job)));
                }
                self.at.job = moved(self.at.job, jobs.len(), key, 1, layout::list_rows(self.size));
            }
            Screen::Workers => {
                let workers = self.workers.as_ref().map_or(0, Vec::len);
                self.at.worker = moved(self.at.worker, workers, key, 1, layout::list_rows(self.size));
            }
            Screen::Events => {
                // Up goes back in time.
                let key = match key {
                    Key::Up => Key::Down,
                    Key::Down => Key::Up,
                    Key::PageUp => Key::PageDown,
                    Key::PageDown => Key::PageUp,
                    Key::Home => Key::End,
                    Key::End => Key::Home,
                    other => other,
                };
                self.at.line = moved(self.at.line, self.lines.len(), key, 1, layout::list_rows(self.size));
            }
            Screen::Why(_) => {
                let failures = self.failures.as_ref().map_or(0, Vec::len);
                self.at.failure = moved(self.at.failure, failures, key, 1, layout::list_rows(self.size));
            }
            Screen::Job(job) => return self.step_frames(job, key),
            Screen::Frame(..) => {
                let Some(mosaic) = &self.mosaic else { return Vec::new() };
                let columns = mosaic.grid.columns as usize;
                self.at.tile = moved(self.at.tile, mosaic.tiles.len(), key, columns, 1);
            }
        }
        Vec::new()
    }

    fn step_frames(&mut self, job: tessera_shared::ids::JobId, key: Key) -> Vec<Effect> {
        let Some(page) = &self.frames else { return Vec::new() };
        let (after, next) = (page.after, page.next);
        if key == Key::Enter {
            let frame = self.selected_frame().map(|frame| frame.frame);
            return frame.map_or_else(Vec::new, |frame| self.go(Screen::Frame(job, frame)));
        }
        let (columns, rows) = layout::frame_grid(self);
        let to = moved(self.at.frame, page.frames.len(), key, columns, rows);
        let (back, on) = (
            matches!(key, Key::Up | Key::Left | Key::PageUp),
            matches!(key, Key::Down | Key::Right | Key::PageDown),
        );
        if to == self.at.frame {
            if on && next.is_some() {
                self.pages.push(after);
                return self.turn(next);
            }
            if back && let Some(before) = self.pages.pop() {
                return self.turn(before);
            }
            return Vec::new();
        }
        self.at.frame = to;
        self.look()
    }

    /// Opens the frame before or behind the open one, among those of the page.
    fn neighbour(&mut self, by: isize) -> Vec<Effect> {
        let Screen::Frame(job, frame) = self.screen else { return Vec::new() };
        let frames = self.frames.as_ref().map_or(&[][..], |page| &page.frames);
        let Some(at) = frames.iter().position(|status| status.frame == frame) else { return Vec::new() };
        let to = at.checked_add_signed(by).filter(|to| *to < frames.len());
        let Some(to) = to else { return Vec::new() };
        let frame = frames[to].frame;
        self.at.frame = to;
        self.go(Screen::Frame(job, frame))
    }
}

/// Where a key leads in a list of so many, laid out in rows of `columns`, of which `page` rows are seen.
fn moved(at: usize, count: usize, key: Key, columns: usize, page: usize) -> usize {
    let last = count.saturating_sub(1);
    let far = columns * page.max(1);
    let to = match key {
        Key::Up => at.checked_sub(columns).unwrap_or(at),
        Key::Down if at + columns <= last => at + columns,
        Key::Left => at.saturating_sub(1),
        Key::Right => at + 1,
        Key::PageUp => at.saturating_sub(far),
        Key::PageDown => at + far,
        Key::Home => 0,
        Key::End => last,
        _ => at,
    };
    to.min(last)
}

impl Order {
    /// What is asked before it is done, without the question mark.
    pub fn question(&self) -> String {
        match self {
            Order::Pause(job) => format!("Pause {job}: nothing more of it is lent"),
            Order::Resume(job) => format!("Let {job} go on"),
            Order::Cancel(job) => format!("Cancel {job}: it ends, finished frames stay"),
            Order::Requeue(job, frame) => format!("Render frame {} of {job} anew", frame.0),
            Order::Prioritise(job, priority) => format!("Give {job} priority {priority}"),
            Order::Drain(worker) => {
                format!("Drain {worker}: it finishes what it holds and gets nothing more")
            }
            Order::Undrain(worker) => format!("Let {worker} work again"),
            Order::Ban(operator, reason) => format!("Ban operator {operator}: {reason}"),
            Order::Readmit(operator) => format!("Let operator {operator} join again, on probation"),
        }
    }

    /// What is said when it is done.
    pub fn done(&self) -> String {
        match self {
            Order::Pause(job) => format!("{job} is paused; what is in hand is finished"),
            Order::Resume(job) => format!("{job} goes on"),
            Order::Cancel(job) => format!("{job} is cancelled"),
            Order::Requeue(job, frame) => format!("frame {} of {job} is rendered anew", frame.0),
            Order::Prioritise(job, priority) => format!("{job} has priority {priority}"),
            Order::Drain(worker) => format!("{worker} finishes what it holds and gets nothing more"),
            Order::Undrain(worker) => format!("{worker} works again"),
            Order::Ban(operator, _) => format!("operator {operator} is banned, its workers are sent away"),
            Order::Readmit(operator) => format!("operator {operator} may join again"),
        }
    }
}
