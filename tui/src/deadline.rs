//! When a goal should be done, as people write it: in a while, or at a time.

use std::str::FromStr;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::error::Error;
use crate::text::clock;

/// The furthest deadline that is taken: what lies beyond is a slip of the finger.
const MAX_MS: u64 = 366 * 24 * 3600 * 1000;

/// When a goal should be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deadline {
    /// So many milliseconds after it was submitted.
    In(u64),
    /// At this Unix time in milliseconds.
    At(u64),
}

impl Deadline {
    /// The deadline of a goal that is submitted at `now_ms`; both Unix time in milliseconds.
    ///
    /// # Errors
    /// [`Error::PastDeadline`].
    pub(crate) fn of_goal(self, now_ms: u64) -> Result<u64, Error> {
        match self {
            Self::In(ms) => Ok(now_ms.saturating_add(ms)),
            Self::At(ms) if ms > now_ms => Ok(ms),
            Self::At(ms) => Err(Error::PastDeadline(clock(ms, now_ms))),
        }
    }
}

impl FromStr for Deadline {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(ms) = duration_ms(text) {
            return if (1..=MAX_MS).contains(&ms) {
                Ok(Self::In(ms))
            } else {
                Err("give from a second to 366 days".to_owned())
            };
        }
        let time = OffsetDateTime::parse(text, &Rfc3339)
            .map_err(|_| "give 90s, 30m, 2h, 1h30m or 1d, or a time with its offset, as 2026-11-21T18:00:00Z or 2026-11-21T19:00:00+01:00".to_owned())?;
        let ms = time.unix_timestamp_nanos() / 1_000_000;
        u64::try_from(ms).map(Self::At).map_err(|_| "it is before 1970".to_owned())
    }
}

/// `90s`, `30m`, `2h`, `1d`, and such behind one another, in milliseconds.
fn duration_ms(text: &str) -> Option<u64> {
    let (mut rest, mut ms) = (text, 0_u64);
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..unit_at].parse().ok()?;
        let unit = match rest[unit_at..].chars().next()? {
            's' => 1_000,
            'm' => 60_000,
            'h' => 3_600_000,
            'd' => 86_400_000,
            _ => return None,
        };
        ms = ms.checked_add(number.checked_mul(unit)?)?;
        rest = &rest[unit_at + 1..];
    }
    (!text.is_empty()).then_some(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_a_while_or_a_time() {
        assert_eq!("30m".parse(), Ok(Deadline::In(30 * 60_000)));
        assert_eq!("1h30m".parse(), Ok(Deadline::In(90 * 60_000)));
        assert_eq!("1970-01-01T01:00:02+01:00".parse(), Ok(Deadline::At(2_000)));
        for wrong in [
            "",
            "0s",
            "30",
            "m",
            "2w",
            "-1h",
            "999999999999999999999h",
            "400d",
            "2026-11-21T18:00:00",
            "18:00",
        ] {
            assert!(wrong.parse::<Deadline>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_while_begins_when_the_goal_is_submitted_and_a_time_must_be_to_come() {
        assert_eq!(Deadline::In(5).of_goal(10).ok(), Some(15));
        assert_eq!(Deadline::At(11).of_goal(10).ok(), Some(11));
        assert!(
            matches!(Deadline::At(4_000).of_goal(94_000), Err(Error::PastDeadline(ago)) if ago == "1m 30s")
        );
    }
}
