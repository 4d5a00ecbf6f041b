//! How soon a lab is repaired again. Whoever takes the same thing away each time that it
//! comes back is waited for, longer each time. Pure: the time is told, not looked at.

use std::collections::BTreeMap;
use std::time::Duration;

/// The same thing may be repaired so often without a pause: people try things.
const AT_ONCE: u32 = 3;
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// A fight is over when so much more than the last pause has passed without it.
const OVER: Duration = Duration::from_secs(10);
/// What failed is tried again soon: what was half gone, as the devices of a namespace that
/// dies, is then gone.
const SOON: Duration = Duration::from_millis(100);
/// It is tried so often, the last time after a minute; then only when something changes.
const ATTEMPTS: u32 = 11;
/// So many failures may pass by themselves, and are not told.
const UNTOLD: u32 = 2;

/// What a lab's repairs were like. All times count from one beginning.
#[derive(Debug, Default)]
pub(super) struct Patience {
    repaired: BTreeMap<String, Strikes>,
    failures: u32,
    told: Option<String>,
    /// Nothing is done before.
    pub(super) not_before: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Strikes {
    times: u32,
    last: Duration,
}

/// What is fought about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fight {
    pub(super) thing: String,
    pub(super) times: u32,
    pub(super) wait: Duration,
}

fn doubled(first: Duration, times: u32) -> Duration {
    first.saturating_mul(1 << times.min(16)).min(LONGEST)
}

impl Strikes {
    /// The pause after the last of them.
    fn pause(self) -> Duration {
        match self.times.checked_sub(AT_ONCE) {
            None => Duration::ZERO,
            Some(more) => doubled(FIRST, more),
        }
    }
}

impl Patience {
    /// Whether these things may be repaired now; else who fights about what.
    pub(super) fn may(&mut self, things: &[String], now: Duration) -> Result<(), Fight> {
        let over = |strikes: &Strikes| now > strikes.last + strikes.pause() + OVER;
        self.repaired.retain(|_, strikes| !over(strikes));
        let known = things
            .iter()
            .rev()
            .filter_map(|thing| self.repaired.get_key_value(thing));
        let Some((thing, strikes)) = known.max_by_key(|(_, strikes)| strikes.times) else {
            return Ok(());
        };
        self.not_before = strikes.last + strikes.pause();
        match self.not_before <= now {
            true => Ok(()),
            false => Err(Fight {
                thing: thing.clone(),
                times: strikes.times,
                wait: self.not_before - now,
            }),
        }
    }

    /// These were repaired.
    pub(super) fn repaired(&mut self, things: Vec<String>, now: Duration) {
        self.well();
        for thing in things {
            let none = Strikes {
                times: 0,
                last: now,
            };
            let strikes = self.repaired.entry(thing).or_insert(none);
            (strikes.times, strikes.last) = (strikes.times + 1, now);
        }
    }

    /// All is as described.
    pub(super) fn well(&mut self) {
        (self.failures, self.told) = (0, None);
    }

    /// It could not be repaired. Says whether this is news, and when it is tried again,
    /// if it may help to try.
    pub(super) fn failed(&mut self, why: String, again: bool, now: Duration) -> Failed {
        let again = again && self.failures + 1 < ATTEMPTS;
        let wait = doubled(SOON, self.failures);
        self.failures += 1;
        self.not_before = now + if again { wait } else { FIRST };
        let passes = again && self.failures <= UNTOLD;
        let news = !passes && self.told.as_ref() != Some(&why);
        if news {
            self.told = Some(why);
        }
        Failed {
            news,
            wait: again.then_some(wait),
        }
    }
}

/// What becomes of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) news: bool,
    pub(super) wait: Option<Duration>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(50);

    fn address() -> Vec<String> {
        vec!["pc: add address 10.0.0.1/24 to eth0".to_owned()]
    }

    /// How long each repair was waited for, of somebody who takes it away at once.
    fn waits(times: usize) -> Vec<u64> {
        let (mut patience, mut now) = (Patience::default(), Duration::ZERO);
        let mut waits = Vec::new();
        for _ in 0..times {
            now += MOMENT;
            let began = now;
            while let Err(fight) = patience.may(&address(), now) {
                now += fight.wait;
            }
            waits.push((now - began).as_secs_f64().round() as u64);
            patience.repaired(address(), now);
        }
        waits
    }

    #[test]
    fn who_fights_is_waited_for_twice_as_long_each_time_up_to_a_minute() {
        let expected = [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60];
        assert_eq!(waits(expected.len()), expected);
    }

    #[test]
    fn different_things_are_no_fight() {
        let mut patience = Patience::default();
        for n in 0..100u64 {
            let thing = vec![format!("add address 10.0.0.{n}/24")];
            assert_eq!(patience.may(&thing, MOMENT), Ok(()));
            patience.repaired(thing, MOMENT);
        }
    }

    #[test]
    fn a_fight_is_over_some_time_after_its_last_pause() {
        let mut patience = Patience::default();
        let mut now = MOMENT;
        for _ in 0..6 {
            patience.repaired(address(), now);
        }
        assert!(patience.may(&address(), now).is_err());
        now += Duration::from_secs(8) + OVER + MOMENT;
        assert_eq!(patience.may(&address(), now), Ok(()));
        patience.repaired(address(), now);
        assert_eq!(patience.may(&address(), now), Ok(()));
    }

    #[test]
    fn what_fails_is_told_once_if_it_lasts_and_tried_for_two_minutes() {
        let (mut patience, mut now) = (Patience::default(), Duration::ZERO);
        let mut news = Vec::new();
        loop {
            let failed = patience.failed("it is busy".to_owned(), true, now);
            news.extend(failed.news.then_some(now));
            match failed.wait {
                Some(wait) => now += wait,
                None => break,
            }
        }
        assert_eq!((news, now.as_secs()), (vec![SOON * 3], 102));
        assert!(patience.failed("it is another".to_owned(), true, now).news);
        patience.well();
        let failed = patience.failed("it is busy".to_owned(), true, now);
        assert_eq!((failed.news, failed.wait), (false, Some(SOON)));
        let failed = patience.failed("it is in the way".to_owned(), false, now);
        assert_eq!((failed.news, failed.wait), (true, None));
    }
}
