//! CodePiper runs coding agents in tmux, keeps them alive, remembers what they print, and lets people
//! see and steer them.
//!
//! # The way of the data
//!
//! ```text
//!  agent ─ shim ─ pty ─ tmux server ──(one `tmux -C` connection)──► parser ► connection
//!                                                          protocol::tmux      │ output      │ replies, notifications
//!                                                                              ▼             ▼
//!                                                              terminal (one per pane)    session (one owner of state)
//!                                                              screen · reports ─────────► evidence
//!                                                                              │             │ events
//!                                                                              └───► bus ◄───┘
//!                                                                       append, publish, subscribe from a cursor
//!                                                                              │             │
//!                                                                           journal     api: tail, attach, wait, …
//! ```
//!
//! # The rooms
//!
//! | room | what | sees |
//! |------|------|------|
//! | [`shim`]     | runs inside every pane: starts the program, reports its exit | protocol |
//! | [`tmux`]     | the private server and the one connection to it | protocol |
//! | [`terminal`] | one pane's screen, reports and text | protocol |
//! | [`transcript`] | providers' transcripts: conversation and usage | protocol |
//! | [`policy`]   | what agents may do without asking: rules, and the decision | protocol |
//! | [`provider`] | all that is known of each kind of program | protocol, terminal::reports, transcript, policy |
//! | [`journal`]  | what the bus appends to | protocol |
//! | [`bus`]      | append, publish, subscribe from a cursor | journal |
//! | [`env_set`]  | encrypted variables for the programs | protocol |
//! | [`saved_prompts`] | prompts that a person keeps, to send them again | protocol |
//! | [`git`]      | what git says about a directory | protocol |
//! | [`session`]  | the sessions: life cycle, state and its evidence; its parts have a table of their own | the rooms above |
//! | [`audit`]    | who decided and did what, in a file that proves itself | protocol, bus, journal::disk::clock |
//! | [`hook`]     | intake of the providers' hooks | session, provider, policy, audit |
//! | [`hook_forward`] | what agents run as their hook | protocol, policy, provider |
//! | [`doctor`]   | is everything as it should be? | tmux, provider, git::kept, session, journal::disk, journal::Disk, notification, audit |
//! | [`auth`]     | the way in through the web: password, codes, logins | protocol |
//! | [`notification`] | tells devices of what needs a person | protocol, session, auth |
//! | [`dashboard`] | the embedded dashboard | protocol |
//! | [`api`]      | one router for every client; the WebSocket | session, bus, journal, terminal::text, provider, policy, hook, git, env_set, doctor, auth, notification, dashboard, audit, saved_prompts |
//! | [`daemon`]   | starts and stops everything | all of these |
//! | [`client`]   | the daemon's typed client | protocol, paths |
//! | [`cli`]      | one file a verb | client, protocol, provider, policy, audit, paths, tmux::find, session::life::machine, terminal::text, terminal::screen, terminal::reports, terminal::status, doctor, auth::qr_text, daemon::run, daemon::Options, daemon::web |
//! | [`paths`], [`config`], [`environment`], [`process`], [`socket`], [`small_file`], [`plain_file`], [`lock`], [`tasks`], [`heap`] | places, the configuration file, the rule of what programs inherit, other processes, the daemon's sockets, small state on disk, files that agents can write, locks that a panic does not poison, tasks with an end, the allocator | |
//!
//! # What always holds
//!
//! * The reader of the control connection waits for nobody but the screens' bounded queue; then tmux
//!   lets the programs wait, and nothing is lost.
//! * Output has addresses: `(epoch, offset)`. Every reader is a cursor; none makes another one wait.
//! * A keyframe at an offset, followed by what comes after it, equals the whole.
//! * Nothing polls: an idle session costs no timer and no process.
//! * What could crash tmux cannot be expressed as a command.
//! * What comes from our tmux server is an agent, also when its parents are gone, and agents are not owners.
//! * One operation at a time on a session (start, resume, remove, its worktree's removal): `session::life::machine` lets it
//!   begin or says who was first.
//! * A session's locks are taken in the order evidence, typing, life, link, log; `session::cell` has them in that order.
//!   A viewer's socket may be written to while its log's lock is held (`Log::output`), and nothing waits there.
//! * Who cannot be proven to be the owner is refused.

pub mod api;
pub mod audit;
pub mod auth;
pub mod bus;
pub mod cli;
pub mod client;
pub mod config;
pub mod daemon;
pub mod dashboard;
pub mod doctor;
pub mod env_set;
pub mod environment;
pub mod git;
pub mod heap;
pub mod hook;
pub mod hook_forward;
pub mod journal;
pub mod lock;
pub mod notification;
pub mod paths;
pub mod plain_file;
pub mod policy;
pub mod process;
pub mod provider;
pub mod saved_prompts;
pub mod session;
pub mod shim;
pub mod small_file;
pub mod socket;
pub mod tasks;
pub mod terminal;
pub mod tmux;
pub mod transcript;
