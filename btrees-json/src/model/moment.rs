//! Dates, times and time differences: as Python's `datetime` pickles them, and as text.

use std::cmp::Ordering;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Date {
    year: u16,
    month: u8,
    day: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time {
    hour: u8,
    minute: u8,
    second: u8,
    micro: u32,
}

/// An offset from UTC of less than a day, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Zone(i64);

/// A time difference with 0 <= seconds < 86400 and 0 <= micros < 1000000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Delta {
    pub days: i32,
    pub seconds: i32,
    pub micros: i32,
}

/// A date, a time of day, or both; times may have a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Date(Date),
    Time(Time, Option<Zone>),
    DateTime(Date, Time, Option<Zone>),
}

impl Delta {
    /// None if a part is out of the range that Python keeps it in.
    pub fn new(days: i64, seconds: i64, micros: i64) -> Option<Delta> {
        let fits = (-999_999_999..=999_999_999).contains(&days)
            && (0..86_400).contains(&seconds)
            && (0..SECOND).contains(&micros);
        fits.then_some(Delta { days: days as i32, seconds: seconds as i32, micros: micros as i32 })
    }

    /// From any parts, as Python's `timedelta` takes them.
    pub fn normalized(days: i64, seconds: i64, micros: i64) -> Option<Delta> {
        let [days, seconds, micros] = [days, seconds, micros].map(i128::from);
        let (day, second) = (i128::from(DAY), i128::from(SECOND));
        let total = days * day + seconds * second + micros;
        let (days, within) = (i64::try_from(total.div_euclid(day)).ok()?, total.rem_euclid(day));
        Delta::new(days, (within / second) as i64, (within % second) as i64)
    }
}

impl Zone {
    /// None if it is a day or more.
    pub fn from_delta(delta: Delta) -> Option<Zone> {
        let micros =
            i64::from(delta.days) * DAY + i64::from(delta.seconds) * SECOND + i64::from(delta.micros);
        (micros.abs() < DAY).then_some(Zone(micros))
    }

    /// Seconds, which may be negative, and microseconds.
    pub fn parts(self) -> (i64, i64) {
        (self.0.div_euclid(SECOND), self.0.rem_euclid(SECOND))
    }

    fn write(self, text: &mut Vec<u8>) {
        let size = self.0.abs();
        text.push(if self.0 < 0 { b'-' } else { b'+' });
        let (minutes, micros) = (size / (60 * SECOND), size % (60 * SECOND));
        digits(text, 2, (minutes / 60) as u32);
        text.push(b':');
        digits(text, 2, (minutes % 60) as u32);
        if micros != 0 {
            text.push(b':');
            digits(text, 2, (micros / SECOND) as u32);
            fraction(text, (micros % SECOND) as u32);
        }
    }
}

impl Date {
    fn new(year: u32, month: u32, day: u32) -> Option<Date> {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            2 => 28 + u32::from(leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        let fits = (1..=9999).contains(&year) && (1..=days).contains(&day);
        fits.then_some(Date { year: year as u16, month: month as u8, day: day as u8 })
    }

    fn write(self, text: &mut Vec<u8>) {
        digits(text, 4, u32::from(self.year));
        text.push(b'-');
        digits(text, 2, u32::from(self.month));
        text.push(b'-');
        digits(text, 2, u32::from(self.day));
    }

    /// Days since some day.
    fn ordinal(self) -> i64 {
        // Years that begin in March, so that the day that may be missing is their last.
        let (year, month) = (i64::from(self.year), i64::from(self.month));
        let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + i64::from(self.day)
    }
}

impl Time {
    fn new(hour: u32, minute: u32, second: u32, micro: u32) -> Option<Time> {
        let fits = hour < 24 && minute < 60 && second < 60 && i64::from(micro) < SECOND;
        fits.then_some(Time { hour: hour as u8, minute: minute as u8, second: second as u8, micro })
    }

