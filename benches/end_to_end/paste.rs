//! How long a key takes in one session while a long text is pasted into another.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{anyhow, ensure};

use crate::bed::{Bed, wait_for_file};
use crate::daemon::Daemon;
use crate::echo::{self, press};
use crate::program;
use crate::report::{Report, Samples, Target, fact, heading, percentiles};
use crate::viewer::Viewer;
use crate::{Options, Result};

/// Bytes of the text, and of each frame it is sent in, as the dashboard does it.
const TEXT: usize = 5 << 20;
const FRAME: usize = 32 << 10;
const BETWEEN_KEYS: Duration = Duration::from_millis(10);

pub fn measure(bed: &Bed, options: &Options, report: &mut Report) -> Result<()> {
    let daemon = Daemon::start(bed, "paste")?;
    let ready = bed.path("paste-echo.ready");
    daemon.start_session("echo", &program::echo(&ready))?;
    wait_for_file(&ready)?;
    let mut typist = Viewer::connect(&daemon.socket())?;
    typist.subscribe("echo")?;
    let (mut idle, mut beside, mut pasted) = (Samples::default(), Samples::default(), Samples::default());
    let text: Vec<u8> = (0..TEXT).map(|at| b' ' + (at % 95) as u8).collect();
    for round in 0..options.rounds(12, 3) {
        idle.append(echo::keys(&mut typist, 20)?);
        let name = format!("paste-{round}");
        let [ready, taken, done] = ["ready", "taken", "done"].map(|file| bed.path(&format!("{name}.{file}")));
        let take = format!(
            "stty raw -echo; : >'{}'; head -c {TEXT} >'{}'; : >'{}'",
            ready.display(),
            taken.display(),
            done.display()
        );
        daemon.start_session(&name, &["sh".to_owned(), "-c".to_owned(), take])?;
        wait_for_file(&ready)?;
        let mut viewer = Viewer::connect(&daemon.socket())?;
        viewer.subscribe(&name)?;
        let (sent, began) = (text.clone(), Instant::now());
        let pasting = thread::spawn(move || -> Result<Duration> {
            for frame in sent.chunks(FRAME) {
                viewer.type_bytes(frame)?;
            }
            wait_for_file(&done)?;
            Ok(began.elapsed())
        });
        while !pasting.is_finished() {
            beside.push(press(&mut typist, b'v')?);
            thread::sleep(BETWEEN_KEYS);
        }
        pasted.push(pasting.join().map_err(|_| anyhow!("the paste panicked"))??);
        ensure!(std::fs::read(&taken)? == text, "the program got another text than the one that was pasted");
        daemon.remove_session(&name)?;
    }
    heading("echo of one key while 5 MiB are pasted into another session");
    percentiles(&[("idle", &idle), ("beside the paste", &beside)]);
    fact("until the program has the whole text", pasted.median(), "ms");
    let ratio = beside.median() / idle.median();
    report.ratio("   echo beside a paste: / idle", ratio, Target::AtMost(1.5));
    Ok(())
}
