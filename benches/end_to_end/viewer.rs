//! A connection to the daemon's WebSocket, as lean as the other contenders' connections.

use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use codepiper_protocol::wire::ask::AnsweredIn;
use codepiper_protocol::wire::session::Activity;
use codepiper_protocol::wire::stream::{
    ACK_EVERY, Begin, ClientMessage, Delivery, KEYFRAME_BIT, ServerMessage,
};

use crate::Result;
use crate::bed::LIMIT;
use crate::echo::{Echo, readable};
use crate::login::Login;
use crate::program::Stream;

const TEXT: u8 = 1;
const BINARY: u8 = 2;

pub struct Viewer {
    stream: Box<dyn Stream>,
    /// Received and not yet taken.
    received: Vec<u8>,
    buffer: Vec<u8>,
    channel: u8,
    /// Where the output that was received ends, and what was acknowledged of it.
    offset: u64,
    acknowledged: u64,
    keyframes: usize,
    /// Of the frame that was received last.
    length: usize,
}

enum Frame {
    Message(Box<ServerMessage>),
    Output(Vec<u8>),
    Keyframe,
}

impl Viewer {
    pub fn connect(socket: &Path) -> Result<Self> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(LIMIT))?;
        Self::shake_hands(Box::new(stream), "Host: localhost\r\n", None)
    }

    /// As a page in a browser.
    pub fn of_browser(login: &Login) -> Result<Self> {
        let stream = login.connect()?;
        let message = ClientMessage::Authenticate { secret: login.secret.clone() };
        Self::shake_hands(Box::new(stream), &login.headers(), Some(message))
    }

    fn shake_hands(mut stream: Box<dyn Stream>, headers: &str, first: Option<ClientMessage>) -> Result<Self> {
        stream.write_all(
            format!(
                "GET /ws HTTP/1.1\r\n{headers}Connection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            .as_bytes(),
        )?;
        let (received, buffer) = (Vec::new(), vec![0; 64 * 1024]);
        let mut viewer = Self {
            stream,
            received,
            buffer,
            channel: 0,
            offset: 0,
            acknowledged: 0,
            keyframes: 0,
            length: 0,
        };
        let end = loop {
            viewer.receive()?;
            if let Some(at) = viewer.received.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
        };
        ensure!(viewer.received.starts_with(b"HTTP/1.1 101"), "no WebSocket");
        viewer.received.drain(..end);
        if let Some(message) = first {
            viewer.send(TEXT, &serde_json::to_vec(&message)?)?;
        }
        ensure!(
            matches!(viewer.wait_for_frame()?, Frame::Message(hello) if matches!(*hello, ServerMessage::Hello { .. }))
        );
        Ok(viewer)
    }

    /// Where the output that was received ends.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How often the whole screen came.
    pub fn keyframes(&self) -> usize {
        self.keyframes
    }

    /// Reads until the output up to there was received.
    pub fn read_up_to(&mut self, offset: u64) -> Result<()> {
        while self.offset < offset {
            self.wait_for_frame()?;
        }
        Ok(())
    }

    /// Reads what there is within that time.
    pub fn read_for(&mut self, time: Duration) -> Result<()> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            if readable(&self.stream, end)? {
                self.receive()?;
                while self.next_frame()?.is_some() {}
            }
        }
        Ok(())
    }

    /// Subscribes to a session; returns when its screen is there.
    pub fn subscribe(&mut self, session: &str) -> Result<()> {
        let request = ClientMessage::Subscribe {
            request: 1,
            session: session.to_owned(),
            from: Begin::Live,
            delivery: Delivery::Latest,
            events: None,
        };
        self.send(TEXT, &serde_json::to_vec(&request)?)?;
        let mut began = false;
        loop {
            match self.wait_for_frame()? {
                Frame::Message(message) => match *message {
                    ServerMessage::Subscribed { channel, .. } => (self.channel, began) = (channel, true),
                    ServerMessage::Error { problem, .. } => bail!("{}", problem.detail),
                    _ => {}
                },
                // Before it began, they belong to the subscription before this one.
                Frame::Keyframe if began => return Ok(()),
                Frame::Output(_) if began => bail!("output before the screen"),
                Frame::Keyframe | Frame::Output(_) => {}
            }
        }
    }

    /// Reads until the session that is subscribed to does that.
    pub fn until_it_is(&mut self, activity: Activity) -> Result<()> {
        self.until(|message| matches!(message, ServerMessage::Session { session, .. } if session.activity == activity))
    }

    /// Reads until the session that is subscribed to asks something that can be answered here; the ask's id.
    pub fn until_it_asks(&mut self) -> Result<String> {
        loop {
            if let Frame::Message(message) = self.wait_for_frame()?
                && let ServerMessage::Session { session, .. } = *message
                && let Some(ask) = session.asks.iter().find(|ask| ask.answered_in == AnsweredIn::Here)
            {
                return Ok(ask.id.clone());
            }
        }
    }

    /// Reads until such a message comes.
    pub fn until(&mut self, fits: impl Fn(&ServerMessage) -> bool) -> Result<()> {
        loop {
            if let Frame::Message(message) = self.wait_for_frame()?
                && fits(&message)
            {
                return Ok(());
            }
        }
    }

    pub fn tell(&mut self, message: &ClientMessage) -> Result<()> {
        self.send(TEXT, &serde_json::to_vec(message)?)
    }

    /// Asks for all sessions and their changes; the length of the answer.
    pub fn list(&mut self) -> Result<usize> {
        self.tell(&ClientMessage::Sessions {})?;
        loop {
            if let Frame::Message(message) = self.wait_for_frame()?
                && let ServerMessage::Sessions { .. } = *message
            {
                return Ok(self.length);
            }
        }
    }

    /// Reads until a session has that name; messages received, and their bytes.
    pub fn until_it_is_named(&mut self, name: &str) -> Result<(usize, usize)> {
        let (mut messages, mut bytes) = (0, 0);
        loop {
            let frame = self.wait_for_frame()?;
            (messages, bytes) = (messages + 1, bytes + self.length);
            if let Frame::Message(message) = frame
                && let ServerMessage::SessionChanged { session } = *message
                && session.name.as_deref() == Some(name)
            {
                return Ok((messages, bytes));
            }
        }
    }

    pub fn unsubscribe(&mut self) -> Result<()> {
        let request = ClientMessage::Unsubscribe { channel: self.channel };
        self.send(TEXT, &serde_json::to_vec(&request)?)
    }

    /// Types bytes into the session that is subscribed to, as one frame.
    pub fn type_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.send(BINARY, &[&[self.channel], bytes].concat())
    }

    /// One frame, masked with zeros.
    fn send(&mut self, opcode: u8, payload: &[u8]) -> Result<()> {
        let mut frame = vec![0x80 | opcode];
        match u16::try_from(payload.len())? {
            length @ 0..126 => frame.push(0x80 | length as u8),
            length => {
                frame.push(0x80 | 126);
                frame.extend(length.to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(payload);
        Ok(self.stream.write_all(&frame)?)
    }

    fn receive(&mut self) -> Result<()> {
        let length = self.stream.read(&mut self.buffer).context("the daemon is silent")?;
        ensure!(length > 0, "the daemon closed the connection");
        self.received.extend_from_slice(&self.buffer[..length]);
        Ok(())
    }

    fn wait_for_frame(&mut self) -> Result<Frame> {
        loop {
            if let Some(frame) = self.next_frame()? {
                return Ok(frame);
            }
            self.receive()?;
        }
    }

    /// The next frame, if all of it was received.
    fn next_frame(&mut self) -> Result<Option<Frame>> {
        let number = |bytes: Option<&[u8]>| {
            bytes.map(|bytes| bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
        };
        let Some([head, length]) = self.received.first_chunk::<2>().copied() else { return Ok(None) };
        let (start, length) = match length {
            126 => (4, number(self.received.get(2..4))),
            127 => (10, number(self.received.get(2..10))),
            length => (2, Some(usize::from(length))),
        };
        let Some(payload) = length.and_then(|length| self.received.get(start..start + length)) else {
            return Ok(None);
        };
        let end = start + payload.len();
        self.length = payload.len();
        let frame = match (head & 0xf, payload.split_first()) {
            (TEXT, _) => Frame::Message(Box::new(serde_json::from_slice(payload)?)),
            (BINARY, Some((tag, _))) if tag & KEYFRAME_BIT != 0 => Frame::Keyframe,
            (BINARY, Some((_, output))) => Frame::Output(output.to_vec()),
            _ => bail!("a frame that is none of ours"),
        };
        self.received.drain(..end);
        match &frame {
            Frame::Output(output) => self.offset += output.len() as u64,
            Frame::Message(message) => match **message {
                ServerMessage::Keyframe { cursor, .. } | ServerMessage::Gap { cursor, .. } => {
                    (self.offset, self.acknowledged) = (cursor.offset, cursor.offset);
                }
                _ => {}
            },
            Frame::Keyframe => self.keyframes += 1,
        }
        if self.offset - self.acknowledged >= ACK_EVERY {
            self.acknowledged = self.offset;
            let ack = ClientMessage::Ack { channel: self.channel, offset: self.offset };
            self.send(TEXT, &serde_json::to_vec(&ack)?)?;
        }
        Ok(Some(frame))
    }
}

impl Echo for Viewer {
    fn press(&mut self, key: u8) -> Result<()> {
        self.send(BINARY, &[self.channel, key])
    }

    fn read(&mut self, key: u8) -> Result<bool> {
        self.receive()?;
        let mut seen = false;
        while let Some(frame) = self.next_frame()? {
            seen |= matches!(frame, Frame::Output(output) if output.contains(&key));
        }
        Ok(seen)
    }

    fn descriptor(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