    fn write(self, text: &mut Vec<u8>) {
        digits(text, 2, u32::from(self.hour));
        text.push(b':');
        digits(text, 2, u32::from(self.minute));
        text.push(b':');
        digits(text, 2, u32::from(self.second));
        fraction(text, self.micro);
    }

    fn micros(self) -> i64 {
        let minutes = i64::from(self.hour) * 60 + i64::from(self.minute);
        (minutes * 60 + i64::from(self.second)) * SECOND + i64::from(self.micro)
    }
}

impl Moment {
    /// From the bytes that `datetime.date` keeps.
    pub fn date(bytes: &[u8]) -> Option<Moment> {
        let &[high, low, month, day] = bytes else { return None };
        let year = u32::from(high) << 8 | u32::from(low);
        Some(Moment::Date(Date::new(year, u32::from(month), u32::from(day))?))
    }

    /// From the bytes that `datetime.time` keeps.
    pub fn time(bytes: &[u8], zone: Option<Zone>) -> Option<Moment> {
        let &[hour, minute, second, high, middle, low] = bytes else { return None };
        let micro = u32::from(high) << 16 | u32::from(middle) << 8 | u32::from(low);
        Some(Moment::Time(Time::new(u32::from(hour), u32::from(minute), u32::from(second), micro)?, zone))
    }

    /// From the bytes that `datetime.datetime` keeps.
    pub fn date_time(bytes: &[u8], zone: Option<Zone>) -> Option<Moment> {
        let (date, time) = bytes.split_at_checked(4)?;
        match (Moment::date(date)?, Moment::time(time, None)?) {
            (Moment::Date(date), Moment::Time(time, _)) => Some(Moment::DateTime(date, time, zone)),
            _ => None,
        }
    }

    /// The bytes that Python keeps, appended.
    pub fn write_bytes(self, bytes: &mut Vec<u8>) {
        let (date, time) = self.parts();
        if let Some(date) = date {
            bytes.extend_from_slice(&date.year.to_be_bytes());
            bytes.extend_from_slice(&[date.month, date.day]);
        }
        if let Some(time) = time {
            let [_, high, middle, low] = time.micro.to_be_bytes();
            bytes.extend_from_slice(&[time.hour, time.minute, time.second, high, middle, low]);
        }
    }

    fn parts(self) -> (Option<Date>, Option<Time>) {
        match self {
            Moment::Date(date) => (Some(date), None),
            Moment::Time(time, _) => (None, Some(time)),
            Moment::DateTime(date, time, _) => (Some(date), Some(time)),
        }
    }

    pub fn zone(self) -> Option<Zone> {
        match self {
            Moment::Date(_) => None,
            Moment::Time(_, zone) | Moment::DateTime(_, _, zone) => zone,
        }
    }

    /// ISO 8601 text, appended.
    pub fn write_text(self, text: &mut Vec<u8>) {
        match self.parts() {
            (Some(date), Some(time)) => {
                date.write(text);
                text.push(b'T');
                time.write(text);
            }
            (Some(date), None) => date.write(text),
            (None, time) => time.into_iter().for_each(|time| time.write(text)),
        }
        self.zone().into_iter().for_each(|zone| zone.write(text));
    }

    /// The order of Python; None where Python has none.
    pub fn compare(self, other: Moment) -> Option<Ordering> {
        match (self, other) {
            (Moment::Date(one), Moment::Date(two)) => Some(one.cmp(&two)),
            (Moment::Time(one, None), Moment::Time(two, None)) => Some(one.cmp(&two)),
            (Moment::Time(one, Some(here)), Moment::Time(two, Some(there))) => {
                Some((one.micros() - here.0).cmp(&(two.micros() - there.0)))
            }
            (Moment::DateTime(one, at, None), Moment::DateTime(two, then, None)) => {
                Some((one, at).cmp(&(two, then)))
            }
            (Moment::DateTime(one, at, Some(here)), Moment::DateTime(two, then, Some(there))) => {
                let utc = |date: Date, time: Time, zone: Zone| date.ordinal() * DAY + time.micros() - zone.0;
                Some(utc(one, at, here).cmp(&utc(two, then, there)))
            }
            _ => None,
        }
    }

