//! Cuts the stream into text, controls and sequences, and remembers the sequence it is in.
//!
//! `vte` reads the sequences; where they begin and end is decided here, since tmux decides it in its
//! own way: a control inside a sequence acts at once, bytes from 0x80 on do not disturb a sequence, a device
//! control string ends only with `ESC \`, `ESC k` begins a string, and a started character survives
//! an escape sequence. Known to differ from tmux:
//!
//! * An operating system command longer than [`MAX_STRING`] has no effect (tmux: 1 MiB).
//! * tmux gives up on a string that is not ended within 5 s. There is no clock here: whoever feeds it says so
//!   ([`Parser::forget_sequence`]).
//! * tmux takes an application program command (`ESC _`) for a title; here it has no effect.

use memchr::{memchr, memchr3};

/// Bytes of an operating system command that are kept until it ends.
pub const MAX_STRING: usize = 64 * 1024;
/// tmux refuses a control sequence with more parameter bytes, with more parameters or with a larger one.
const MAX_PARAMETER_BYTES: usize = 63;
const MAX_PARAMETERS: usize = 23;
const MAX_PARAMETER: u64 = i32::MAX as u64;
/// A pending sequence that needed more memory gives it back.
const SMALL: usize = 256;

const BEL: u8 = 0x07;
const CAN: u8 = 0x18;
const SUB: u8 = 0x1a;
pub const ESC: u8 = 0x1b;

/// What the parser finds. Sequences come through [`vte::Perform`], single characters too.
pub trait Actions: vte::Perform {
    /// One or more printable ASCII characters.
    fn ascii(&mut self, text: &[u8]);
    /// A byte of a character that is not ASCII, complete or not, valid or not.
    fn high_byte(&mut self);
    /// A string begins, whatever its kind.
    fn string_begins(&mut self);
    /// The text of an operating system command; it begins with a digit.
    fn command(&mut self, text: &[u8]);
    /// Says of the control sequence that is dispatched next which parameters it leaves out.
    fn omits(&mut self, omitted: Omitted);
}

/// Parameters that a control sequence leaves out, counted with their parts. `vte` takes them for 0,
/// tmux tells them apart.
#[derive(Clone, Copy, Default)]
pub struct Omitted(u32);

#[derive(Default)]
pub struct Parser {
    vte: vte::Parser,
    state: State,
    /// The sequence so far, in [`State::Escape`], [`State::Control`] and [`State::Command`].
    pending: Vec<u8>,
    /// The character so far.
    character: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum State {
    #[default]
    Ground,
    Escape,
    /// A control sequence (CSI).
    Control,
    ControlIgnored,
    /// The head of a device control string, which may still turn out to be nothing.
    DeviceEntry,
    DeviceParameter,
    DeviceIntermediate,
    Device,
    DeviceEscape,
    /// An operating system command (OSC).
    Command,
    CommandIgnored,
    /// Any other string.
    String,
}

impl Parser {
    pub fn advance(&mut self, mut bytes: &[u8], actions: &mut impl Actions) {
        while let Some(&byte) = bytes.first() {
            let taken = match self.state {
                State::Ground => self.ground(byte, bytes, actions),
                State::Command | State::CommandIgnored | State::String => self.string(byte, bytes, actions),
                State::Device => self.device(bytes),
                _ => {
                    self.sequence(byte, actions);
                    1
                }
            };
            bytes = &bytes[taken..];
        }
    }

    /// Bytes that bring a fresh parser to where this one is. What a sequence that will have no effect
    /// said so far is left out.
    pub fn unfinished(&self) -> Vec<u8> {
        let sequence = match self.state {
            State::Ground => b"".as_slice(),
            State::Escape | State::Control | State::Command => &self.pending,
            State::ControlIgnored => b"\x1b[0<",
            State::DeviceEntry => b"\x1bP",
            State::DeviceParameter => b"\x1bP0",
            State::DeviceIntermediate => b"\x1bP ",
            State::Device => b"\x1bPz",
            State::DeviceEscape => b"\x1bPz\x1b",
            State::CommandIgnored => b"\x1b]!",
            State::String => b"\x1bX",
        };
        [&self.character, sequence].concat()
    }

    /// Whether only the first bytes of a character were seen.
    pub fn is_mid_character(&self) -> bool {
        !self.character.is_empty()
    }

