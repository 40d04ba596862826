//! What a program switches on and off.

/// Modes of a terminal; the default is that of a fresh one.
#[derive(Clone, Debug, PartialEq)]
pub struct Modes {
    /// DECCKM (1): arrow keys send `ESC O`.
    pub application_cursor: bool,
    /// DECKPAM: the keypad sends sequences.
    pub application_keypad: bool,
    /// DECTCEM (25).
    pub cursor_visible: bool,
    /// IRM (4).
    pub insert: bool,
    /// DECAWM (7).
    pub autowrap: bool,
    /// DECOM (6).
    pub origin: bool,
    pub mouse: Mouse,
    /// 1005 and 1006, how mouse events are written.
    pub mouse_utf8: bool,
    pub mouse_sgr: bool,
    /// 1004: the program hears of focus.
    pub focus: bool,
    /// 1007, when the program said anything about it.
    pub alternate_scroll: Option<bool>,
    /// 2004.
    pub bracketed_paste: bool,
    /// 2026: a frame is being drawn.
    pub synchronized_output: bool,
    /// DECSCUSR, 0 to 6.
    pub cursor_style: u8,
    /// Mode 12, when it was switched after the last DECSCUSR.
    pub cursor_blink: Option<bool>,
    /// xterm's `CSI > 4 ; n m`.
    pub modify_other_keys: u8,
    /// The kitty keyboard protocol: of the main screen and of the alternate one.
    pub(super) kitty: [KittyKeyboard; 2],
}

/// Which mouse events the program asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mouse {
    #[default]
    Off,
    /// 1000: buttons.
    Buttons,
    /// 1002: buttons, and motion while one is down.
    Drag,
    /// 1003: all motion.
    Motion,
}

/// Flags of the kitty keyboard protocol and those to go back to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct KittyKeyboard {
    pub flags: u8,
    pub stack: Vec<u8>,
}

impl Default for Modes {
    fn default() -> Self {
        Self {
            application_cursor: false,
            application_keypad: false,
            cursor_visible: true,
            insert: false,
            autowrap: true,
            origin: false,
            mouse: Mouse::Off,
            mouse_utf8: false,
            mouse_sgr: false,
            focus: false,
            alternate_scroll: None,
            bracketed_paste: false,
            synchronized_output: false,
            cursor_style: 0,
            cursor_blink: None,
            modify_other_keys: 0,
            kitty: Default::default(),
        }
    }
}

impl KittyKeyboard {
    /// The protocol asks for a limit; a program that pushes without end loses the oldest.
    const MAX_DEPTH: usize = 16;

    pub fn push(&mut self, flags: u8) {
        if self.stack.len() == Self::MAX_DEPTH {
            self.stack.remove(0);
        }
        self.stack.push(self.flags);
        self.flags = flags;
    }

    pub fn pop(&mut self, count: usize) {
        for _ in 0..count.min(Self::MAX_DEPTH + 1) {
            self.flags = self.stack.pop().unwrap_or(0);
        }
    }

    /// `how`: 1 replaces the flags, 2 adds, 3 takes away.
    pub fn set(&mut self, flags: u8, how: u16) {
        match how {
            1 => self.flags = flags,
            2 => self.flags |= flags,
            3 => self.flags &= !flags,
            _ => {}
        }
    }
}
