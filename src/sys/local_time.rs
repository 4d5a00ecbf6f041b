//! The time as the machine's people read it: the C library knows the zone.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment, in the machine's zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalTime {
    date: (i32, i32, i32),
    time: (i32, i32, i32),
    /// Nanoseconds.
    fraction: u32,
    /// Seconds east of Greenwich.
    offset: i64,
}

/// The time now.
pub fn local_time() -> LocalTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    LocalTime::of(since.unwrap_or_default())
}

impl LocalTime {
    /// A time since 1970.
    pub fn of(since: Duration) -> Self {
        let seconds = libc::time_t::try_from(since.as_secs()).unwrap_or_default();
        let mut broken = MaybeUninit::<libc::tm>::zeroed();
        // SAFETY: both pointers are to live values, and all zero is a valid tm should the
        // function leave it so.
        let tm = unsafe {
            libc::localtime_r(&raw const seconds, broken.as_mut_ptr());
            broken.assume_init()
        };
        LocalTime {
            date: (tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday),
            time: (tm.tm_hour, tm.tm_min, tm.tm_sec),
            fraction: since.subsec_nanos(),
            offset: tm.tm_gmtoff,
        }
    }

    fn clock_to(&self, digits: u32) -> String {
        let (hour, minute, second) = self.time;
        let (width, fraction) = (digits as usize, self.fraction / 10u32.pow(9 - digits));
        format!("{hour:02}:{minute:02}:{second:02}.{fraction:0width$}")
    }

    /// `HH:MM:SS.mmm`.
    pub fn clock(&self) -> String {
        self.clock_to(3)
    }

    /// The same to the microsecond.
    pub fn fine_clock(&self) -> String {
        self.clock_to(6)
    }

    /// As RFC 3339 writes it, with the zone's distance from UTC.
    pub fn rfc3339(&self) -> String {
        let (year, month, day) = self.date;
        let sign = if self.offset < 0 { '-' } else { '+' };
        let minutes = self.offset.abs() / 60;
        let zone = format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60);
        format!("{year:04}-{month:02}-{day:02}T{}{zone}", self.clock())
    }
}
