//! How much is done at once in repositories, and what becomes of work that does not end.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Mutex;
use std::time::Duration;

use codepiper_protocol::wire::problem::{Code, Problem};
use tokio::sync::Semaphore;

use crate::lock::lock;

/// What takes longer holds nobody up any more: what it waits for may never come (a FIFO in the place of a file).
pub const LONGEST: Duration = Duration::from_secs(10);

/// Work of one kind, in all repositories.
pub struct Turns {
    free: Semaphore,
    longest: Duration,
    /// So much may take longer in one directory before nothing more is begun there.
    most_overdue: usize,
    /// How much takes longer, by directory.
    overdue: Mutex<HashMap<PathBuf, usize>>,
}

impl Turns {
    pub fn new(at_once: usize, most_overdue: usize) -> Self {
        Self { free: Semaphore::new(at_once), longest: LONGEST, most_overdue, overdue: Mutex::default() }
    }

    /// Begins work in `dir` when it is its turn.
    ///
    /// # Errors
    /// When too much that was begun there has not ended.
    pub async fn take<F: Future>(&self, dir: &Path, begin: impl FnOnce() -> F) -> Result<F::Output, Problem> {
        let turn =
            self.free.acquire().await.map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
        if lock(&self.overdue).get(dir).is_some_and(|overdue| *overdue >= self.most_overdue) {
            let detail = format!(
                "git is still busy in {} after {} s; is there something in it that cannot be read, such as a FIFO?",
                dir.display(),
                self.longest.as_secs()
            );
            return Err(Problem::new(Code::Timeout, detail));
        }
        let mut work = pin!(begin());
        if let Ok(done) = tokio::time::timeout(self.longest, &mut work).await {
            return Ok(done);
        }
        drop(turn);
        let _overdue = Overdue::begin(self, dir);
        Ok(work.await)
    }
}

/// Work that takes longer.
struct Overdue<'t> {
    turns: &'t Turns,
    dir: &'t Path,
}

impl<'t> Overdue<'t> {
    fn begin(turns: &'t Turns, dir: &'t Path) -> Self {
        *lock(&turns.overdue).entry(dir.to_owned()).or_default() += 1;
        Self { turns, dir }
    }
}

impl Drop for Overdue<'_> {
    fn drop(&mut self) {
        let mut overdue = lock(&self.turns.overdue);
        if let Some(number) = overdue.get_mut(self.dir) {
            *number -= 1;
            if *number == 0 {
                overdue.remove(self.dir);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn what_never_ends_in_one_directory_holds_nobody_up_elsewhere() {
        const MOST_OVERDUE: usize = 4;
        let turns = Turns { longest: Duration::from_millis(20), ..Turns::new(4, MOST_OVERDUE) };
        let (stuck, other) = (Path::new("/stuck"), Path::new("/other"));
        let endless: Vec<_> = (0..MOST_OVERDUE).map(|_| turns.take(stuck, pending::<()>)).collect();
        {
            let all = futures_util::future::join_all(endless);
            let elsewhere = async {
                turns.take(other, || ready(())).await.unwrap();
                while lock(&turns.overdue).get(stuck) != Some(&MOST_OVERDUE) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                let refused = turns.take(stuck, || ready(())).await.unwrap_err();
                assert_eq!(refused.code, Code::Timeout);
                turns.take(other, || ready(())).await.unwrap();
            };
            tokio::select! {
                _ = all => unreachable!("it never ends"),
                () = elsewhere => {}
            }
        }
        // When it has ended after all.
        turns.take(stuck, || ready(())).await.unwrap();
    }
}
