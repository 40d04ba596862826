//! A subscription that survives a restart of the daemon.

mod seen;

use std::time::Duration;

use codepiper_protocol::Cursor;
use codepiper_protocol::wire::stream::{Begin, Delivery};
use tokio::time::{Instant, sleep};

use self::seen::Seen;
use super::output::say;
use crate::client::{Client, ClientError, Item, Stream};

/// How long a daemon may be away.
const ABSENCE: Duration = Duration::from_secs(30);
/// Between two tries: no event tells when a daemon listens.
const RETRY: Duration = Duration::from_millis(100);

pub(super) struct Follow {
    client: Client,
    delivery: Delivery,
    /// The session's events are wanted too.
    events: bool,
    seen: Seen,
    pub stream: Stream,
}

impl Follow {
    pub(super) async fn begin(
        client: Client,
        session: &str,
        from: Begin,
        delivery: Delivery,
        events: bool,
    ) -> Result<Self, ClientError> {
        let stream = client.subscribe(session, from, delivery, events.then_some(0)).await?;
        let mut follow = Self { client, delivery, events, seen: Seen::default(), stream };
        if let Begin::Cursor(from) = from {
            follow.rewind(from);
        }
        Ok(follow)
    }

    /// The stream may go on before what was seen.
    fn rewind(&mut self, seen: Cursor) {
        if self.delivery == Delivery::Every {
            let bytes = seen.offset.saturating_sub(self.stream.cursor.offset);
            self.seen.rewind(bytes, self.stream.size);
        }
    }

    /// What comes next; when the daemon went away, from the new one. May be dropped and called again.
    pub(super) async fn next(&mut self) -> Result<Item, ClientError> {
        loop {
            match self.stream.next().await {
                Err(error) if error.is_absence() => {
                    let seen = self.stream.cursor;
                    self.stream = self.again().await?;
                    self.rewind(seen);
                }
                Ok(item) if self.delivery == Delivery::Every => {
                    if let Some(item) = self.seen.take(item) {
                        return Ok(item);
                    }
                }
                result => return result,
            }
        }
    }

    /// Goes on right after what was seen, or with the screen of now when only the latest matters. The
    /// session keeps its id, but maybe not its name.
    async fn again(&self) -> Result<Stream, ClientError> {
        let session = self.stream.session.id.to_string();
        let from = match self.delivery {
            Delivery::Every => Begin::Cursor(self.stream.cursor),
            Delivery::Latest => Begin::Live,
        };
        let events = self.events.then_some(self.stream.last_event);
        after_absence(async || self.client.subscribe(&session, from, self.delivery, events).await).await
    }
}

/// Tries until the daemon is back.
pub(super) async fn after_absence<T>(
    mut attempt: impl AsyncFnMut() -> Result<T, ClientError>,
) -> Result<T, ClientError> {
    say(format_args!("lost the daemon; waiting up to {} s for it to come back …", ABSENCE.as_secs()));
    let give_up = Instant::now() + ABSENCE;
    loop {
        match attempt().await {
            Err(error) if error.is_absence() && Instant::now() < give_up => sleep(RETRY).await,
            Ok(done) => {
                say("the daemon is back");
                return Ok(done);
            }
            Err(error) => return Err(error),
        }
    }
}
