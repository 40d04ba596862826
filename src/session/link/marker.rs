//! The shim's exit marker: it stands in the output right behind the program's last byte.

use bytes::{Bytes, BytesMut};
use codepiper_protocol::shim::{BEHIND_MARKER, ExitStatus, exit_marker_head, parse_exit_marker};

/// A marker has two numbers behind its head.
const LONGEST_TAIL: usize = 32;
/// What is held back and has no more than these of a marker's first bytes may be all that a program prints for
/// now (an ESC, say): it must be let go when nothing follows.
const AMBIGUOUS: usize = 2;

/// A marker begins with it, and has no other.
const ESC: u8 = 0x1b;

/// Finds the marker of one launch, and takes it out of the output: the program did not print it.
#[derive(Debug)]
pub struct Marker {
    nonce: String,
    head: Vec<u8>,
    /// The beginning of what may be the marker, from the chunks before.
    begun: BytesMut,
    /// So many of its first bytes were let go.
    known: usize,
    /// What the shim may still print behind the marker.
    behind: &'static [u8],
}

impl Marker {
    pub fn new(nonce: &str) -> Self {
        let head = exit_marker_head(nonce).into_bytes();
        Self { nonce: nonce.to_owned(), head, begun: BytesMut::new(), known: 0, behind: b"" }
    }

    /// What the program printed, and how it ended if the marker is complete. Without a nonce nothing
    /// is a marker.
    pub fn take_out(&mut self, bytes: Bytes) -> (Bytes, Option<ExitStatus>) {
        if self.nonce.is_empty() {
            return (bytes, None);
        }
        let bytes = self.without_behind(bytes);
        if self.begun.is_empty() {
            return self.find(bytes, 0);
        }
        let mut whole = std::mem::take(&mut self.begun);
        whole.extend_from_slice(&bytes);
        let known = std::mem::take(&mut self.known);
        self.find(whole.freeze(), known)
    }

    /// Whether something is held back that the program may have printed, with nothing to follow.
    pub fn holds_back(&self) -> bool {
        (1..=AMBIGUOUS).contains(&self.begun.len()) && self.known < self.begun.len()
    }

    /// Lets go what is held back. It may still become a marker.
    pub fn let_go(&mut self) -> Bytes {
        let known = std::mem::replace(&mut self.known, self.begun.len());
        Bytes::copy_from_slice(&self.begun[known.min(self.begun.len())..])
    }

    /// The first `known` bytes were handed on before.
    fn find(&mut self, bytes: Bytes, known: usize) -> (Bytes, Option<ExitStatus>) {
        let up_to = |end: usize| bytes.slice(known.min(end)..end);
        // Nearly always there is nothing to look for.
        if known == 0 && memchr::memchr(ESC, &bytes).is_none() {
            return (bytes, None);
        }
        let Some(start) = memchr::memmem::find(&bytes, &self.head) else {
            let begun = self.begins(&bytes);
            let start = bytes.len() - begun;
            self.begun = BytesMut::from(&bytes[start..]);
            self.known = known.saturating_sub(start);
            return (up_to(start), None);
        };
        let marker = &bytes[start..];
        let Some(end) = memchr::memchr(b'\x07', marker) else {
            if marker.len() > self.head.len() + LONGEST_TAIL {
                return (up_to(bytes.len()), None);
            }
            self.begun = BytesMut::from(marker);
            self.known = known.saturating_sub(start);
            return (up_to(start), None);
        };
        // Between ESC ] and BEL.
        let Some(status) = parse_exit_marker(&marker[2..end], &self.nonce) else {
            return (up_to(bytes.len()), None);
        };
        let printed = up_to(start);
        self.behind = BEHIND_MARKER.as_bytes();
        let behind = self.without_behind(bytes.slice(start + end + 1..));
        if behind.is_empty() {
            return (printed, Some(status));
        }
        (Bytes::from([printed, behind].concat()), Some(status))
    }

    /// Takes out what the shim prints behind its marker. An older shim prints nothing there.
    fn without_behind(&mut self, bytes: Bytes) -> Bytes {
        let common = bytes.iter().zip(self.behind).take_while(|(byte, wanted)| byte == wanted).count();
        self.behind = if common == bytes.len() { &self.behind[common..] } else { b"" };
        bytes.slice(common..)
    }

    /// So many bytes at the end may be the beginning of the marker.
    fn begins(&self, bytes: &[u8]) -> usize {
        let longest = bytes.len().min(self.head.len() - 1);
        (1..=longest).rev().find(|length| self.head.starts_with(&bytes[bytes.len() - length..])).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use codepiper_protocol::shim::exit_marker;

    use super::*;

    const STATUS: ExitStatus = ExitStatus { code: Some(7), signal: None };

    fn run(chunks: &[&[u8]]) -> (Vec<u8>, Option<ExitStatus>) {
        let mut marker = Marker::new("c0ffee");
        let mut printed = Vec::new();
        let mut ended = None;
        for chunk in chunks {
            let (bytes, status) = marker.take_out(Bytes::copy_from_slice(chunk));
            printed.extend_from_slice(&bytes);
            ended = ended.or(status);
        }
        (printed, ended)
    }

    #[test]
    fn the_marker_is_found_wherever_it_is_cut_and_is_no_output() {
        // What an older shim printed, too.
        for behind in [BEHIND_MARKER, ""] {
            let marker = exit_marker("c0ffee", STATUS);
            let stream = format!("last line\r\n\x1b]{marker}\x07{behind}child").into_bytes();
            assert_eq!(run(&[&stream]), (b"last line\r\nchild".to_vec(), Some(STATUS)));
            for cut in 0..stream.len() {
                let (printed, ended) = run(&[&stream[..cut], &stream[cut..]]);
                assert_eq!(ended, Some(STATUS), "cut at {cut}");
                assert_eq!(printed, b"last line\r\nchild", "cut at {cut}");
            }
        }
    }

    #[test]
    fn what_is_held_back_can_be_let_go_once() {
        let marker_of = |chunk: &'static [u8]| {
            let mut marker = Marker::new("c0ffee");
            assert_eq!(marker.take_out(Bytes::from_static(chunk)).0, b"a".as_slice());
            marker
        };
        let mut marker = marker_of(b"a\x1b");
        assert!(marker.holds_back());
        assert_eq!(marker.let_go(), b"\x1b".as_slice());
        assert!(!marker.holds_back() && marker.let_go().is_empty());
        assert_eq!(marker.take_out(Bytes::from_static(b"[m")).0, b"[m".as_slice());

        // It was the marker all the same.
        let mut marker = marker_of(b"a\x1b]");
        assert_eq!(marker.let_go(), b"\x1b]".as_slice());
        let rest = format!("{}\x07", exit_marker("c0ffee", STATUS));
        assert_eq!(marker.take_out(rest.into()), (Bytes::new(), Some(STATUS)));

        // Nothing but a marker begins like this.
        assert!(!marker_of(b"a\x1b]5379").holds_back());
    }

    #[test]
    fn forged_and_broken_markers_are_ordinary_output() {
        let forged = format!("\x1b]{}\x07", exit_marker("beef", STATUS)).into_bytes();
        let broken = b"\x1b]5379;exit;c0ffee;x;y\x07".to_vec();
        let endless = [b"\x1b]5379;exit;c0ffee;".to_vec(), vec![b'1'; 100]].concat();
        for stream in [forged, broken, endless] {
            assert_eq!(run(&[&stream]), (stream.clone(), None));
            let bytes: Vec<&[u8]> = stream.chunks(1).collect();
            assert_eq!(run(&bytes), (stream.clone(), None));
        }
    }
}
