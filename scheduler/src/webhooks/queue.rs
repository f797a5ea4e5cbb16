//! What waits to be sent to one receiver, and whether and when it is tried again. Time and chance are arguments; it sends nothing.

use std::collections::VecDeque;

/// Events that wait for one receiver; of more the oldest go.
const WAITING_MAX: usize = 1024;
/// How often an event is tried.
const ATTEMPTS_MAX: u32 = 16;
/// No event is tried again after so long.
const AGE_MAX_MS: u64 = 3_600_000;
/// The pause after a receiver's first failure; it doubles with each that follows.
const PAUSE_MIN_MS: u64 = 1000;
const PAUSE_MAX_MS: u64 = 300_000;

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// The receiver answered with a status, and how long it wants to be left alone.
    Status { code: u16, retry_after_s: Option<u64> },
    /// There was no answer; why, for people.
    Failed(String),
}

/// An event on its way.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Delivery<T> {
    pub what: T,
    since_ms: u64,
    /// How often it was tried.
    pub attempts: u32,
}

/// What is to be done now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next<T> {
    /// Nothing, until there is more.
    Rest,
    /// Nothing before then.
    Wait {
        until_ms: u64,
    },
    Send(Delivery<T>),
}

/// What becomes of an event after an attempt.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome<T> {
    Delivered,
    /// It waits again, and the receiver is left alone so long.
    Again {
        pause_ms: u64,
        why: String,
    },
    /// It is not tried any more.
    Dropped {
        what: T,
        why: String,
    },
}

/// The events that wait for one receiver. One is on its way at a time.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    waiting: VecDeque<Delivery<T>>,
    /// Of the receiver, in a row.
    failures: u32,
    paused_until_ms: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Queue<T> {
        Queue { waiting: VecDeque::new(), failures: 0, paused_until_ms: 0 }
    }
}

impl<T> Queue<T> {
    /// Takes an event; returns the oldest one where there is no room for both.
    pub fn push(&mut self, now_ms: u64, what: T) -> Option<T> {
        let oldest = if self.waiting.len() < WAITING_MAX { None } else { self.waiting.pop_front() };
        self.waiting.push_back(Delivery { what, since_ms: now_ms, attempts: 0 });
        oldest.map(|delivery| delivery.what)
    }

    /// What is to be done; who is given an event reports what came of it to [`Queue::attempted`].
    pub fn next(&mut self, now_ms: u64) -> Next<T> {
        if self.waiting.is_empty() {
            return Next::Rest;
        }
        if now_ms < self.paused_until_ms {
            return Next::Wait { until_ms: self.paused_until_ms };
        }
        match self.waiting.pop_front() {
            Some(delivery) => Next::Send(delivery),
            None => Next::Rest,
        }
    }

    /// An event was tried. One that has to be tried again goes behind the others, so that one which the receiver cannot take holds
    /// up none; `random` shortens the pause by up to a half.
    pub fn attempted(
        &mut self,
        now_ms: u64,
        mut delivery: Delivery<T>,
        attempt: Attempt,
        random: u64,
    ) -> Outcome<T> {
        delivery.attempts += 1;
        let (why, retry_after_s) = match attempt {
            Attempt::Status { code: 200..300, .. } => {
                self.failures = 0;
                return Outcome::Delivered;
            }
            Attempt::Status { code, retry_after_s } => match refusal(code) {
                Some(why) => return Outcome::Dropped { what: delivery.what, why },
                None => (format!("it answered {code}"), retry_after_s),
            },
            Attempt::Failed(why) => (why, None),
        };
        let pause_ms = pause_ms(self.failures, random).max(wanted_ms(retry_after_s));
        self.failures = self.failures.saturating_add(1);
        self.paused_until_ms = now_ms + pause_ms;
        let again_ms = self.paused_until_ms.saturating_sub(delivery.since_ms);
        let limit = if delivery.attempts >= ATTEMPTS_MAX {
            Some(format!("{why}, and so {ATTEMPTS_MAX} times"))
        } else if again_ms > AGE_MAX_MS {
            Some(format!("{why}, and it is an hour old"))
        } else if self.waiting.len() >= WAITING_MAX {
            Some(format!("{why}, and {WAITING_MAX} others wait"))
        } else {
            None
        };
        match limit {
            Some(why) => Outcome::Dropped { what: delivery.what, why },
            None => {
                self.waiting.push_back(delivery);
                Outcome::Again { pause_ms, why }
            }
        }
    }
}

/// Why an answer means that the event will never be taken.
fn refusal(code: u16) -> Option<String> {
    match code {
        300..400 => Some(format!("it answered {code}, and no redirect is followed: give its new address")),
        410 => Some("it answered 410: it wants no more events".to_owned()),
        _ => None,
    }
}

fn pause_ms(failures: u32, random: u64) -> u64 {
    let pause_ms = PAUSE_MIN_MS.checked_shl(failures.min(20)).unwrap_or(PAUSE_MAX_MS).min(PAUSE_MAX_MS);
    pause_ms - random % (pause_ms / 2 + 1)
}

