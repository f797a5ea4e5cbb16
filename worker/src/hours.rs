//! At which hours of the day a worker lends itself. What time it is comes as an argument, as the machine's own time zone has
//! it; only [`Schedule::local`] asks the system.

use std::str::FromStr;
use std::sync::Arc;

const MINUTES_OF_DAY: u16 = 24 * 60;
const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = MINUTES_OF_DAY as u64 * MINUTE_MS;

/// From one time of day until another, which may be of the next day: `22-8`, `22:30-6`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// Minutes since midnight.
    from: u16,
    until: u16,
}

/// The text names no hours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` are no hours; give the time from which and until which the machine is lent, such as 22-8 or 22:30-6:00"
)]
pub struct ParseHoursError(String);

impl FromStr for Hours {
    type Err = ParseHoursError;

    fn from_str(text: &str) -> Result<Hours, ParseHoursError> {
        let ends = text.split_once('-');
        let ends = ends.and_then(|(from, until)| Some((minutes(from)?, minutes(until)?)));
        match ends {
            Some((from, until)) if from != until => Ok(Hours { from, until }),
            _ => Err(ParseHoursError(text.chars().take(40).collect())),
        }
    }
}

/// Minutes since midnight of `8`, `08:30` or `24`.
fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.trim().split_once(':').unwrap_or((text.trim(), "0"));
    let number =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u16>().ok());
    let (hours, minutes) = (number(hours)??, number(minutes)??);
    let all = hours.checked_mul(60)?.checked_add(minutes)?;
    (minutes < 60 && all <= MINUTES_OF_DAY).then_some(all % MINUTES_OF_DAY)
}

impl Hours {
    /// How long it is until the machine is lent; `None`: it is now. `day_ms` are milliseconds since midnight.
    pub fn asleep_for_ms(&self, day_ms: u64) -> Option<u64> {
        let (from, until) = (until_next(day_ms, self.from), until_next(day_ms, self.until));
        // What comes first tells on which side of it the time is.
        (from < until).then_some(from)
    }

    /// How long it stays so.
    pub fn changes_in_ms(&self, day_ms: u64) -> u64 {
        until_next(day_ms, self.from).min(until_next(day_ms, self.until))
    }
}

/// Until it is so late again, at least a millisecond.
fn until_next(day_ms: u64, minute: u16) -> u64 {
    let at_ms = u64::from(minute) * MINUTE_MS;
    match (at_ms + DAY_MS - day_ms % DAY_MS) % DAY_MS {
        0 => DAY_MS,
        wait_ms => wait_ms,
    }
}

/// Hours and the clock that they are read from.
#[derive(Clone)]
pub struct Schedule {
    pub hours: Hours,
    /// Milliseconds since midnight.
    pub clock: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl Schedule {
    /// By the system's clock and time zone, summer time included.
    pub fn local(hours: Hours) -> Schedule {
        let clock = || {
            let time = jiff::Zoned::now().time();
            let seconds =
                (i64::from(time.hour()) * 60 + i64::from(time.minute())) * 60 + i64::from(time.second());
            (seconds * 1000 + i64::from(time.millisecond())) as u64
        };
        Schedule { hours, clock: Arc::new(clock) }
    }

    /// How long it is until the machine is lent; `None`: it is now.
    pub fn asleep_for_ms(&self) -> Option<u64> {
        self.hours.asleep_for_ms((self.clock)())
    }
}

impl std::fmt::Debug for Schedule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Schedule").field("hours", &self.hours).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: u64 = 60 * MINUTE_MS;

    fn hours(text: &str) -> Hours {
        text.parse().unwrap()
    }

    #[test]
    fn a_night_goes_over_midnight() {
        let night = hours("22-8");
        assert_eq!(night.asleep_for_ms(22 * HOUR_MS), None);
        assert_eq!(night.asleep_for_ms(0), None);
        assert_eq!(night.asleep_for_ms(8 * HOUR_MS - 1), None);
        assert_eq!(night.asleep_for_ms(8 * HOUR_MS), Some(14 * HOUR_MS));
        assert_eq!(night.asleep_for_ms(22 * HOUR_MS - 1), Some(1));
        assert_eq!(night.changes_in_ms(23 * HOUR_MS), 9 * HOUR_MS);
        assert_eq!(night.changes_in_ms(22 * HOUR_MS), 10 * HOUR_MS);
    }

    #[test]
    fn a_day_does_not() {
        let day = hours("08:30-17");
        assert_eq!(day.asleep_for_ms(8 * HOUR_MS), Some(HOUR_MS / 2));
        assert_eq!(day.asleep_for_ms(12 * HOUR_MS), None);
        assert_eq!(day.asleep_for_ms(17 * HOUR_MS), Some(15 * HOUR_MS + HOUR_MS / 2));
        assert_eq!(hours("12-24").asleep_for_ms(23 * HOUR_MS), None);
        assert_eq!(hours("12-24").asleep_for_ms(0), Some(12 * HOUR_MS));
    }

    #[test]
    fn what_are_no_hours_is_named() {
        for text in
            ["", "22", "22-", "-8", "8-8", "0-24", "25-3", "8:60-9", "+8-9", "8-9-10", "24:01-3", "a-b"]
        {
            assert_eq!(text.parse::<Hours>(), Err(ParseHoursError(text.into())), "{text}");
        }
    }
}
