//! Weekly windows in which disruptive steps may happen: `Sun 03:00-05:00 Europe/Berlin`.
//!
//! Days and hours are those of the wall clock in the named zone, UTC where none is named. An hour that
//! the clocks skip moves to what follows it, and a window that lies wholly in a skipped hour does not
//! happen that day. The zones are bundled: no file of the machine is asked.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

/// A weekly window. Made by [`Window::parse`] only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Window {
    /// The text, with one blank between its parts.
    text: String,
    /// On which days it opens, from Monday.
    days: [bool; 7],
    /// Minutes after midnight at which it opens.
    start: i16,
    /// Minutes after that midnight at which it closes: more than a day's where it goes past midnight.
    end: i16,
    zone: TimeZone,
}

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MINUTES_PER_DAY: i16 = 24 * 60;
/// Three weeks: a window that a clock change swallowed opens a week later.
const DAYS_TO_SEARCH: i64 = 21;
const EXAMPLE: &str = "write for example `Sun 03:00-05:00 Europe/Berlin`";

impl Window {
    /// Reads `DAYS HH:MM-HH:MM [ZONE]`. Days are `daily`, `Sun`, `Mon-Fri` or `Sat,Sun`; a window whose
    /// end is before its start goes past midnight; the end of a day may be written `24:00`.
    ///
    /// # Errors
    /// What is wrong with the text, and an example of a right one.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split_whitespace().collect();
        let (days, hours, zone) = match parts[..] {
            [days, hours] => (days, hours, None),
            [days, hours, zone] => (days, hours, Some(zone)),
            _ => return Err(format!("`{text}` is no window: {EXAMPLE}")),
        };
        let (start, end) = read_hours(hours)?;
        let zone = match zone {
            None => TimeZone::UTC,
            Some(name) => TimeZoneDatabase::bundled().get(name).map_err(|_| {
                format!("`{name}` is no time zone: use a name such as `Europe/Berlin` or `UTC`")
            })?,
        };
        Ok(Self {
            text: parts.join(" "),
            days: read_days(days)?,
            start,
            end,
            zone,
        })
    }

    /// Whether the window is open at that moment.
    #[must_use]
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.openings(at)
            .any(|(opens, closes)| opens <= at && at < closes)
    }

    /// Returns the next moment, strictly after `at`, at which the window opens.
    #[must_use]
    pub fn next_open(&self, at: Timestamp) -> Timestamp {
        self.openings(at)
            .map(|(opens, _)| opens)
            .filter(|opens| *opens > at)
            .min()
            // Only at the end of the calendar, in the year 9999.
            .unwrap_or(Timestamp::MAX)
    }

    /// Returns the moments at which it opens and closes, from the day before `at` on.
    fn openings(&self, at: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> + '_ {
        let today = at.to_zoned(self.zone.clone()).date();
        (-1..DAYS_TO_SEARCH)
            .filter_map(move |days| today.checked_add(days.days()).ok())
            .filter(|date| self.days[usize::from(from_monday(date.weekday()))])
            .filter_map(|date| Some((self.moment(date, self.start)?, self.moment(date, self.end)?)))
            .filter(|(opens, closes)| opens < closes)
    }

    /// Returns the moment that lies so many minutes of wall clock after a midnight.
    fn moment(&self, date: Date, minutes: i16) -> Option<Timestamp> {
        let date = date
            .checked_add(i64::from(minutes / MINUTES_PER_DAY).days())
            .ok()?;
        let minutes = minutes % MINUTES_PER_DAY;
        let time = Time::new((minutes / 60) as i8, (minutes % 60) as i8, 0, 0).ok()?;
        let zoned = date.to_datetime(time).to_zoned(self.zone.clone()).ok()?;
        Some(zoned.timestamp())
    }
}

fn from_monday(day: Weekday) -> u8 {
    day.to_monday_zero_offset().unsigned_abs()
}

fn read_days(text: &str) -> Result<[bool; 7], String> {
    if text.eq_ignore_ascii_case("daily") {
        return Ok([true; 7]);
    }
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (mut day, last) = (read_day(first)?, read_day(last)?);
        days[day] = true;
        while day != last {
            day = (day + 1) % 7;
            days[day] = true;
        }
    }
    Ok(days)
}

