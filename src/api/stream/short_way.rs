//! The short way of output to a client that waits for it: written to its socket where it is published, without
//! a turn of the connection's task.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::{Buf, BytesMut};
use fastwebsockets::OpCode;
use tokio::sync::Notify;

use super::frame::put_frame;
use crate::bus::DirectOutput;
use crate::lock::lock;

/// Longer output, in bytes, takes the long way, where much is written at once.
const LONGEST: usize = 4096;

pub(super) struct ShortWay {
    /// The client's, and does not block.
    socket: OwnedFd,
    /// What the socket did not take. While there is something, nothing takes the short way.
    unwritten: Mutex<BytesMut>,
    /// Wakes the task, which writes it.
    watcher: Arc<Notify>,
}

impl ShortWay {
    pub fn new(socket: OwnedFd, watcher: Arc<Notify>) -> Arc<Self> {
        Arc::new(Self { socket, unwritten: Mutex::default(), watcher })
    }

    /// The short way into a channel.
    pub fn into_channel(self: &Arc<Self>, number: u8) -> DirectOutput {
        let short_way = self.clone();
        Arc::new(move |bytes| short_way.write(number, bytes))
    }

    fn write(&self, channel: u8, bytes: &[u8]) -> bool {
        let mut unwritten = self.unwritten();
        if bytes.len() > LONGEST || !unwritten.is_empty() {
            return false;
        }
        put_frame(&mut unwritten, OpCode::Binary, Some(channel), bytes);
        // Whatever is wrong, the task will see it, too.
        let written = nix::unistd::write(&self.socket, &unwritten).unwrap_or(0);
        if written == unwritten.len() {
            unwritten.clear();
        } else {
            unwritten.advance(written);
            self.watcher.notify_one();
        }
        true
    }

    /// Moves what was not written to what the task writes.
    pub fn drain_into(&self, out: &mut BytesMut) {
        let mut unwritten = self.unwritten();
        out.extend_from_slice(&unwritten);
        unwritten.clear();
    }

    fn unwritten(&self) -> MutexGuard<'_, BytesMut> {
        lock(&self.unwritten)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::net::UnixStream;

    use futures_util::FutureExt;

    use super::*;

    /// Fills the socket, and takes everything out of it.
    fn filled_and_emptied(ours: OwnedFd, mut theirs: impl Read) -> (DirectOutput, Arc<Notify>) {
        let watcher = Arc::new(Notify::new());
        let short_way = ShortWay::new(ours, watcher.clone());
        let give = short_way.into_channel(3);
        let mut sent = Vec::new();
        for number in 0.. {
            let text = vec![number as u8; LONGEST];
            if !give(&text) {
                break;
            }
            sent.extend([&[0x82, 126, 16, 1, 3][..], &text].concat());
        }
        assert!(watcher.notified().now_or_never().is_some(), "the task is woken");
        assert!(!give(b"x"), "nothing overtakes what waits");

        let mut unwritten = BytesMut::new();
        short_way.drain_into(&mut unwritten);
        let mut received = vec![0; sent.len() - unwritten.len()];
        theirs.read_exact(&mut received).unwrap();
        received.extend_from_slice(&unwritten);
        assert!(received == sent);
        (give, watcher)
    }

    #[test]
    fn what_a_full_socket_does_not_take_is_left_to_the_task_in_order() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let (give, watcher) = filled_and_emptied(ours.into(), theirs.try_clone().unwrap());
        assert!(give(b"x"));
        assert!(!give(&[b'x'; LONGEST + 1]));
        assert!(watcher.notified().now_or_never().is_none());

        // This one takes a part of a frame.
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let theirs = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (ours, _) = listener.accept().unwrap();
        ours.set_nonblocking(true).unwrap();
        filled_and_emptied(ours.into(), theirs);
    }
}
