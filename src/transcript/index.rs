//! Where in a file the entries of a conversation lie: some 50 bytes an entry, whatever it says.

use std::collections::{HashMap, VecDeque};

use codepiper_protocol::wire::conversation::{Said, Usage};
use jiff::Timestamp;

use super::{Line, Outcome, Piece};

/// Calls without a result that are remembered. Those that were interrupted never get one.
const OPEN_CALLS: usize = 1024;
/// Answers whose tokens may still be told anew.
const ANSWERS: usize = 64;

/// A line in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub offset: u64,
    pub length: u32,
}

/// An entry.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    pub line: Span,
    pub part: Part,
    /// The line and the piece that are its result.
    pub result: Option<(Span, u16)>,
    /// The revision it changed in.
    pub revision: u32,
}

/// What of its line an entry is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    Piece(u16),
    /// The model that answers from here on.
    Model,
    /// The end of a turn that the transcript does not tell: the next one begins.
    Turn,
}

/// What a turn cost.
#[derive(Clone, Debug)]
pub struct Turn {
    number: u32,
    pub usage: Usage,
    pub model: Option<String>,
}

/// Something that events tell of.
#[derive(Clone, Debug, PartialEq)]
pub struct Happening {
    pub at: Option<Timestamp>,
    /// Behind its line, in bytes.
    pub offset: u64,
    /// Of all before that.
    pub hash: u64,
    /// A prompt, or the end of a turn, or what may come between.
    pub said: Said,
}

#[derive(Debug, Default)]
pub struct Index {
    pub slots: Vec<Slot>,
    turns: Vec<Turn>,
    open: HashMap<String, u32>,
    answers: VecDeque<(String, Usage)>,
    pub usage: Usage,
    /// As it was when the present turn began.
    before_turn: Usage,
    pub model: Option<String>,
    pub revision: u32,
    changed: bool,
}

impl Index {
    /// Takes the next line; what of it events tell of.
    pub fn take(&mut self, line: Span, content: Line) -> Vec<Said> {
        self.account(content.usage);
        if let Some(model) = content.model
            && self.model.as_ref() != Some(&model)
        {
            if self.model.replace(model).is_some() {
                self.push(line, Part::Model);
            }
            self.changed = true;
        }
        let mut told = Vec::new();
        for (index, piece) in content.pieces.into_iter().enumerate() {
            let index = index as u16;
            match piece {
                Piece::Result(Outcome { call, .. }) => {
                    if let Some(number) = self.open.remove(&call) {
                        let slot = &mut self.slots[number as usize];
                        slot.result = Some((line, index));
                        slot.revision = self.revision + 1;
                        self.changed = true;
                    }
                }
                Piece::Said(said) => told.extend(self.said(line, index, said)),
            }
        }
        told
    }

    fn said(&mut self, line: Span, index: u16, said: Said) -> Option<Said> {
        if matches!(said, Said::Prompt { .. }) && self.usage != self.before_turn {
            self.end_turn();
            self.push(line, Part::Turn);
        }
        let number = self.slots.len() as u32;
        let told = match said {
            Said::Tool(call) => {
                if self.open.len() == OPEN_CALLS {
                    self.open.clear();
                }
                self.open.insert(call.id, number);
                None
            }
            Said::TurnEnded { duration_ms, .. } => {
                let Turn { usage, model, .. } = self.end_turn();
                Some(Said::TurnEnded { usage, model, duration_ms })
            }
            Said::Interrupted { .. } => Some(Said::Interrupted { usage: self.end_turn().usage }),
            Said::Prompt { .. } => Some(Said::Prompt { text: String::new(), images: vec![] }),
            Said::Failed { .. } | Said::Compacted { .. } => Some(said),
            _ => None,
        };
        self.push(line, Part::Piece(index));
        told
    }

    /// The tokens since the last end of a turn belong to the entry that is pushed next.
    fn end_turn(&mut self) -> Turn {
        let usage = self.usage.since(self.before_turn);
        self.before_turn = self.usage;
        let turn = Turn { number: self.slots.len() as u32, usage, model: self.model.clone() };
        self.turns.push(turn.clone());
        turn
    }

    fn push(&mut self, line: Span, part: Part) {
        self.slots.push(Slot { line, part, result: None, revision: self.revision + 1 });
        self.changed = true;
    }

    /// Several lines may tell of one answer: the last one counts.
    fn account(&mut self, told: Option<(String, Usage)>) {
        let Some((answer, usage)) = told else { return };
        let known = self.answers.iter_mut().rev().find(|(id, _)| *id == answer);
        let before = match known {
            Some((_, before)) => std::mem::replace(before, usage),
            None => {
                if self.answers.len() == ANSWERS {
                    self.answers.pop_front();
                }
                self.answers.push_back((answer, usage));
                Usage::default()
            }
        };
        self.changed |= before != usage;
        self.usage = self.usage.plus(usage).since(before);
    }

    /// What was taken becomes a revision; false when nothing changed.
    pub fn settle(&mut self) -> bool {
        self.revision += u32::from(self.changed);
        std::mem::take(&mut self.changed)
    }

    /// The turn that ended with this entry.
    pub fn turn(&self, number: u32) -> Option<&Turn> {
        let at = self.turns.binary_search_by_key(&number, |turn| turn.number).ok()?;
        self.turns.get(at)
    }

    /// Bytes that are held.
    #[cfg(test)]
    pub fn held(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
            + self.turns.capacity() * size_of::<Turn>()
            + self.turns.iter().filter_map(|turn| turn.model.as_ref()).map(String::capacity).sum::<usize>()
            + self.open.capacity() * (size_of::<(String, u32)>() + 64)
            + self.answers.capacity() * (size_of::<(String, Usage)>() + 64)
    }
}
