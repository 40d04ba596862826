//! Benchmarks of pure code: no tmux, no clock, and no files but the journal's and a transcript. `cargo bench --bench pure [FILTER]`.

mod fan_out;
mod journal;
mod parser;
mod screen;
mod transcript;

use std::task::{Context, Poll, Waker};

/// What a future is that does not wait.
fn now<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("it waits"),
    }
}

fn main() {
    divan::main();
}
