//! `tessera watch` on a terminal: the farm full-screen. Here are the loop and the terminal's state; what is shown is the model's
//! to say and the view's to draw.

mod farm;
mod kitty;
mod layout;
mod model;
mod screen;
mod view;

use std::time::Duration;

use anyhow::Context;
use ratatui::crossterm::event::{self, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tessera_scheduler::client::Client;
use tessera_shared::ids::JobId;
use tokio::sync::mpsc;

use crate::args::FarmArguments;
use crate::failure::{Exit, Failure, OrExit, Outcome};
use farm::{Farm, Work};
use model::{Effect, Event, Key, Model, Screen};
use screen::FullScreen;

/// How often the farm is asked at most.
const TICK: Duration = Duration::from_millis(300);
/// How long the farm's goodbye is waited for.
const GOODBYE: Duration = Duration::from_secs(1);
/// Events that wait for the loop.
const QUEUE: usize = 64;

/// Shows the farm, or one job of it, until a key ends it.
pub fn run(arguments: &FarmArguments, job: Option<JobId>) -> Result<Outcome, Failure> {
    let link = crate::farm::link(arguments).or_exit(Exit::Usage)?;
    let identity = crate::farm::identity()?;
    crate::farm::runtime()?.block_on(async {
        // What is wrong from the beginning is a line on standard error, and no screen.
        let client = Client::connect(&link, &identity).await.or_exit(Exit::Farm)?;
        if let Some(job) = job {
            client.watch(job).await.or_exit(Exit::Farm)?.next().await.or_exit(Exit::Farm)?;
        }
        let (work, inbox) = mpsc::channel(QUEUE);
        let (events, queue) = mpsc::channel(QUEUE);
        let farm = Farm { link, identity, client: Some(client) };
        let mut serving = tokio::spawn(farm::serve(farm, inbox, events.clone()));
        let mut screen = FullScreen::enter().context("the terminal").or_exit(Exit::Output)?;
        listen(events).context("a thread for keys").or_exit(Exit::Device)?;
        let model = Model::new(job.map_or(Screen::Queue, Screen::Job), screen::size());
        let ended = tokio::select! {
            ended = drive(&mut screen, model, work, queue) => ended.context("the terminal").or_exit(Exit::Output),
            panicked = &mut serving => {
                let reason = panicked.err().map_or_else(String::new, |panic| panic.to_string());
                Err(anyhow::anyhow!("what asks the farm has ended: {reason}")).or_exit(Exit::Device)
            }
            () = asked_to_end() => Ok(()),
        };
        drop(screen);
        // Its queue is closed: it says goodbye to the farm.
        if !serving.is_finished() {
            let _ = tokio::time::timeout(GOODBYE, serving).await;
        }
        ended.map(|()| Outcome::Done)
    })
}

async fn drive(
    screen: &mut FullScreen,
    mut model: Model,
    work: mpsc::Sender<Work>,
    mut queue: mpsc::Receiver<Event>,
) -> std::io::Result<()> {
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        screen.draw(&model)?;
        let event = tokio::select! {
            Some(event) = queue.recv() => event,
            _ = tick.tick() => Event::Tick,
        };
        let mut next = Some(event);
        while let Some(event) = next {
            for effect in model.update(event) {
                let work_of = match effect {
                    Effect::Quit => return Ok(()),
                    Effect::Look(asks) => Work::Look(asks),
                    Effect::Order(order) => Work::Order(order),
                };
                // What finds no place in the queue is asked for again at the next tick, or by the next key.
                if work.try_send(work_of).is_err() {
                    model.update(Event::Seen(Vec::new()));
                }
            }
            next = queue.try_recv().ok();
        }
    }
}

/// Reads keys on a thread of its own, as reading blocks; it goes with the process.
fn listen(events: mpsc::Sender<Event>) -> std::io::Result<()> {
    let thread = std::thread::Builder::new().name("keys".to_owned());
    thread.spawn(move || {
        while let Ok(read) = event::read() {
            let event = match read {
                event::Event::Key(pressed) => key(pressed).map(Event::Key),
                event::Event::Resize(..) => Some(Event::Resized(screen::size())),
                _ => None,
            };
            if event.is_some_and(|event| events.blocking_send(event).is_err()) {
                return;
            }
        }
        // The terminal is gone.
        let _ = events.blocking_send(Event::Key(Key::Interrupt));
    })?;
    Ok(())
}

fn key(pressed: KeyEvent) -> Option<Key> {
    if pressed.kind == KeyEventKind::Release {
        return None;
    }
    if pressed.modifiers.contains(KeyModifiers::CONTROL) {
        return (pressed.code == KeyCode::Char('c')).then_some(Key::Interrupt);
    }
    Some(match pressed.code {
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Escape,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Tab => Key::Tab,
        KeyCode::Char(symbol) => Key::Char(symbol),
        _ => return None,
    })
}

/// Waits for the signals that end a process politely.
#[cfg(unix)]
async fn asked_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = [SignalKind::terminate(), SignalKind::hangup(), SignalKind::interrupt()].map(signal);
    let [Ok(mut terminate), Ok(mut hangup), Ok(mut interrupt)] = signals else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
        _ = interrupt.recv() => {}
    }
}

#[cfg(not(unix))]
async fn asked_to_end() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
