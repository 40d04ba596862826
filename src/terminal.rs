//! The terminal of one pane, from its bytes: what is on the screen, and what its program reports.
//!
//! | module | what |
//! |--------|------|
//! | [`screen`]  | the model, fed with every byte in order; dumps itself as a keyframe |
//! | [`screens`] | the thread that feeds the models |
//! | [`capture`] | what tmux tells of a pane's screen, as a source for the model |
//! | [`reports`] | titles, bells, notifications, agent states and the exit marker |
//! | [`status`]  | what programs say about themselves (OSC 7501) |
//! | [`text`]    | the output as lines of text |

pub mod capture;
pub mod heal;
pub mod reports;
pub mod screen;
pub mod screens;
pub mod status;
pub mod text;
