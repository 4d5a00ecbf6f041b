//! Taken numbers as runs without a gap: the next free one is found by looking at one
//! run, however many are taken.

use std::collections::BTreeMap;
use std::convert::Infallible;

/// Numbers from the first to the last, both included, all of them taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The lowest.
    pub first: u128,
    /// The highest, less than the largest number there is.
    pub last: u128,
}

/// Taken numbers, wherever their runs are kept: in memory, or in the journal. Between
/// two runs is always a gap, so that the number after a run is free.
pub trait Runs {
    /// Why they cannot be read or written.
    type Error;

    /// Of the runs that begin at this number or before it, the last.
    fn run_up_to(&self, number: u128) -> Result<Option<Run>, Self::Error>;
    /// Keeps a run, in the place of one that begins with the same number.
    fn put(&mut self, run: Run) -> Result<(), Self::Error>;
    /// Forgets the run that begins with this number.
    fn drop_run(&mut self, first: u128) -> Result<(), Self::Error>;

    /// The run that this number is in.
    fn around(&self, number: u128) -> Result<Option<Run>, Self::Error> {
        let run = self.run_up_to(number)?;
        Ok(run.filter(|run| number <= run.last))
    }

    /// This number if it is free, else the next free one.
    fn free_from(&self, number: u128) -> Result<u128, Self::Error> {
        Ok(self.around(number)?.map_or(number, |run| run.last + 1))
    }

    /// Takes a number; `false`: it is taken already.
    fn take(&mut self, number: u128) -> Result<bool, Self::Error> {
        let before = self.run_up_to(number)?;
        if before.is_some_and(|run| number <= run.last) {
            return Ok(false);
        }
        let mut run = Run {
            first: number,
            last: number,
        };
        if let Some(after) = self.around(number + 1)? {
            self.drop_run(after.first)?;
            run.last = after.last;
        }
        if let Some(before) = before.filter(|run| run.last + 1 == number) {
            run.first = before.first;
        }
        self.put(run)?;
        Ok(true)
    }

    /// Frees a number; `false`: it is free already.
    fn give_back(&mut self, number: u128) -> Result<bool, Self::Error> {
        let Some(Run { first, last }) = self.around(number)? else {
            return Ok(false);
        };
        match first < number {
            true => self.put(Run {
                first,
                last: number - 1,
            })?,
            false => self.drop_run(first)?,
        }
        if number < last {
            let first = number + 1;
            self.put(Run { first, last })?;
        }
        Ok(true)
    }
}

/// In memory: the last number of each run by its first.
impl Runs for BTreeMap<u128, u128> {
    type Error = Infallible;

    fn run_up_to(&self, number: u128) -> Result<Option<Run>, Infallible> {
        let run = self.range(..=number).next_back();
        Ok(run.map(|(first, last)| Run {
            first: *first,
            last: *last,
        }))
    }

    fn put(&mut self, run: Run) -> Result<(), Infallible> {
        self.insert(run.first, run.last);
        Ok(())
    }

    fn drop_run(&mut self, first: u128) -> Result<(), Infallible> {
        self.remove(&first);
        Ok(())
    }
}
