//! The WebSocket of the API, by hand: it reads only when it is told to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use codepiper_protocol::wire::stream::{Begin, ClientMessage, Delivery, ServerMessage};

use super::TIMEOUT;

pub struct WebSocket {
    stream: BufReader<Box<dyn Stream>>,
}

trait Stream: Read + Write + AsFd {}

impl<T: Read + Write + AsFd> Stream for T {}

#[derive(Debug)]
pub enum Frame {
    Message(Box<ServerMessage>),
    Binary {
        tag: u8,
        bytes: Vec<u8>,
    },
    Ping,
    /// With the code, when there was a close frame.
    Closed(Option<u16>),
}

impl WebSocket {
    pub fn open(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        stream.set_write_timeout(Some(TIMEOUT)).unwrap();
        let mut socket = Self::shake_hands(stream, "Host: localhost\r\n").unwrap();
        socket.hello();
        socket
    }

    /// Over TCP, with the headers of a browser; the status when it is refused. Nothing is read behind it.
    pub fn of_browser(stream: TcpStream, headers: &str) -> Result<Self, u16> {
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        stream.set_write_timeout(Some(TIMEOUT)).unwrap();
        Self::shake_hands(stream, headers)
    }

    fn shake_hands(stream: impl Stream + 'static, headers: &str) -> Result<Self, u16> {
        let mut stream = BufReader::new(Box::new(stream) as Box<dyn Stream>);
        let request = format!(
            "GET /ws HTTP/1.1\r\n{headers}Upgrade: websocket\r\nConnection: upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        stream.get_mut().write_all(request.as_bytes()).unwrap();
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).unwrap_or_default().parse().unwrap();
        if status != 101 {
            return Err(status);
        }
        while line != "\r\n" {
            line.clear();
            stream.read_line(&mut line).unwrap();
        }
        Ok(Self { stream })
    }

    /// Everything but terminals comes after it.
    pub fn hello(&mut self) {
        let hello = self.message();
        assert!(matches!(hello, ServerMessage::Hello { .. }), "{hello:?}");
    }

    /// Reads until the daemon closes; the code that it says.
    pub fn closed(&mut self) -> Option<u16> {
        loop {
            if let Frame::Closed(code) = self.next() {
                return code;
            }
        }
    }

    /// Bytes that wait to be read.
    pub fn received(&self) -> usize {
        let mut bytes: nix::libc::c_int = 0;
        let descriptor = self.stream.get_ref().as_fd().as_raw_fd();
        // SAFETY: FIONREAD writes one int.
        let done = unsafe { nix::libc::ioctl(descriptor, nix::libc::FIONREAD, &raw mut bytes) };
        nix::errno::Errno::result(done).unwrap();
        self.stream.buffer().len() + usize::try_from(bytes).unwrap()
    }

    pub fn subscribe(&mut self, session: &str, from: Begin, delivery: Delivery) {
        self.tell(&ClientMessage::Subscribe {
            request: 1,
            session: session.to_owned(),
            from,
            delivery,
            events: None,
        });
    }

    pub fn tell(&mut self, message: &ClientMessage) {
        self.send(1, &serde_json::to_vec(message).unwrap());
    }

    /// Sends bytes as they are. They may be too many for a daemon that has closed.
    pub fn raw(&mut self, bytes: &[u8]) {
        let _ = self.stream.get_mut().write_all(bytes);
    }

    /// Types into a channel.
    pub fn type_(&mut self, channel: u8, bytes: &[u8]) {
        self.send(2, &[&[channel], bytes].concat());
    }

    /// The next message; frames of terminals are passed over.
    pub fn message(&mut self) -> ServerMessage {
        loop {
            match self.next() {
                Frame::Message(message) => return *message,
                Frame::Binary { .. } | Frame::Ping => {}
                Frame::Closed(_) => panic!("the daemon closed the WebSocket"),
            }
        }
    }

    /// The first message that fits.
    pub fn until<T>(&mut self, mut fits: impl FnMut(ServerMessage) -> Option<T>) -> T {
        loop {
            if let Some(found) = fits(self.message()) {
                return found;
            }
        }
    }

    pub fn next(&mut self) -> Frame {
        let mut head = [0; 2];
        if self.stream.read_exact(&mut head).is_err() {
            return Frame::Closed(None);
        }
        let length = match head[1] {
            126 => u64::from(u16::from_be_bytes(self.array())),
            127 => u64::from_be_bytes(self.array()),
            length => u64::from(length),
        };
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.stream.read_exact(&mut payload).unwrap();
        match head[0] {
            0x81 => Frame::Message(Box::new(serde_json::from_slice(&payload).unwrap())),
            0x82 => Frame::Binary { tag: payload[0], bytes: payload.split_off(1) },
            0x89 => Frame::Ping,
            0x88 => Frame::Closed(payload.first_chunk().map(|code| u16::from_be_bytes(*code))),
            other => panic!("a frame that begins with {other:#x}"),
        }
    }

    /// Waits longer for the daemon.
    pub fn wait_for(&self, limit: std::time::Duration) {
        let fd = self.stream.get_ref().as_fd();
        let limit = nix::sys::time::TimeVal::new(limit.as_secs() as i64, 0);
        nix::sys::socket::setsockopt(&fd, nix::sys::socket::sockopt::ReceiveTimeout, &limit).unwrap();
    }

    /// One masked frame; the mask is 0.
    fn send(&mut self, opcode: u8, payload: &[u8]) {
        let mut frame = vec![0x80 | opcode, 0x80 | 127];
        frame.extend((payload.len() as u64).to_be_bytes());
        frame.extend([0; 4]);
        frame.extend(payload);
        self.stream.get_mut().write_all(&frame).unwrap();
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }
}
