//! Waits for a time by the wall clock. The kernel wakes who waits when that time has come, also when the machine slept over it
//! (`timerfd_create(2)`), and when somebody sets the clock (`TFD_TIMER_CANCEL_ON_SET`): nothing polls.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use jiff::Timestamp;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Without such a timer, the clock is looked at so often.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// See the module.
pub struct WallClock(Option<AsyncFd<OwnedFd>>);

impl WallClock {
    pub fn new() -> Self {
        let timer = Self::timer();
        if let Err(error) = &timer {
            tracing::warn!(%error, "there is no timer by the wall clock; it is looked at now and then");
        }
        Self(timer.ok())
    }

    fn timer() -> io::Result<AsyncFd<OwnedFd>> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let fd = timerfd_create(TimerfdClockId::Realtime, flags)?;
        // SAFETY: the descriptor is owned by the value that is registered, and closed with it.
        let fd = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) };
        fd.map_err(|error| error.into_parts().1)
    }

    /// Returns at that time, or when the clock was set: who waits looks at it. Never without a time.
    pub async fn until(&self, at: Option<Timestamp>) {
        let Some(at) = at else { return std::future::pending().await };
        match &self.0 {
            Some(timer) if set(timer, at).is_ok() => read(timer).await,
            _ => {
                let left = Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or_default();
                tokio::time::sleep(left.min(LOOK_EVERY)).await;
            }
        }
    }
}

fn set(timer: &AsyncFd<OwnedFd>, at: Timestamp) -> io::Result<()> {
    // Zero would switch it off.
    let at = Timespec { tv_sec: at.as_second().max(1), tv_nsec: at.subsec_nanosecond().max(0).into() };
    let spec = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: at };
    let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
    timerfd_settime(timer, flags, &spec)?;
    Ok(())
}

/// A clock that was set is told by an error.
async fn read(timer: &AsyncFd<OwnedFd>) {
    loop {
        let Ok(mut ready) = timer.readable().await else { return std::future::pending().await };
        let mut count = [0; 8];
        match rustix::io::read(timer.get_ref(), &mut count) {
            Err(rustix::io::Errno::AGAIN) => ready.clear_ready(),
            _ => {
                ready.clear_ready();
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_wakes_at_the_time_again_and_again() {
        let clock = WallClock::new();
        assert!(clock.0.is_some());
        for _ in 0..3 {
            let at = Timestamp::now() + jiff::SignedDuration::from_millis(60);
            tokio::time::timeout(Duration::from_secs(10), clock.until(Some(at))).await.unwrap();
            assert!(Timestamp::now() >= at);
        }
        // One that was given up does not fire later.
        let soon = Timestamp::now() + jiff::SignedDuration::from_millis(10);
        let later = Timestamp::now() + jiff::SignedDuration::from_secs(60);
        let _ = tokio::time::timeout(Duration::from_millis(1), clock.until(Some(soon))).await;
        let waited = tokio::time::timeout(Duration::from_millis(100), clock.until(Some(later))).await;
        assert!(waited.is_err());
        tokio::time::timeout(Duration::from_secs(10), clock.until(Some(Timestamp::UNIX_EPOCH)))
            .await
            .unwrap();
    }
}