    /// Forgets the sequence it is in, not the character: tmux tells of the one and not of the other.
    pub fn forget_sequence(&mut self) {
        self.enter(State::Ground);
    }

    fn ground(&mut self, byte: u8, bytes: &[u8], actions: &mut impl Actions) -> usize {
        match byte {
            b' '..=b'~' => {
                self.character.clear();
                let end = bytes.iter().position(|byte| !(b' '..=b'~').contains(byte)).unwrap_or(bytes.len());
                actions.ascii(&bytes[..end]);
                end
            }
            ESC => {
                if let Some(length) = complete_control_sequence(bytes) {
                    self.dispatch_control_sequence(&bytes[..length], actions);
                    return length;
                }
                self.enter(State::Escape);
                self.pending.push(ESC);
                1
            }
            0x80.. => self.high_bytes(bytes, actions),
            0x7f => 1,
            _ => {
                self.character.clear();
                actions.execute(byte);
                1
            }
        }
    }

    /// tmux takes as many bytes as the first one asks for, then looks whether they are a character.
    fn high_bytes(&mut self, bytes: &[u8], actions: &mut impl Actions) -> usize {
        actions.high_byte();
        let first = *self.character.first().unwrap_or(&bytes[0]);
        let length = match first {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => return 1,
        };
        let high = bytes.iter().take(length - self.character.len()).take_while(|&&byte| byte >= 0x80).count();
        if self.character.is_empty() && high == length {
            print(&bytes[..length], actions);
            return length;
        }
        self.character.extend_from_slice(&bytes[..high]);
        if self.character.len() == length {
            print(&self.character, actions);
            self.character.clear();
        }
        high
    }

    fn sequence(&mut self, byte: u8, actions: &mut impl Actions) {
        let in_device = matches!(
            self.state,
            State::DeviceEntry | State::DeviceParameter | State::DeviceIntermediate | State::DeviceEscape
        );
        match byte {
            b'\\' if self.state == State::DeviceEscape => self.enter(State::Ground),
            _ if self.state == State::DeviceEscape => self.enter(State::Device),
            CAN | SUB => self.cancel(byte, actions),
            ESC => {
                self.enter(State::Escape);
                self.pending.push(ESC);
            }
            ..=0x1f if in_device => {}
            ..=0x1f => {
                self.character.clear();
                actions.execute(byte);
            }
            0x7f.. => {}
            _ => match self.state {
                State::Escape => self.escape(byte, actions),
                State::Control => self.control(byte, actions),
                State::ControlIgnored => {
                    if byte >= b'@' {
                        self.enter(State::Ground);
                    }
                }
                _ => self.enter(match (self.state, byte) {
                    (_, b'@'..) => State::Device,
                    (_, b' '..=b'/') => State::DeviceIntermediate,
                    (State::DeviceEntry, b'0'..=b'9' | b';'..=b'?') => State::DeviceParameter,
                    (State::DeviceParameter, b'0'..=b'9' | b';') => State::DeviceParameter,
                    _ => State::String,
                }),
            },
        }
    }

    fn escape(&mut self, byte: u8, actions: &mut impl Actions) {
        let intermediates = self.pending.len() > 1;
        match byte {
            b' '..=b'/' => {
                // No command has so many; more would change nothing.
                if self.pending.len() < 5 {
                    self.pending.push(byte);
                }
            }
            b'[' if !intermediates => {
                self.pending.push(byte);
                self.state = State::Control;
            }
            b']' | b'P' | b'X' | b'^' | b'_' | b'k' if !intermediates => {
                actions.string_begins();
                match byte {
                    b']' => {
                        self.pending.push(byte);
                        self.state = State::Command;
                    }
                    b'P' => self.enter(State::DeviceEntry),
                    _ => self.enter(State::String),
                }
            }
            _ => {
                self.pending.push(byte);
                self.vte.advance(actions, &self.pending);
                self.enter(State::Ground);
            }
        }
    }

    fn control(&mut self, byte: u8, actions: &mut impl Actions) {
        self.pending.push(byte);
        if byte >= b'@' {
            let sequence = std::mem::take(&mut self.pending);
            self.enter(State::Ground);
            self.dispatch_control_sequence(&sequence, actions);
            self.pending = sequence;
            self.pending.clear();
        } else if self.pending.len() > MAX_PARAMETER_BYTES + 8 {
            self.enter(State::ControlIgnored);
        }
    }

