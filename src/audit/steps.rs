//! Where tests look and break things. In the program there is nothing here.

use std::io;
#[cfg(test)]
use std::sync::Arc;

use jiff::Timestamp;

/// What comes next, or has just been done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many bytes of lines; the answer is how many of them the disk takes.
    Write(usize),
    Cut,
    Sync,
    Head,
    HeadWritten,
    /// The steps of a shortened start.
    PruneCopied,
    PruneRename,
    PruneRenamed,
}

#[cfg(test)]
type Watch = Arc<dyn Fn(Step) -> io::Result<usize> + Send + Sync>;
#[cfg(test)]
type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

#[derive(Clone, Default)]
pub struct Steps {
    #[cfg(test)]
    pub watch: Option<Watch>,
    #[cfg(test)]
    pub clock: Option<Clock>,
}

impl Steps {
    pub fn now(&self) -> Timestamp {
        #[cfg(test)]
        if let Some(clock) = &self.clock {
            return clock();
        }
        Timestamp::now()
    }

    pub fn before(&self, step: Step) -> io::Result<()> {
        self.room(step).map(drop)
    }

    /// How many of the bytes of [`Step::Write`] the disk takes.
    pub fn room(&self, step: Step) -> io::Result<usize> {
        #[cfg(test)]
        if let Some(watch) = &self.watch {
            return watch(step);
        }
        match step {
            Step::Write(bytes) => Ok(bytes),
            _ => Ok(0),
        }
    }
}
