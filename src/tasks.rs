//! Tasks with an end, and work that blocks.

#![allow(clippy::disallowed_methods, reason = "these are what is used instead")]

use codepiper_protocol::wire::problem::{Code, Problem};
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// What the daemon does beside. Clones share it.
#[derive(Clone, Default)]
pub struct Tasks {
    /// Cancelled when the daemon leaves and what it does has to end.
    pub shutdown: CancellationToken,
    running: TaskTracker,
}

impl Tasks {
    /// Begins a task that the daemon waits for before it leaves: what it has begun is done. Where it may wait for long, it
    /// has to watch `shutdown`.
    pub fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.running.spawn(task)
    }

    /// Begins a task that ends where it waits when the daemon leaves; then it returns `None`.
    pub fn spawn_until_shutdown<F>(&self, task: F) -> JoinHandle<Option<F::Output>>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.spawn(self.shutdown.clone().run_until_cancelled_owned(task))
    }

    /// Tells all tasks to end, and waits until they have.
    pub async fn end(&self) {
        self.shutdown.cancel();
        self.running.close();
        self.running.wait().await;
    }
}

/// Begins a task that ends, at the latest, when the handle is dropped.
pub fn owned<F>(task: F) -> AbortOnDropHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    AbortOnDropHandle::new(tokio::spawn(task))
}

/// Begins work that blocks (a disk, a long computation) where it holds nobody up. It comes to its end, whether somebody
/// waits for it or not.
///
/// # Errors
/// When it panicked.
pub fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = Result<T, Panicked>> + Send {
    let working = tokio::task::spawn_blocking(work);
    async move { working.await.map_err(Panicked) }
}

/// Work panicked, which was reported.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Panicked(JoinError);

impl From<Panicked> for Problem {
    fn from(panicked: Panicked) -> Self {
        Problem::new(Code::Internal, panicked.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn the_end_waits_for_what_was_begun_and_for_nothing_else() {
        let tasks = Tasks::default();
        let done = Arc::new(Semaphore::new(0));
        let waits = tasks.spawn_until_shutdown(std::future::pending::<()>());
        let (noted, shutdown) = (done.clone(), tasks.shutdown.clone());
        tasks.spawn(async move {
            shutdown.cancelled().await;
            tokio::task::yield_now().await;
            noted.add_permits(1);
        });
        tasks.end().await;
        assert_eq!((done.available_permits(), waits.await.unwrap()), (1, None));
    }

    #[tokio::test]
    async fn a_panic_in_what_blocks_is_an_error() {
        assert_eq!(blocking(|| 1).await.unwrap(), 1);
        let problem = Problem::from(blocking(|| panic!("a bug")).await.unwrap_err());
        assert!(problem.code == Code::Internal && problem.detail.contains("a bug"), "{problem:?}");
    }
}
