//! The grammar of frame ranges: `7`, `1-24`, `1-100x5`, and lists of them with commas.

use tessera_shared::ids::FrameNumber;
use tessera_shared::package::manifest::FRAMES_MAX;

/// Why a text is no list of frames.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ParseFramesError {
    #[error("`{0}` is not a frame or a range; write frames as 7, 1-24, 1-100x5 or 3,7,10-20")]
    Syntax(String),
    #[error("the range `{0}` runs backwards; write the lower frame first")]
    Backwards(String),
    #[error("the step of `{0}` is 0; the least step is 1")]
    Step(String),
    #[error("more than {FRAMES_MAX} frames; split the job")]
    TooMany,
}

/// The frames, ascending, each once.
pub fn parse_frames(text: &str) -> Result<Vec<FrameNumber>, ParseFramesError> {
    let mut frames = std::collections::BTreeSet::new();
    for part in text.split(',').map(str::trim) {
        let shown = || part.chars().take(40).collect::<String>();
        let number = |digits: &str| {
            let digits = digits.trim();
            let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            digits.parse::<u32>().ok().filter(|_| plain).ok_or_else(|| ParseFramesError::Syntax(shown()))
        };
        let (range, step) = match part.split_once('x') {
            Some((range, step)) => (range, number(step)?),
            None => (part, 1),
        };
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (number(first)?, number(last)?),
            None if step == 1 => (number(range)?, number(range)?),
            None => return Err(ParseFramesError::Syntax(shown())),
        };
        if last < first {
            return Err(ParseFramesError::Backwards(shown()));
        }
        if step == 0 {
            return Err(ParseFramesError::Step(shown()));
        }
        if (last - first) as usize / step as usize >= FRAMES_MAX {
            return Err(ParseFramesError::TooMany);
        }
        frames.extend((first..=last).step_by(step as usize).map(FrameNumber));
        if frames.len() > FRAMES_MAX {
            return Err(ParseFramesError::TooMany);
        }
    }
    Ok(frames.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(text: &str) -> String {
        match parse_frames(text) {
            Ok(frames) => frames.iter().map(|f| f.0.to_string()).collect::<Vec<_>>().join(" "),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_grammar() {
        assert_eq!(frames("3,7,10-12"), "3 7 10 11 12");
        assert_eq!(frames("1-11x5"), "1 6 11");
        assert_eq!(frames("5, 1-3,2"), "1 2 3 5");
        assert_eq!(frames("4294967295-4294967295"), "4294967295");
        for bad in ["", ",", "-3", "1-", "a", "1x2", "1-5x", "+3", "1-2-3", "1..3"] {
            assert!(matches!(parse_frames(bad), Err(ParseFramesError::Syntax(_))), "{bad}");
        }
        assert_eq!(parse_frames("9-1"), Err(ParseFramesError::Backwards("9-1".into())));
        assert_eq!(parse_frames("1-9x0"), Err(ParseFramesError::Step("1-9x0".into())));
        assert_eq!(parse_frames("0-4294967295"), Err(ParseFramesError::TooMany));
        assert_eq!(parse_frames("1-60000,60001-120000"), Err(ParseFramesError::TooMany));
    }
}