    pub fn parse_date(text: &str) -> Option<Moment> {
        let mut rest = Parser(text.as_bytes());
        let date = rest.date()?;
        rest.0.is_empty().then_some(Moment::Date(date))
    }

    pub fn parse_time(text: &str) -> Option<Moment> {
        let mut rest = Parser(text.as_bytes());
        let (time, zone) = (rest.time()?, rest.zone()?);
        rest.0.is_empty().then_some(Moment::Time(time, zone))
    }

    pub fn parse_date_time(text: &str) -> Option<Moment> {
        let mut rest = Parser(text.as_bytes());
        let date = rest.date()?;
        if !rest.eat(b'T') && !rest.eat(b' ') {
            return None;
        }
        let (time, zone) = (rest.time()?, rest.zone()?);
        rest.0.is_empty().then_some(Moment::DateTime(date, time, zone))
    }
}

/// Exactly `count` digits.
fn digits(text: &mut Vec<u8>, count: u32, number: u32) {
    text.extend((0..count).rev().map(|place| b'0' + (number / 10u32.pow(place) % 10) as u8));
}

fn fraction(text: &mut Vec<u8>, micro: u32) {
    if micro != 0 {
        text.push(b'.');
        digits(text, 6, micro);
    }
}

/// What is left of a text.
struct Parser<'a>(&'a [u8]);

