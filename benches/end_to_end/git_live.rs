//! From a change in a session's repository to those who follow it: a file that is written, a commit, another branch.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use codepiper_protocol::event::Body;
use codepiper_protocol::wire::session::Session;
use codepiper_protocol::wire::stream::{ClientMessage, ServerMessage};

use crate::bed::{Bed, output};
use crate::daemon::Daemon;
use crate::report::{Report, Samples, Target, heading, percentiles};
use crate::viewer::Viewer;
use crate::{Options, Result};

const FILES: usize = 1_000;

pub fn measure(bed: &Bed, options: &Options, report: &mut Report) -> Result<()> {
    let dir = bed.path("followed");
    fs::create_dir_all(&dir)?;
    output(git(bed, &dir).args(["init", "-q", "-b", "main"]))?;
    for number in 0..FILES {
        fs::write(dir.join(format!("f{number}")), "one\ntwo\n")?;
    }
    output(git(bed, &dir).args(["add", "-A"]))?;
    output(git(bed, &dir).args(["commit", "-qm", "first"]))?;
    output(git(bed, &dir).args(["branch", "other"]))?;
    let daemon = Daemon::start(bed, "git-live")?;
    let start = ["start", "-p", "shell", "--json", "-d"];
    let shown = dir.display().to_string();
    let session: Session =
        serde_json::from_str(&output(daemon.codepiper(&start).args([&shown, "--", "sleep", "100000"]))?)?;
    let mut tab = Viewer::connect(&daemon.socket())?;
    tab.tell(&ClientMessage::Git { session: Some(session.id) })?;
    tab.until(|message| matches!(message, ServerMessage::GitChanged { .. }))?;
    let mut subscriber = Viewer::connect(&daemon.socket())?;
    subscriber.tell(&ClientMessage::Events { session: Some(session.id), after: None })?;
    let rounds = options.rounds(50, 10);

    let (mut written, mut committed, mut switched) =
        (Samples::default(), Samples::default(), Samples::default());
    for round in 0..rounds {
        let begun = Instant::now();
        fs::write(dir.join("f1"), format!("{round}\n"))?;
        tab.until(|message| matches!(message, ServerMessage::GitChanged { .. }))?;
        written.push(begun.elapsed());
        // What the daemon's own look at the repository sets off is told, too.
        tab.read_for(Duration::from_millis(700))?;
    }
    for round in 0..rounds {
        // The commit itself takes its time, too: it counts from when it is there.
        output(git(bed, &dir).args(["commit", "-qam", &format!("{round}"), "--allow-empty"]))?;
        let begun = Instant::now();
        subscriber.until(|message| is_event(message, |body| matches!(body, Body::GitCommitted { .. })))?;
        committed.push(begun.elapsed());
    }
    for branch in ["other", "main"].iter().cycle().take(rounds) {
        output(git(bed, &dir).args(["checkout", "-q", branch]))?;
        let begun = Instant::now();
        subscriber
            .until(|message| is_event(message, |body| matches!(body, Body::GitBranchChanged { .. })))?;
        switched.push(begun.elapsed());
    }

    heading(&format!("git, from a change in a work tree of {FILES} files to those who follow it"));
    let all = [("a file is written", &written), ("a commit", &committed), ("another branch", &switched)];
    percentiles(&all);
    for (what, samples) in all {
        report.ratio(
            format!("git: {what}, until it is told, median, ms"),
            samples.median(),
            Target::AtMost(250.0),
        );
    }
    Ok(())
}

fn is_event(message: &ServerMessage, fits: impl Fn(&Body) -> bool) -> bool {
    matches!(message, ServerMessage::Event { event } if fits(&event.body))
}

fn git(bed: &Bed, dir: &Path) -> Command {
    let mut command = bed.command("git");
    command.args(["-c", "user.name=x", "-c", "user.email=x@example.org", "-C"]).arg(dir);
    command
}