fn read_day(text: &str) -> Result<usize, String> {
    DAYS.iter()
        .position(|day| day.eq_ignore_ascii_case(text))
        .ok_or_else(|| {
            format!(
                "`{text}` is no day: use {}, a range as `Mon-Fri`, or `daily`",
                DAYS.join(", ")
            )
        })
}

fn read_hours(text: &str) -> Result<(i16, i16), String> {
    let (start, end) = text
        .split_once('-')
        .ok_or_else(|| format!("`{text}` is no span of hours: {EXAMPLE}"))?;
    let (start, end) = (read_time(start)?, read_time(end)?);
    if start == MINUTES_PER_DAY {
        return Err("`24:00` can only end a window: begin it with `00:00`".into());
    }
    if start == end {
        return Err(format!(
            "`{text}` is an empty window: for a whole day write `00:00-24:00`"
        ));
    }
    Ok((
        start,
        if end < start {
            end + MINUTES_PER_DAY
        } else {
            end
        },
    ))
}

fn read_time(text: &str) -> Result<i16, String> {
    let wrong = || format!("`{text}` is no time of day: write it as `03:00`, from 00:00 to 24:00");
    let two_digits = |part: &str| match part.as_bytes() {
        [a, b] if a.is_ascii_digit() && b.is_ascii_digit() => part.parse::<i16>().ok(),
        _ => None,
    };
    let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
    let (hour, minute) = (
        two_digits(hour).ok_or_else(wrong)?,
        two_digits(minute).ok_or_else(wrong)?,
    );
    let time = hour * 60 + minute;
    if minute < 60 && time <= MINUTES_PER_DAY {
        Ok(time)
    } else {
        Err(wrong())
    }
}