impl Parser<'_> {
    fn eat(&mut self, byte: u8) -> bool {
        match self.0.split_first() {
            Some((&first, rest)) if first == byte => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    fn number(&mut self, count: usize) -> Option<u32> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        digits
            .iter()
            .try_fold(0, |number, &byte| byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0')))
    }

    fn then(&mut self, separator: u8, count: usize) -> Option<u32> {
        self.eat(separator).then(|| self.number(count))?
    }

    fn date(&mut self) -> Option<Date> {
        Date::new(self.number(4)?, self.then(b'-', 2)?, self.then(b'-', 2)?)
    }

    fn time(&mut self) -> Option<Time> {
        Time::new(self.number(2)?, self.then(b':', 2)?, self.then(b':', 2)?, self.fraction()?)
    }

    /// Up to six digits behind a point, if there is one, in millionths.
    fn fraction(&mut self) -> Option<u32> {
        if !self.eat(b'.') {
            return Some(0);
        }
        let count = self.0.iter().take(6).take_while(|byte| byte.is_ascii_digit()).count();
        let number = self.number(count)?;
        (count > 0).then(|| number * 10u32.pow(6 - count as u32))
    }

    fn zone(&mut self) -> Option<Option<Zone>> {
        if self.0.is_empty() {
            return Some(None);
        }
        if self.eat(b'Z') {
            return Some(Some(Zone(0)));
        }
        let negative = self.eat(b'-');
        if !negative && !self.eat(b'+') {
            return None;
        }
        let (hour, minute) = (self.number(2)?, self.then(b':', 2)?);
        let (second, micro) =
            if self.0.is_empty() { (0, 0) } else { (self.then(b':', 2)?, self.fraction()?) };
        let size = Time::new(hour, minute, second, micro)?.micros();
        Some(Some(Zone(if negative { -size } else { size })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(moment: Moment) -> String {
        let mut text = vec![];
        moment.write_text(&mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn text_returns() {
        for date in ["0001-01-01", "2024-02-29", "9999-12-31"] {
            assert_eq!(text(Moment::parse_date(date).unwrap()), date);
        }
        for time in ["00:00:00", "23:59:59.999999", "01:02:03+00:00", "01:02:03.000001-05:30"] {
            assert_eq!(text(Moment::parse_time(time).unwrap()), time);
        }
        for zone in ["", "+00:00", "-00:01", "+23:59", "-23:59:59.999999", "+01:02:03"] {
            let time = format!("2025-06-07T08:09:10{zone}");
            let moment = Moment::parse_date_time(&time).unwrap();
            assert_eq!(text(moment), time);
            let mut bytes = vec![];
            moment.write_bytes(&mut bytes);
            assert_eq!(bytes, [7, 0xe9, 6, 7, 8, 9, 10, 0, 0, 0]);
            assert_eq!(Moment::date_time(&bytes, moment.zone()), Some(moment));
            let zone = moment.zone().map(Zone::parts);
            let delta = zone.and_then(|(seconds, micros)| Delta::normalized(0, seconds, micros));
            assert_eq!(delta.and_then(Zone::from_delta), moment.zone());
        }
    }

    #[test]
    fn other_spellings_are_read() {
        for (spelling, usual) in [
            ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00+00:00"),
            ("2020-01-01 00:00:00", "2020-01-01T00:00:00"),
            ("2020-01-01T00:00:00.5", "2020-01-01T00:00:00.500000"),
        ] {
            assert_eq!(text(Moment::parse_date_time(spelling).unwrap()), usual);
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for wrong in ["2020-13-01", "2021-02-29", "1900-02-29", "0000-01-01", "2020-1-1", "2020-01-01T", ""] {
            assert_eq!(Moment::parse_date(wrong), None, "{wrong}");
        }
        for wrong in ["24:00:00", "00:60:00", "00:00:60", "00:00", "00:00:00.", "00:00:00.1234567", "1:00:00"]
        {
            assert_eq!(Moment::parse_time(wrong), None, "{wrong}");
        }
        for zone in ["+0530", "+24:00", "+05", "+05:30:", "Z0", "05:30", "+05:30:00.", "+-5:30"] {
            assert_eq!(Moment::parse_date_time(&format!("2020-01-01T00:00:00{zone}")), None, "{zone}");
        }
        assert_eq!(Moment::parse_date_time("2020-01-01"), None);
        assert_eq!(Moment::date(&[0, 0, 1, 1]), None);
        assert_eq!(Moment::date(&[7, 228, 1, 1, 0]), None);
        // The fold of protocol 4.
        assert_eq!(Moment::date(&[7, 228, 0x81, 1]), None);
        assert_eq!(Moment::time(&[0, 0, 0, 0x0f, 0x42, 0x40], None), None);
        assert_eq!(Delta::new(0, 86_400, 0), None);
        assert_eq!(Delta::normalized(0, 86_400, -1), Delta::new(0, 86_399, 999_999));
        assert_eq!(Delta::normalized(i64::MAX, i64::MAX, i64::MAX), None);
        assert_eq!(Zone::from_delta(Delta::new(1, 0, 0).unwrap()), None);
        assert_eq!(Zone::from_delta(Delta::new(-1, 0, 0).unwrap()), None);
        assert!(Zone::from_delta(Delta::new(-1, 0, 1).unwrap()).is_some());
    }

    #[test]
    fn the_order_is_that_of_time() {
        let at = |text| Moment::parse_date_time(text).unwrap();
        let order = |one, two| at(one).compare(at(two));
        assert_eq!(order("2020-02-28T23:59:59", "2020-02-29T00:00:00"), Some(Ordering::Less));
        assert_eq!(
            order("2020-03-01T00:30:00+01:00", "2020-02-29T23:30:00+00:00"),
            Some(Ordering::Equal),
            "the same moment in two zones, in a leap year"
        );
        assert_eq!(order("2021-03-01T00:30:00+01:00", "2021-02-28T23:30:00+00:00"), Some(Ordering::Equal));
        assert_eq!(order("2021-01-01T00:00:00+01:00", "2020-12-31T23:00:01+00:00"), Some(Ordering::Less));
        assert_eq!(order("2021-01-01T00:00:00", "2021-01-01T00:00:00Z"), None);
    }
}