fn wanted_ms(retry_after_s: Option<u64>) -> u64 {
    retry_after_s.unwrap_or(0).saturating_mul(1000).min(PAUSE_MAX_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOWN: fn() -> Attempt = || Attempt::Failed("no answer".to_owned());

    fn status(code: u16) -> Attempt {
        Attempt::Status { code, retry_after_s: None }
    }

    fn sent(queue: &mut Queue<u32>, now_ms: u64) -> Delivery<u32> {
        match queue.next(now_ms) {
            Next::Send(delivery) => delivery,
            other => panic!("{other:?}"),
        }
    }

    fn queue(events: std::ops::Range<u32>) -> Queue<u32> {
        let mut queue = Queue::default();
        events.for_each(|event| assert_eq!(queue.push(0, event), None));
        queue
    }

    #[test]
    fn events_go_one_after_the_other() {
        let mut queue = queue(1..3);
        for event in [1, 2] {
            let delivery = sent(&mut queue, 0);
            assert_eq!((delivery.what, delivery.attempts), (event, 0));
            assert_eq!(queue.attempted(0, delivery, status(204), 0), Outcome::Delivered);
        }
        assert_eq!(queue.next(0), Next::Rest);
    }

    #[test]
    fn a_receiver_that_fails_is_left_alone_for_longer_and_longer() {
        let mut queue = queue(1..2);
        let (mut now_ms, mut pauses) = (0, Vec::new());
        let dropped = loop {
            let delivery = sent(&mut queue, now_ms);
            match queue.attempted(now_ms, delivery, DOWN(), 0) {
                Outcome::Again { pause_ms, .. } => {
                    assert_eq!(queue.next(now_ms), Next::Wait { until_ms: now_ms + pause_ms });
                    assert_eq!(queue.next(now_ms + pause_ms - 1), Next::Wait { until_ms: now_ms + pause_ms });
                    pauses.push(pause_ms / 1000);
                    now_ms += pause_ms;
                }
                other => break other,
            }
        };
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300, 300, 300, 300]);
        let why = "no answer, and so 16 times".to_owned();
        assert_eq!(dropped, Outcome::Dropped { what: 1, why });
        // What comes later is tried all the same, and a success forgives.
        queue.push(now_ms, 2);
        let Next::Wait { until_ms } = queue.next(now_ms) else { panic!("no pause") };
        let delivery = sent(&mut queue, until_ms);
        assert_eq!(queue.attempted(until_ms, delivery, status(200), 0), Outcome::Delivered);
        queue.push(until_ms, 3);
        let delivery = sent(&mut queue, until_ms);
        let again = queue.attempted(until_ms, delivery, status(500), 0);
        assert_eq!(again, Outcome::Again { pause_ms: 1000, why: "it answered 500".to_owned() });
    }

    #[test]
    fn an_event_that_the_receiver_cannot_take_holds_up_no_other() {
        let mut queue = queue(1..4);
        let (mut now_ms, mut tried) = (0, Vec::new());
        while tried.len() < 5 {
            now_ms = match queue.next(now_ms) {
                Next::Rest => break,
                Next::Wait { until_ms } => until_ms,
                Next::Send(delivery) => {
                    tried.push(delivery.what);
                    let code = if delivery.what == 1 { 400 } else { 200 };
                    queue.attempted(now_ms, delivery, status(code), 0);
                    now_ms
                }
            };
        }
        assert_eq!(tried, [1, 2, 3, 1, 1]);
    }

    #[test]
    fn chance_shortens_a_pause_by_no_more_than_a_half() {
        for failures in 0..100 {
            let longest = pause_ms(failures, 0);
            for random in [1, 77, 12_345, u64::MAX / 3, u64::MAX] {
                let pause = pause_ms(failures, random);
                assert!(pause >= longest / 2 && pause <= longest && longest <= PAUSE_MAX_MS);
            }
        }
        assert_ne!(pause_ms(5, 1), pause_ms(5, 2));
    }

    #[test]
    fn a_receiver_may_ask_for_a_longer_pause_within_bounds() {
        for (asked, expected) in [(0, 1000), (7, 7000), (u64::MAX, PAUSE_MAX_MS)] {
            let mut queue = queue(1..2);
            let delivery = sent(&mut queue, 0);
            let attempt = Attempt::Status { code: 503, retry_after_s: Some(asked) };
            let again = queue.attempted(0, delivery, attempt, 0);
            assert_eq!(again, Outcome::Again { pause_ms: expected, why: "it answered 503".to_owned() });
        }
    }

    #[test]
    fn what_will_never_be_taken_is_dropped_at_once_and_nobody_waits_for_it() {
        let mut queue = queue(1..4);
        for (event, code) in [(1, 301), (2, 308), (3, 410)] {
            let delivery = sent(&mut queue, 0);
            match queue.attempted(0, delivery, status(code), 0) {
                Outcome::Dropped { what, why } => {
                    assert_eq!(what, event);
                    assert!(why.contains(&code.to_string()), "{why}");
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(queue.next(0), Next::Rest);
    }

    #[test]
    fn an_event_is_not_tried_for_ever() {
        let mut queue = queue(1..2);
        let delivery = sent(&mut queue, AGE_MAX_MS);
        let dropped = queue.attempted(AGE_MAX_MS, delivery, DOWN(), 0);
        let why = "no answer, and it is an hour old".to_owned();
        assert_eq!(dropped, Outcome::Dropped { what: 1, why });
    }

    #[test]
    fn of_too_many_the_oldest_go() {
        let most = WAITING_MAX as u32;
        let mut queue = queue(0..most);
        let first = sent(&mut queue, 0);
        assert_eq!(queue.push(0, most), None);
        assert_eq!(queue.push(0, most + 1), Some(1));
        let Outcome::Dropped { what, .. } = queue.attempted(0, first, DOWN(), 0) else { panic!("kept") };
        assert_eq!(what, 0);
        assert_eq!(queue.waiting.len(), WAITING_MAX);
        assert_eq!(sent(&mut queue, PAUSE_MAX_MS).what, 2);
    }
}
