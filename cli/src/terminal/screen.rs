//! The terminal's state: entered once, and left as it was found however the program ends.

use std::io::{Stdout, Write, stdout};
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    self, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};

use super::kitty;
use super::layout::{Graphics, Size};
use super::model::Model;
use super::view;

/// A cell's pixels where the terminal does not tell.
const CELL_PX: [u16; 2] = [8, 16];

/// A picture was painted that the cells know nothing of.
static PAINTED: AtomicBool = AtomicBool::new(false);

/// The terminal while it shows the farm. Dropped, it is as it was.
pub struct FullScreen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    painter: kitty::Painter,
}

impl FullScreen {
    pub fn enter() -> std::io::Result<FullScreen> {
        enable_raw_mode()?;
        let entered = enter_on(&mut stdout()).and_then(|()| Terminal::new(CrosstermBackend::new(stdout())));
        let terminal = entered.inspect_err(|_| restore())?;
        // The reason is written where it can be read: after the screen was left.
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            before(panic);
        }));
        Ok(FullScreen { terminal, painter: kitty::Painter::default() })
    }

    pub fn draw(&mut self, model: &Model) -> std::io::Result<()> {
        self.terminal.draw(|frame| view::draw(model, frame))?;
        let painted = self.painter.paint(model);
        if !painted.is_empty() {
            PAINTED.store(true, Ordering::Relaxed);
            let mut output = stdout().lock();
            output.write_all(&painted)?;
            output.flush()?;
        }
        Ok(())
    }
}

impl Drop for FullScreen {
    fn drop(&mut self) {
        restore();
    }
}

/// Harmless where it was done before. A terminal that is gone needs no restoring.
fn restore() {
    let _ = disable_raw_mode();
    let _ = leave_on(&mut stdout(), PAINTED.swap(false, Ordering::Relaxed));
}

fn enter_on(output: &mut impl Write) -> std::io::Result<()> {
    execute!(output, EnterAlternateScreen, Hide)
}

fn leave_on(output: &mut impl Write, painted: bool) -> std::io::Result<()> {
    if painted {
        output.write_all(kitty::DELETE_ALL)?;
    }
    execute!(output, LeaveAlternateScreen, Show)
}

/// How large the terminal is now, and what it can show.
pub fn size() -> Size {
    let window = terminal::window_size().ok();
    let known =
        window.as_ref().map(|window| (window.columns, window.rows)).filter(|(columns, _)| *columns > 0);
    let (columns, rows) = known.or_else(|| terminal::size().ok()).unwrap_or((80, 24));
    let px = window.map_or([0, 0], |window| [window.width, window.height]);
    let cell = |px: u16, cells: u16, unknown: u16| match px / cells.max(1) {
        0 => unknown,
        cell => cell,
    };
    let cell_px = [cell(px[0], columns, CELL_PX[0]), cell(px[1], rows, CELL_PX[1])];
    Size { columns, rows, cell_px, graphics: graphics(|name| std::env::var(name).ok()) }
}

/// What the terminal says that it can show, by its environment.
fn graphics(variable: impl Fn(&str) -> Option<String>) -> Graphics {
    let is = |name: &str, values: &[&str]| {
        variable(name).is_some_and(|value| values.iter().any(|known| value.eq_ignore_ascii_case(known)))
    };
    let within = ["TMUX", "STY"].iter().any(|name| variable(name).is_some_and(|value| !value.is_empty()));
    let kitty = variable("KITTY_WINDOW_ID").is_some_and(|id| !id.is_empty())
        || is("TERM", &["xterm-kitty", "xterm-ghostty"])
        || is("TERM_PROGRAM", &["ghostty", "WezTerm"]);
    match (kitty && !within, is("COLORTERM", &["truecolor", "24bit"])) {
        (true, _) => Graphics::Kitty,
        (false, true) => Graphics::TrueColour,
        (false, false) => Graphics::Palette,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs itself on a terminal of its own, where it panics.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_panic_is_told_on_the_screen_that_was_there_before() {
        use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
        use std::process::{Command, Stdio};
        const NAME: &str = "terminal::screen::tests::a_panic_is_told_on_the_screen_that_was_there_before";
        const ASKED: &str = "TESSERA_TEST_PANICS";
        if std::env::var_os(ASKED).is_some() {
            let _screen = FullScreen::enter().unwrap();
            panic!("the cells ran out");
        }
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        let terminal = openpt(flags).unwrap();
        grantpt(&terminal).and_then(|()| unlockpt(&terminal)).unwrap();
        let side = ioctl_tiocgptpeer(&terminal, flags).unwrap();
        let before = rustix::termios::tcgetattr(&side).unwrap().local_modes;
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(std::env::current_exe().unwrap()).args(["--exact", NAME, "--nocapture"]);
        let stdio = || Stdio::from(side.try_clone().unwrap());
        command.env(ASKED, "1").stdin(stdio()).stdout(stdio()).stderr(stdio());
        let mut child = command.spawn().unwrap();
        drop(command);
        let reader = std::thread::spawn(move || {
            let (mut said, mut chunk) = (Vec::new(), [0; 4096]);
            // It ends with an error once nobody has the other side open.
            while let Ok(read @ 1..) = rustix::io::read(&terminal, &mut chunk) {
                said.extend_from_slice(&chunk[..read]);
            }
            String::from_utf8_lossy(&said).into_owned()
        });
        let status = child.wait().unwrap();
        let after = rustix::termios::tcgetattr(&side).unwrap().local_modes;
        drop(side);
        let said = reader.join().unwrap();
        assert!(!status.success(), "{said:?}");
        let place = |text: &str| said.find(text).unwrap_or_else(|| panic!("{text:?} is not in {said:?}"));
        assert!(place("\x1b[?1049h") < place("\x1b[?1049l"), "{said:?}");
        assert!(place("\x1b[?1049l") < place("the cells ran out"), "{said:?}");
        assert_eq!(after, before, "the terminal is left raw");
    }

    #[test]
    fn the_screen_is_left_as_it_was_entered() {
        let mut output = Vec::new();
        enter_on(&mut output).unwrap();
        assert_eq!(output, b"\x1b[?1049h\x1b[?25l");
        output.clear();
        leave_on(&mut output, false).unwrap();
        assert_eq!(output, b"\x1b[?1049l\x1b[?25h");
        output.clear();
        leave_on(&mut output, true).unwrap();
        assert!(output.starts_with(kitty::DELETE_ALL) && output.ends_with(b"\x1b[?25h"));
    }

    #[test]
    fn the_environment_tells_what_the_terminal_can_show() {
        for (environment, expected) in [
            ("TERM=xterm-256color", Graphics::Palette),
            ("TERM=xterm-256color COLORTERM=truecolor", Graphics::TrueColour),
            ("TERM=xterm-kitty COLORTERM=truecolor", Graphics::Kitty),
            ("KITTY_WINDOW_ID=3", Graphics::Kitty),
            ("TERM_PROGRAM=WezTerm", Graphics::Kitty),
            // A multiplexer draws the cells, and knows nothing of the pixels.
            ("KITTY_WINDOW_ID=3 TMUX=/tmp/tmux COLORTERM=24bit", Graphics::TrueColour),
        ] {
            let variable = |name: &str| {
                let pairs = environment.split(' ').filter_map(|pair| pair.split_once('='));
                pairs.filter(|(of, _)| *of == name).map(|(_, value)| value.to_owned()).next()
            };
            assert_eq!(graphics(variable), expected, "{environment}");
        }
    }
}
