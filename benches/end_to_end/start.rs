//! How long it takes until something is there: the daemon, a session, the first screen.

use std::time::{Duration, Instant};

use crate::bed::Bed;
use crate::daemon::Daemon;
use crate::report::{Report, Samples, Target, heading, percentiles};
use crate::tmux::{Control, Server};
use crate::viewer::Viewer;
use crate::{Options, Result};

pub fn measure(bed: &Bed, options: &Options, report: &mut Report) -> Result<()> {
    let mut cold = Samples::default();
    let mut warm = Samples::default();
    let mut bare = Samples::default();
    for round in 0..options.rounds(7, 2) {
        let mut daemon = None;
        cold.push(timed(|| {
            daemon = Some(Daemon::start(bed, &format!("cold-{round}"))?);
            Ok(())
        })?);
        let Some(mut daemon) = daemon else { continue };
        daemon.stop()?;
        warm.push(timed(|| daemon.run())?);
        let server = Server::new(bed, &format!("cold-bare-{round}"), &daemon.tmux_socket())?;
        bare.push(timed(|| Control::start(&server).map(drop))?);
    }

    let daemon = Daemon::start(bed, "start")?;
    let server = Server::new(bed, "start-bare", &daemon.tmux_socket())?;
    let mut control = Control::start(&server)?;
    let program = ["cat".to_owned()];
    let mut sessions = [Samples::default(), Samples::default()];
    for round in 0..options.rounds(20, 5) {
        let name = format!("session-{round}");
        sessions[0].push(timed(|| server.start(&name, &program))?);
        sessions[1].push(timed(|| daemon.start_session(&name, &program))?);
    }

    let prints = |round| ["sh".to_owned(), "-c".to_owned(), format!("echo first-of-{round}; exec cat")];
    let mut outputs = [Samples::default(), Samples::default()];
    for round in 0..options.rounds(30, 5) {
        let (name, program, text) = (format!("output-{round}"), prints(round), format!("first-of-{round}"));
        outputs[0].push(timed(|| {
            server.start(&name, &program)?;
            server.attach(&name)?.wait_for(&text)
        })?);
        outputs[1].push(timed(|| daemon.start_attached(&name, &program)?.wait_for(&text))?);
    }

    let mut screens = [Samples::default(), Samples::default(), Samples::default()];
    let mut viewer = Viewer::connect(&daemon.socket())?;
    for _ in 0..options.rounds(100, 20) {
        screens[0].push(timed(|| control.ask("capture-pane -p -e -t session-0:"))?);
        screens[1].push(timed(|| viewer.subscribe("session-0"))?);
        viewer.unsubscribe()?;
        screens[2].push(timed(|| Viewer::connect(&daemon.socket())?.subscribe("session-0"))?);
    }
    heading("start");
    percentiles(&[
        ("tmux server and -C client, ready", &bare),
        ("daemon with a new tmux server, ready", &cold),
        ("daemon beside its running server, ready", &warm),
        ("tmux new-session -d, a process", &sessions[0]),
        ("codepiper start, a process", &sessions[1]),
        ("tmux new-session -d and attach, its first output", &outputs[0]),
        ("codepiper start --attach, its first output", &outputs[1]),
        ("capture-pane on an open tmux -C", &screens[0]),
        ("first screen on an open connection", &screens[1]),
        ("first screen with connecting", &screens[2]),
    ]);
    println!(
        "  codepiper start / tmux new-session: {:.2} · a first screen / capture-pane: {:.2}",
        sessions[1].median() / sessions[0].median(),
        screens[1].median() / screens[0].median()
    );
    report.ratio(
        "start: first output, start --attach / new-session and attach",
        outputs[1].median() / outputs[0].median(),
        Target::AtMost(1.1),
    );
    Ok(())
}

fn timed(run: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let begun = Instant::now();
    run()?;
    Ok(begun.elapsed())
}
