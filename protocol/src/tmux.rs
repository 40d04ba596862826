//! tmux's control mode, as pure data: bytes in, items out; commands in, bytes out. No input or
//! output, no clock, and no errors on the way in: what is not understood is handed on.
//!
//! ```text
//!  from tmux:  bytes ─► framer ─► line ─► parser ─► Item (output · reply · notification · …)
//!                       lines     grammar  blocks          └ escape: what the program printed
//!
//!  to tmux:    Command ─► CommandLine ─► bytes
//!              argument · option · binding · format · quote
//! ```
//!
//! | module | what it knows |
//! |--------|---------------|
//! | [`framer`] | lines, and how long one may be |
//! | [`mod@line`] | the grammar of one line |
//! | [`notification`] | what tmux tells unasked |
//! | [`parser`] | reply blocks: which lines belong to a reply, and when it ends |
//! | [`escape`] | the escaping of output |
//! | [`command`] | every command that can be sent |
//! | [`argument`], [`option`], [`binding`] | what the commands are made of |
//! | [`mod@format`] | what tmux is asked about things, and how its answers are read |
//! | [`id`], [`text`], [`version`] | the small words |
//!
//! **Some commands crash the tmux server, and every session with it.** They are absent from
//! [`Command`]: it is a closed list, its arguments are types, and there is no way to send text as a
//! command. See [`command`].

pub mod argument;
pub mod binding;
pub mod command;
pub mod escape;
pub mod format;
pub mod framer;
pub mod id;
pub mod line;
pub mod notification;
pub mod option;
pub mod parser;
mod quote;
pub mod text;
pub mod version;

pub use argument::{
    AbsolutePath, BufferName, InvalidSessionName, KeyBytes, Program, SessionName, SubscriptionName, Target,
    Text, VariableName,
};
pub use binding::{Binding, KeyTable, Question};
pub use command::{Command, CommandLine, Rows, Scope, Watched};
pub use escape::{Escaped, unescape_into};
pub use format::{
    ClientFacts, Created, Facts, Format, PaneEnd, PaneFacts, ScreenFacts, ServerFacts, Signal, Tabs,
    WindowFacts,
};
pub use framer::{Framed, Framer, MAX_LINE};
pub use id::{InvalidTmuxId, PaneId, TmuxSessionId, WindowId};
pub use line::{Guard, GuardKind, Line};
pub use notification::{Layout, Link, Notification, SubscriptionChange};
pub use option::{Alert, Clipboard, ExtendedKeys, Notified, PrefixKey, Setting, Terminal, UserOption};
pub use parser::{Item, Parser, Reply};
pub use text::RawText;
pub use version::{InvalidVersion, Version};