impl TryFrom<String> for Window {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<Window> for String {
    fn from(window: Window) -> Self {
        window.text
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn window(text: &str) -> Window {
        Window::parse(text).unwrap()
    }

    #[test]
    fn a_window_is_open_from_its_start_until_just_before_its_end() {
        // 2026-11-22 is a Sunday.
        let sunday = window("Sun 03:00-05:00");
        for (moment, open) in [
            ("2026-11-22T02:59:59Z", false),
            ("2026-11-22T03:00:00Z", true),
            ("2026-11-22T04:59:59.999Z", true),
            ("2026-11-22T05:00:00Z", false),
            ("2026-11-23T03:00:00Z", false),
        ] {
            assert_eq!(sunday.is_open(at(moment)), open, "{moment}");
        }
    }

    #[test]
    fn days_are_single_listed_or_a_range_over_the_weekend() {
        for (days, open) in [
            ("daily", "1234567"),
            ("Mon-Fri", "12345"),
            ("sat,SUN", "67"),
            ("Fri-Mon", "1567"),
            ("Tue,Thu-Fri", "245"),
        ] {
            let window = window(&format!("{days} 12:00-13:00"));
            let opened: String = (1..=7)
                .filter(|day| window.is_open(at(&format!("2026-11-{:02}T12:30:00Z", 15 + day))))
                .map(|day| day.to_string())
                .collect();
            assert_eq!(opened, open, "{days}");
        }
    }

    #[test]
    fn a_window_past_midnight_belongs_to_the_day_it_opens() {
        let night = window("Sat 23:00-01:30");
        assert!(night.is_open(at("2026-11-21T23:30:00Z")));
        assert!(night.is_open(at("2026-11-22T01:29:00Z")));
        assert!(!night.is_open(at("2026-11-22T01:30:00Z")));
        assert!(!night.is_open(at("2026-11-22T23:30:00Z")));
        assert!(
            !night.is_open(at("2026-11-21T00:30:00Z")),
            "that night opened on Friday"
        );
    }

    #[test]
    fn the_zone_decides_what_the_wall_clock_says() {
        let berlin = window("Sun 03:00-05:00 Europe/Berlin");
        assert!(berlin.is_open(at("2026-11-22T02:30:00Z")), "winter: UTC+1");
        assert!(berlin.is_open(at("2026-07-05T01:30:00Z")), "summer: UTC+2");
        assert!(!berlin.is_open(at("2026-07-05T03:30:00Z")));
    }

    #[test]
    fn the_next_opening_is_strictly_later() {
        let berlin = window("Sun 03:00-05:00 Europe/Berlin");
        let opens = at("2026-11-22T02:00:00Z");
        assert_eq!(berlin.next_open(at("2026-11-18T12:00:00Z")), opens);
        assert_eq!(berlin.next_open(opens), at("2026-11-29T02:00:00Z"));
    }

    #[test]
    fn an_hour_that_the_clocks_skip_moves_to_what_follows() {
        // Berlin, 2026-03-29: 02:00 becomes 03:00 (01:00 UTC).
        let half_hour = window("Sun 02:30-04:00 Europe/Berlin");
        let opens = half_hour.next_open(at("2026-03-28T12:00:00Z"));
        assert_eq!(
            opens,
            at("2026-03-29T01:30:00Z"),
            "02:30 does not exist: 03:30 summer time"
        );
        assert!(half_hour.is_open(opens));
        assert!(
            !half_hour.is_open(at("2026-03-29T02:00:00Z")),
            "04:00 summer time"
        );
    }

    #[test]
    fn a_window_inside_a_skipped_hour_opens_a_week_later() {
        let skipped = window("Sun 02:00-03:00 Europe/Berlin");
        assert_eq!(
            skipped.next_open(at("2026-03-28T12:00:00Z")),
            at("2026-04-05T00:00:00Z")
        );
    }

    #[test]
    fn an_hour_that_happens_twice_is_open_from_its_first_time() {
        // Berlin, 2026-10-25: 03:00 summer time becomes 02:00 (01:00 UTC).
        let twice = window("Sun 02:00-04:00 Europe/Berlin");
        assert_eq!(
            twice.next_open(at("2026-10-24T12:00:00Z")),
            at("2026-10-25T00:00:00Z")
        );
        for hour in ["00:30", "01:30", "02:59"] {
            assert!(
                twice.is_open(at(&format!("2026-10-25T{hour}:00Z"))),
                "{hour} UTC"
            );
        }
        assert!(!twice.is_open(at("2026-10-25T03:00:00Z")));
    }

    #[test]
    fn a_wrong_window_says_what_would_be_right() {
        for (text, part) in [
            ("", "is no window"),
            ("Sun", "is no window"),
            ("Sun 03:00-05:00 Europe/Berlin please", "is no window"),
            ("Son 03:00-05:00", "`Son` is no day: use Mon, Tue"),
            ("Mon-Funday 03:00-05:00", "`Funday` is no day"),
            ("Sun 3:00-05:00", "`3:00` is no time of day"),
            ("Sun 03:00-24:30", "`24:30` is no time of day"),
            ("Sun 03:60-05:00", "`03:60` is no time of day"),
            ("Sun 03:00", "is no span of hours"),
            ("Sun 03:00-03:00", "is an empty window"),
            ("Sun 24:00-03:00", "can only end a window"),
            (
                "Sun 03:00-05:00 Europe/Berln",
                "`Europe/Berln` is no time zone",
            ),
        ] {
            let wrong = Window::parse(text).unwrap_err();
            assert!(wrong.contains(part), "{text}: {wrong}");
        }
    }

    #[test]
    fn a_window_survives_being_stored() {
        let window = window(" Mon-Fri   22:00-24:00 America/New_York ");
        let stored = serde_json::to_string(&window).unwrap();
        assert_eq!(stored, "\"Mon-Fri 22:00-24:00 America/New_York\"");
        assert_eq!(serde_json::from_str::<Window>(&stored).unwrap(), window);
    }

    proptest! {
        #[test]
        fn a_window_is_open_when_it_opens_and_closed_just_before(
            seconds in 1_700_000_000i64..2_000_000_000,
            start in 0i16..1440, length in 1i16..1440, day in 0usize..7, zone in 0usize..4,
        ) {
            let zone = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"][zone];
            let end = (start + length) % 1440;
            let time = |m: i16| format!("{:02}:{:02}", m / 60, m % 60);
            let window = window(&format!("{} {}-{} {zone}", DAYS[day], time(start), time(end)));
            let now = Timestamp::from_second(seconds).unwrap();
            let opens = window.next_open(now);
            prop_assert!(opens > now);
            prop_assert!(window.is_open(opens));
            let before = Timestamp::from_second(opens.as_second() - 1).unwrap();
            prop_assert!(!window.is_open(before));
        }
    }
}
