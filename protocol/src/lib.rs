//! What crosses a process boundary in CodePiper, as pure data. No runtime, no clock, no files.
//!
//! | module   | boundary |
//! |----------|----------|
//! | [`tmux`] | daemon and tmux server: control-mode lines in, typed commands out |
//! | [`wire`] | daemon and its clients: requests, answers, WebSocket messages |
//! | [`shim`] | daemon and the shim in each pane |
//! | [`hook`] | agents' hooks and the daemon |
//! | [`event`]| daemon and its journal, and everybody who reads events |
//! | [`id`], [`cursor`], [`key`], [`size`] | the small words that the others use |
//! | [`visible`] | text of others, as people are shown it |

pub mod cursor;
pub mod event;
pub mod hook;
pub mod id;
pub mod key;
pub mod os_text;
pub mod shim;
pub mod size;
pub mod tmux;
pub mod visible;
pub mod wire;

pub use cursor::Cursor;
pub use id::SessionId;
pub use size::Size;
