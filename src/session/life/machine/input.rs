//! What the machine is told, and what it wants done.

use std::time::Duration;

use codepiper_protocol::event::Body;
use codepiper_protocol::shim::ExitStatus;
use codepiper_protocol::wire::session::{Activity, EvidenceSource, WaitingFor};

/// What the machine is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The shim executed the program.
    Executed {
        pid: i32,
    },
    /// The program could not be executed.
    LaunchFailed {
        message: String,
    },
    /// The daemon found the session's pane alive.
    Adopted {
        pid: Option<i32>,
    },
    /// It has printed nothing since the daemon before this one left.
    PrintedNothing,
    StopRequested {
        quit_limit: Duration,
    },
    KillRequested,
    /// The shim's marker stood in the output: everything before it was seen, and the program was executed.
    Marker(ExitStatus),
    /// The shim says that its program ended, and its marker did not come. The program was executed.
    Reported(ExitStatus),
    /// tmux says that the pane's process is dead. The status comes from the exit file or from tmux.
    PaneDead {
        status: Option<ExitStatus>,
    },
    /// The pane does not exist any more.
    PaneGone {
        status: Option<ExitStatus>,
    },
    /// The shim's process is gone. The status comes from the exit file.
    ShimGone {
        status: Option<ExitStatus>,
    },
    /// The tmux server is gone.
    ServerGone,
    /// Something proves what the program is doing.
    Activity {
        source: EvidenceSource,
        activity: Activity,
        waiting_for: Option<WaitingFor>,
        what: String,
    },
    /// What goes on by itself from now on: nothing, while a turn runs.
    LeftRunning {
        /// They end with a turn that tells of it.
        tasks: Vec<String>,
        /// Prompts that will come at their time.
        scheduled: Vec<String>,
        /// A turn begins, which is told next.
        begins: bool,
        what: String,
    },
    /// Commands run behind a turn that has ended.
    BackgroundShell,
    /// None does any more.
    BackgroundEnded,
    /// What the transcript of a program that was found running says last.
    Recalled {
        activity: Activity,
        what: String,
    },
    /// A usage limit holds no longer, as far as is known.
    LimitOver {
        what: String,
    },
    /// The session has ended, and this was decided about it.
    Remark {
        what: String,
    },
    /// Enter is about to be pressed after a text: who was idle may have something to do.
    Submitted,
    /// What was submitted has begun, if it began anything: what is proved from now on is newer.
    Settled,
    /// The deadline that the machine asked for has passed.
    Deadline,
}

/// What the machine wants done, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    Event(Body),
    /// Ask the program to quit, the way its provider does.
    Quit,
    Terminate,
    KillProgram,
    /// Destroy the session's windows and its tmux session.
    KillTmuxSession,
    /// The launch took too long; its pane must go.
    AbandonLaunch,
    /// Read what its provider writes, whether a change was noticed or not.
    LookAtFiles,
    /// The session has ended: close its stream, save its record, answer who waits.
    Ended,
}