    /// Handles a complete sequence, from ESC to its last byte.
    fn dispatch_control_sequence(&mut self, sequence: &[u8], actions: &mut impl Actions) {
        if let Some(omitted) = check_parameters(&sequence[2..sequence.len() - 1]) {
            actions.omits(omitted);
            self.vte.advance(actions, sequence);
        }
    }

    fn string(&mut self, byte: u8, bytes: &[u8], actions: &mut impl Actions) -> usize {
        match byte {
            ESC | CAN | SUB => {
                self.end_command(actions);
                if byte == ESC {
                    self.enter(State::Escape);
                    self.pending.push(ESC);
                } else {
                    self.cancel(byte, actions);
                }
                1
            }
            BEL if self.state != State::String => {
                self.end_command(actions);
                self.enter(State::Ground);
                1
            }
            ..=0x1f => 1,
            _ if self.state == State::Command => {
                let end = bytes.iter().position(|&byte| byte < b' ').unwrap_or(bytes.len());
                let begins_wrong = self.pending.len() == 2 && !byte.is_ascii_digit();
                if begins_wrong || self.pending.len() + end > MAX_STRING {
                    self.enter(State::CommandIgnored);
                } else {
                    self.pending.extend_from_slice(&bytes[..end]);
                }
                end
            }
            _ => {
                let end = memchr3(ESC, CAN, SUB, bytes).unwrap_or(bytes.len());
                match memchr(BEL, &bytes[..end]) {
                    Some(bell) if self.state == State::CommandIgnored => bell,
                    _ => end,
                }
            }
        }
    }

    fn end_command(&mut self, actions: &mut impl Actions) {
        if self.state == State::Command && self.pending.len() > 2 {
            actions.command(&self.pending[2..]);
        }
    }

    /// The body of a device control string has no effect.
    fn device(&mut self, bytes: &[u8]) -> usize {
        match memchr(ESC, bytes) {
            Some(escape) => {
                self.state = State::DeviceEscape;
                escape + 1
            }
            None => bytes.len(),
        }
    }

    fn cancel(&mut self, byte: u8, actions: &mut impl Actions) {
        self.character.clear();
        actions.execute(byte);
        self.enter(State::Ground);
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.pending.clear();
        if self.pending.capacity() > SMALL {
            self.pending.shrink_to(SMALL);
        }
    }
}

impl PartialEq for Parser {
    /// `vte` is between two sequences whenever it can be looked at.
    fn eq(&self, other: &Self) -> bool {
        (self.state, &self.pending, &self.character) == (other.state, &other.pending, &other.character)
    }
}

impl Omitted {
    pub fn has(self, index: usize) -> bool {
        self.0 >> index.min(31) & 1 != 0
    }
}

fn print(bytes: &[u8], actions: &mut impl Actions) {
    if let Some(character) = std::str::from_utf8(bytes).ok().and_then(|text| text.chars().next()) {
        actions.print(character);
    }
}

/// The length of a control sequence that the bytes begin with and that nothing interrupts.
fn complete_control_sequence(bytes: &[u8]) -> Option<usize> {
    let body = bytes.strip_prefix(b"\x1b[")?;
    let body = &body[..body.len().min(MAX_PARAMETER_BYTES)];
    let end = body.iter().position(|byte| !(b' '..=b'?').contains(byte))?;
    (b'@'..=b'~').contains(&body[end]).then_some(2 + end + 1)
}

/// `None` when tmux refuses the sequence for its parameters.
fn check_parameters(body: &[u8]) -> Option<Omitted> {
    let (mut omitted, mut part, mut parameters, mut bytes) = (0u32, 0, 1, 0);
    let (mut value, mut empty) = (0u64, true);
    for &byte in body {
        match byte {
            b'0'..=b'9' => {
                value = value * 10 + u64::from(byte - b'0');
                if value > MAX_PARAMETER {
                    return None;
                }
                empty = false;
            }
            b':' | b';' => {
                omitted |= u32::from(empty) << part.min(31);
                part += 1;
                parameters += usize::from(byte == b';');
                (value, empty) = (0, true);
            }
            _ => continue,
        }
        bytes += 1;
    }
    omitted |= u32::from(empty) << part.min(31);
    (bytes <= MAX_PARAMETER_BYTES && parameters <= MAX_PARAMETERS).then_some(Omitted(omitted))
}

#[cfg(test)]
mod tests;
