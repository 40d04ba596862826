//! What to do about a problem, as commands and flags.

use codepiper_protocol::wire::git::GitOperation;
use codepiper_protocol::wire::problem::Next;

/// The hint for a problem's next step.
pub(super) fn hint(next: &Next) -> String {
    match next {
        Next::ListSessions => "list the sessions with `codepiper sessions`".into(),
        Next::StopSession { session } => format!("stop it first with `codepiper stop {session}`"),
        Next::ResumeSession { session } => format!("resume it with `codepiper resume {session}`"),
        Next::ResumeAll => "resume them with `codepiper resume --all`".into(),
        Next::ShowOutput { session } => format!("see its screen with `codepiper tail {session}`"),
        Next::Answer { session } => format!(
            "see its screen with `codepiper tail {session}` and press keys with `codepiper keys {session} KEY`"
        ),
        Next::QueueOrType { session } => format!(
            "`--if-busy queue` sends the text later, `--if-busy now` types it at once; see the screen with \
             `codepiper tail {session}`"
        ),
        Next::DropQueued { session } => {
            format!("drop the queued texts with `codepiper send {session} --drop-queued`")
        }
        Next::TypeAnyway => "send without `--plain` to type the text anyway".into(),
        Next::AllowDangerous => "use `--dangerous` instead".into(),
        Next::ChooseBilling { billing } => {
            format!("use `--billing {}` or remove the variable", billing.as_str())
        }
        Next::AddApiKey => "add a key with `--env-set NAME`, or use `--billing subscription`".into(),
        Next::UseBranch { branch } => format!("check it out with `--branch {branch}`"),
        Next::CreateBranch { branch, base } => {
            let base = base.as_ref().map(|base| format!(" --base {base}")).unwrap_or_default();
            format!("create it with `--create-branch {branch}{base}`")
        }
        Next::ListEnvSets => "list the env sets with `codepiper env-set list`".into(),
        Next::ChangeEnvSet { name } => format!("change it with `codepiper env-set set {name}`"),
        Next::RemoveEnvSets => {
            "restore the file from a backup, or remove the set with `codepiper env-set remove NAME`".into()
        }
        Next::ListWorktrees => "list the worktrees with `codepiper worktree list`".into(),
        Next::DeleteIgnored { worktree } => {
            format!("delete them too with `codepiper worktree remove {worktree} --ignored`")
        }
        Next::FinishOperation { operation, conflicts } => finish(*operation, *conflicts),
        Next::ListLogins => "list the logins with `codepiper auth sessions`".into(),
        Next::SetUpDashboard => "get the one-time password with `codepiper auth bootstrap`".into(),
        Next::ResetPassword => "set a new password with `codepiper auth reset-password`".into(),
        Next::StartDaemon => "start it with `codepiper daemon`".into(),
        Next::RestartDaemon => "restart the daemon with `codepiper daemon restart`".into(),
        Next::ShowDaemon => "see `codepiper daemon status`".into(),
        Next::ReplaceDaemon { pid } => replace_daemon(*pid),
        Next::ChooseSocket => "choose another socket with `--socket PATH`".into(),
        Next::ChooseTmuxSocket => "choose another tmux server with `--tmux-socket PATH`".into(),
        Next::RunChecks => "`codepiper doctor` shows what is wrong".into(),
        Next::ShowJournalEvents => "see `codepiper logs --type journal`".into(),
        Next::EndTmuxServer => {
            "end the tmux server and its sessions with `codepiper daemon stop --kill-sessions`".into()
        }
        Next::GiveCertificateAndKey => "use `--tls-cert FILE` and `--tls-key FILE` together".into(),
        Next::SetPublicUrl => "set it with `--public-url URL`".into(),
        Next::EncryptOrStayLocal { port } => encrypt_or_stay_local(*port),
        Next::ChoosePort => "choose another port with `--port N`; 0 takes any free one".into(),
        Next::StartWithoutDashboard => "leave out `--web`, or build codepiper with Node.js installed".into(),
    }
}

fn finish(operation: GitOperation, conflicts: bool) -> String {
    let first = if conflicts { "resolve the conflicts, stage the files with `git add`, then " } else { "" };
    let (verb, word) = match operation {
        GitOperation::Merge => ("commit", "merge"),
        GitOperation::Rebase => ("continue", "rebase"),
        GitOperation::CherryPick => ("continue", "cherry-pick"),
        GitOperation::Revert => ("continue", "revert"),
        GitOperation::ApplyMailbox => ("continue", "am"),
        GitOperation::Bisect => {
            return "run `git bisect good` or `git bisect bad`; `git bisect reset` ends it".into();
        }
    };
    format!("{first}{verb} with `git {word} --continue`; `git {word} --abort` cancels it")
}

fn replace_daemon(pid: Option<i32>) -> String {
    format!(
        "if it listens on another socket, use `--socket PATH`; otherwise end it with {} (sessions keep running) and \
         start it again with `codepiper daemon`",
        pid.map_or("a signal".to_owned(), |pid| format!("`kill {pid}`"))
    )
}

fn encrypt_or_stay_local(port: u16) -> String {
    format!(
        "use `--tls-cert` and `--tls-key`, or `--behind-proxy` and `--public-url`, or leave out `--host` and forward \
         the port with `ssh -L {port}:127.0.0.1:{port}`"
    )
}
