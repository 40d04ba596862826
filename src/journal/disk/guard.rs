//! The store answers damage with a panic or with silence: what it is asked, it is asked under guard.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Silence {
    Panicked(String),
    /// Not within the limit. The thread is left to itself.
    TimedOut,
}

/// Runs it here; a panic becomes an error.
pub fn caught<T>(ask: impl FnOnce() -> T) -> Result<T, Silence> {
    catch_unwind(AssertUnwindSafe(ask)).map_err(|panic| Silence::Panicked(message(&*panic)))
}

/// Runs it in a thread of its own and waits for it for so long.
pub fn limited<T: Send + 'static>(
    limit: Duration,
    ask: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Silence> {
    let (answer, answered) = mpsc::sync_channel(1);
    let spawned = thread::Builder::new().name("journal-guard".to_owned()).spawn(move || {
        let _ = answer.send(caught(ask));
    });
    if let Err(error) = spawned {
        return Err(Silence::Panicked(format!("no thread: {error}")));
    }
    answered.recv_timeout(limit).unwrap_or(Err(Silence::TimedOut))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "unknown".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_and_a_silence_are_answers() {
        let limit = Duration::from_secs(10);
        assert_eq!(limited(limit, || 3), Ok(3));
        assert_eq!(limited(limit, || panic!("oh {}", 1)), Err::<(), _>(Silence::Panicked("oh 1".into())));
        let (_held, never) = mpsc::channel::<()>();
        let asked = limited(Duration::from_millis(10), move || never.recv());
        assert_eq!(asked.map(drop), Err(Silence::TimedOut));
    }
}
