//! The task that reads.

use std::pin::pin;
use std::time::Duration;

use bytes::BytesMut;
use codepiper_protocol::tmux::{Item, PaneId, Parser};
use tokio::io::AsyncReadExt;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{End, Reading, Shared, Sink, Then};

/// Bytes read from the pipe at once.
const READ: usize = 256 * 1024;
/// What is not urgent is done so long after output was handed over (a timer takes up to 1 ms more), or when there is so
/// much of it (bytes): the threads that are woken for it would take the processor from those who wait for the output.
const SETTLE_AFTER: Duration = Duration::from_millis(1);
const SETTLE_AT: usize = 16 * 1024;
/// Output of one read, by pane, in one buffer each.
#[derive(Default)]
struct Batch {
    panes: Vec<(PaneId, BytesMut)>,
    used: usize,
    /// Bytes since the sink settled last.
    unsettled: usize,
}

impl Batch {
    fn buffer(&mut self, pane: PaneId) -> &mut BytesMut {
        let found = self.panes[..self.used].iter().position(|(id, _)| *id == pane);
        let index = found.unwrap_or_else(|| {
            if self.used == self.panes.len() {
                self.panes.push((pane, BytesMut::new()));
            }
            self.panes[self.used].0 = pane;
            self.used += 1;
            self.used - 1
        });
        &mut self.panes[index].1
    }

    fn flush(&mut self, sink: &mut impl Sink) {
        for (pane, buffer) in &mut self.panes[..self.used] {
            if !buffer.is_empty() {
                self.unsettled += buffer.len();
                sink.output(*pane, buffer.split().freeze());
            }
        }
        self.used = 0;
    }
}

impl Reading {
    /// Reads until the connection ends or is dropped. Everybody who waits for a reply is told then.
    pub async fn run(mut self, sink: &mut impl Sink, drop_it: CancellationToken) -> End {
        let shared = self.connection.shared.clone();
        let end = tokio::select! {
            // Reading goes first.
            biased;
            end = self.read(sink) => end,
            () = shared.write_pending() => End::Eof,
            () = drop_it.cancelled() => {
                // To the server this is a detach like any other.
                let _ = self.child.start_kill();
                End::Dropped
            }
        };
        sink.settle();
        shared.close();
        // A client that was told to go is gone soon; one that hangs is killed by the drop.
        let _ = tokio::time::timeout(Duration::from_millis(200), self.child.wait()).await;
        end
    }

    async fn read(&mut self, sink: &mut impl Sink) -> End {
        let shared = self.connection.shared.clone();
        let mut parser = Parser::new();
        let mut batch = Batch::default();
        let mut buffer = vec![0; READ];
        let mut end = None;
        let mut settling = pin!(sleep(SETTLE_AFTER));
        loop {
            if !sink.has_room() {
                sink.room().await;
            }
            let unsettled = batch.unsettled;
            let read = tokio::select! {
                biased;
                read = self.pipe.read(&mut buffer) => read,
                () = settling.as_mut(), if unsettled > 0 => {
                    batch.unsettled = 0;
                    sink.settle();
                    continue;
                }
            };
            let length = match read {
                Ok(0) => {
                    parser.finish(&mut |item| handle(item, &shared, &mut batch, sink, &mut end));
                    batch.flush(sink);
                    return end.unwrap_or(End::Eof);
                }
                Ok(length) => length,
                Err(error) => return End::Broken(error.to_string()),
            };
            parser.feed(&buffer[..length], &mut |item| handle(item, &shared, &mut batch, sink, &mut end));
            batch.flush(sink);
            if let Some(end) = end.take() {
                return end;
            }
            if batch.unsettled > unsettled {
                if unsettled == 0 {
                    settling.as_mut().reset(Instant::now() + SETTLE_AFTER);
                }
                tokio::task::yield_now().await;
            }
            if batch.unsettled >= SETTLE_AT {
                batch.unsettled = 0;
                sink.settle();
            }
        }
    }
}

fn handle(item: Item<'_>, shared: &Shared, batch: &mut Batch, sink: &mut impl Sink, end: &mut Option<End>) {
    match item {
        Item::Output { pane, data, .. } => {
            let malformed = data.unescape_into(batch.buffer(pane));
            if malformed > 0 {
                tracing::warn!(%pane, malformed, "output with escapes that are none");
            }
        }
        Item::Reply(reply) => {
            if let Some((Then::Call(then), replies)) = shared.reply(reply) {
                batch.flush(sink);
                then(replies);
            }
        }
        Item::Notification(notification) => {
            batch.flush(sink);
            sink.notification(notification);
        }
        Item::Exit { reason } => *end = Some(End::Exit(reason)),
        Item::Unknown(line) => {
            tracing::info!(line = %line.escape_ascii(), "a line from tmux that is not known")
        }
        Item::TooLong { bytes } => *end = Some(End::Broken(format!("a line of {bytes} bytes"))),
    }
}
