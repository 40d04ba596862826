//! How long a key takes from whoever presses it to the program and back: row 2 idle, row 3 beside a
//! flood in another session.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use crate::bed::{Bed, LIMIT, wait_for_file};
use crate::daemon::Daemon;
use crate::hop::Hop;
use crate::login::Login;
use crate::process::{Pages, Work};
use crate::program::{self, Flood};
use crate::report::{Report, Samples, Target, heading, percentiles};
use crate::terminal::Terminal;
use crate::tmux::{Control, Server};
use crate::viewer::Viewer;
use crate::{Options, Result};

/// Letters with which no escape sequence of tmux ends.
const KEYS: &[u8] = b"vwyzo";
/// Twenty keys a second.
const BETWEEN_KEYS: Duration = Duration::from_millis(50);
/// A flood runs so long before anything is measured beside it.
const WARM_UP: Duration = Duration::from_millis(400);

/// Somewhere a key can be pressed, and its echo be read.
pub trait Echo {
    fn press(&mut self, key: u8) -> Result<()>;

    /// Reads what there is, at least one byte. True when the key's echo was in it.
    fn read(&mut self, key: u8) -> Result<bool>;

    /// Where there is something to read.
    fn descriptor(&self) -> BorrowedFd<'_>;
}

/// Presses a key and waits for its echo.
pub fn press(contender: &mut dyn Echo, key: u8) -> Result<Duration> {
    let pressed = Instant::now();
    contender.press(key)?;
    loop {
        ensure!(readable(&contender.descriptor(), pressed + LIMIT)?, "the key {} has no echo", key as char);
        if contender.read(key)? {
            return Ok(pressed.elapsed());
        }
    }
}

/// Waits until then for something to read.
pub fn readable(source: &impl AsFd, until: Instant) -> Result<bool> {
    let mut descriptors = [PollFd::new(source.as_fd(), PollFlags::POLLIN)];
    let left = TimeSpec::from_duration(until.saturating_duration_since(Instant::now()));
    Ok(ppoll(&mut descriptors, Some(left), None)? > 0)
}

/// Takes what comes until then: a contender that is not read would fill up.
fn drain(contender: &mut dyn Echo, until: Instant) -> Result<()> {
    while Instant::now() < until {
        if readable(&contender.descriptor(), until)? {
            contender.read(0)?;
        }
    }
    Ok(())
}

/// So many keys, 20 a second.
pub fn keys(contender: &mut dyn Echo, keys: usize) -> Result<Samples> {
    let mut samples = Samples::default();
    let mut next = Instant::now();
    for number in 0..keys {
        next += BETWEEN_KEYS;
        drain(contender, next + spread(number))?;
        samples.push(press(contender, KEYS[number % KEYS.len()])?);
    }
    Ok(samples)
}

/// How much later than its turn a key beside a paced flood is pressed. Keys that come at multiples of
/// the flood's tick all meet it at one point of the tick, which decides alone what is measured: these
/// are spread evenly over it, by the golden ratio.
fn spread(number: usize) -> Duration {
    program::TICK.mul_f64(number as f64 * 0.618_033_988_749_895 % 1.0)
}

struct Contender<'a> {
    name: &'static str,
    echo: Box<dyn Echo + 'a>,
    samples: Samples,
}

impl<'a> Contender<'a> {
    fn new(name: &'static str, echo: impl Echo + 'a) -> Self {
        Self { name, echo: Box::new(echo), samples: Samples::default() }
    }

    fn median(&self) -> f64 {
        self.samples.median()
    }
}

fn print(contenders: &[Contender<'_>]) {
    let rows: Vec<_> = contenders.iter().map(|contender| (contender.name, &contender.samples)).collect();
    percentiles(&rows);
}

const PTY: &str = "the program on a bare pty";
const HOP: &str = "one hop over a Unix socket";
const TCP_HOP: &str = "one hop over TCP";
const ATTACH: &str = "tmux attach";
const CONTROL: &str = "bare tmux -C";
const US: &str = "codepiper";

/// Row 2: over the Unix socket.
pub fn measure_idle(bed: &Bed, options: &Options, report: &mut Report) -> Result<()> {
    rounds(options, report, HOP, |name| {
        let daemon = Daemon::start(bed, name)?;
        let viewer = || Viewer::connect(&daemon.socket());
        let hop = (HOP, Hop::start(bed, &format!("{name}-hop"))?);
        idle(bed, options, name, &daemon, &viewer, hop)
    })
}

/// The same as a page in a browser.
pub fn measure_idle_web(bed: &Bed, options: &Options, report: &mut Report) -> Result<()> {
    rounds(options, report, TCP_HOP, |name| {
        let daemon = Daemon::start_web(bed, name)?;
        let login = Login::sign_up(&daemon)?;
        let viewer = || Viewer::of_browser(&login);
        let hop = (TCP_HOP, Hop::start_tcp(bed)?);
        idle(bed, options, name, &daemon, &viewer, hop)
    })
}

/// The median of rounds with processes of their own: one process echoes up to a third slower than another
/// of its kind for as long as it lives, a bare server as well as ours (measured; most likely by where it
/// lies in memory).
fn rounds(
    options: &Options,
    report: &mut Report,
    hop_name: &str,
    mut round: impl FnMut(&str) -> Result<f64>,
) -> Result<()> {
    let mut ratios = Samples::default();
    for number in 0..options.rounds(5, 1) {
        ratios.push_value(round(&format!("{hop_name}-{number}").replace(' ', "-"))?);
    }
    let name = format!("2  echo, idle: codepiper / (tmux -C + {hop_name})");
    report.ratio(name, ratios.median(), Target::AtMost(1.2));
    Ok(())
}

/// The contenders take turns with every key, so that each gets 20 keys a second and all see the same
/// moments of the machine.
fn idle(
    bed: &Bed,
    options: &Options,
    name: &str,
    daemon: &Daemon<'_>,
    viewer: &dyn Fn() -> Result<Viewer>,
    (hop_name, hop): (&'static str, Hop),
) -> Result<f64> {
    let keys = options.rounds(400, 200);
    let attached = Server::new(bed, &format!("{name}-attached"), &daemon.tmux_socket())?;
    let bare = Server::new(bed, &format!("{name}-bare"), &daemon.tmux_socket())?;
    let mut control = Control::start(&bare)?;

    let on = |place: &str, start: &mut dyn FnMut(&[String]) -> Result<()>| {
        let ready = bed.path(&format!("{name}-{place}.ready"));
        start(&program::echo(&ready))?;
        wait_for_file(&ready)
    };
    let (mut pty, mut pane) = (None, None);
    on("pty", &mut |words| {
        let mut command = bed.command(&words[0]);
        command.args(&words[1..]);
        pty = Some(Terminal::start(command)?);
        Ok(())
    })?;
    on("attach", &mut |words| attached.start("echo", words))?;
    on("control", &mut |words| {
        pane = Some(control.start_session("echo", words)?);
        Ok(())
    })?;
    on("us", &mut |words| daemon.start_session("echo", words))?;
    let mut viewer = viewer()?;
    viewer.subscribe("echo")?;
    let mut contenders = [
        Contender::new(PTY, pty.context("no pty")?),
        Contender::new(hop_name, hop),
        Contender::new(ATTACH, attached.attach("echo")?),
        Contender::new(CONTROL, control.echo(pane.context("no pane")?)),
        Contender::new(US, viewer),
    ];
    let turn = BETWEEN_KEYS / contenders.len() as u32;
    for contender in &mut contenders {
        drain(&mut *contender.echo, Instant::now() + WARM_UP)?;
        for key in KEYS {
            drain(&mut *contender.echo, Instant::now() + BETWEEN_KEYS)?;
            press(&mut *contender.echo, *key).context(contender.name)?;
        }
    }
    let (ours, tmux) = (daemon.pid()?, daemon.tmux_pid()?);
    let before = (Work::of(ours)?, Work::of(tmux)?);
    let mut next = Instant::now();
    for round in 0..keys {
        let key = KEYS[round % KEYS.len()];
        for contender in &mut contenders {
            next += turn;
            drain(&mut *contender.echo, next)?;
            contender.samples.push(press(&mut *contender.echo, key).context(contender.name)?);
        }
    }
    let (work, tmux) = (Work::of(ours)?.since(&before.0), Work::of(tmux)?.since(&before.1));

    let [.., us] = &mut contenders;
    let (mut pages, mut code) = (Samples::default(), Samples::default());
    for key in KEYS.repeat(4) {
        drain(&mut *us.echo, Instant::now() + BETWEEN_KEYS)?;
        Pages::forget(ours)?;
        press(&mut *us.echo, key)?;
        let touched = Pages::of(ours)?;
        pages.push_value(touched.all as f64);
        code.push_value(touched.code as f64);
    }

    heading(&format!("echo of one key, idle, 20 keys a second ({keys} keys each); {hop_name}"));
    print(&contenders);
    let [pty, hop, attach, control, us] = contenders.each_ref().map(Contender::median);
    let own = us - control - hop;
    println!("  where the time goes at the median, in ms, by the bare parts:");
    println!(
        "    program and pty {pty:.3} · tmux {:.3} · one hop {hop:.3} · the daemon beyond that {own:.3}",
        control - pty
    );
    let each = |name: &str, time: Duration| format!("{name} {:.0}", time.as_secs_f64() * 1e6 / keys as f64);
    let threads: Vec<_> = work.threads.iter().map(|(name, time)| each(name, *time)).collect();
    println!("  processor time a key, in µs: {} · {}", threads.join(" · "), each("tmux", tmux.cpu()));
    println!(
        "  pages of memory the daemon touches a key: {} · of its code {}",
        pages.median(),
        code.median()
    );
    let ratio = us / (control + hop);
    println!("  {us:.3} ms is {:.2} × tmux attach, and {ratio:.2} × (tmux -C + hop)", us / attach);
    Ok(ratio)
}

/// Row 3. Each contender has its own flood, and only the flood of the one that is measured runs. The
/// hop is measured beside the flood through the bare client.
pub fn measure_beside_a_flood(bed: &Bed, options: &Options, report: &mut Report) -> Result<()> {
    for (what, rate, limit) in [("2 MB/s", 2_000_000, 1.7), ("without pause", 0, 1.3)] {
        beside(bed, options, report, what, rate, limit)?;
    }
    Ok(())
}

fn beside(
    bed: &Bed,
    options: &Options,
    report: &mut Report,
    what: &str,
    rate: u64,
    limit: f64,
) -> Result<()> {
    let rounds = options.rounds(12, 3);
    let keys = 40;
    let name = |place: &str| format!("{rate}-{place}");
    let daemon = Daemon::start(bed, &name("daemon"))?;
    let attached = Server::new(bed, &name("attached"), &daemon.tmux_socket())?;
    let bare = Server::new(bed, &name("bare"), &daemon.tmux_socket())?;
    let mut control = Control::start(&bare)?;
    let mut floods = [
        Flood::new(bed, &name("flood-a"))?,
        Flood::new(bed, &name("flood-c"))?,
        Flood::new(bed, &name("flood-u"))?,
    ];
    attached.start("flood", &floods[0].command(rate)?)?;
    control.start_session("flood", &floods[1].command(rate)?)?;
    daemon.start_session("flood", &floods[2].command(rate)?)?;
    let ready = ["a", "c", "u"].map(|place| bed.path(&name(&format!("ready-{place}"))));
    attached.start("echo", &program::echo(&ready[0]))?;
    let pane = control.start_session("echo", &program::echo(&ready[1]))?;
    daemon.start_session("echo", &program::echo(&ready[2]))?;
    ready.iter().try_for_each(|path| wait_for_file(path))?;
    let mut viewer = Viewer::connect(&daemon.socket())?;
    viewer.subscribe("echo")?;

    let mut hop = Contender::new(HOP, Hop::start(bed, &name("hop"))?);
    let mut contenders = [
        Contender::new(ATTACH, attached.attach("echo")?),
        Contender::new(CONTROL, control.echo(pane)),
        Contender::new(US, viewer),
    ];
    for round in 0..rounds {
        for (contender, flood) in contenders.iter_mut().zip(&mut floods) {
            flood.toggle()?;
            let mut next = Instant::now() + WARM_UP;
            for number in 0..keys {
                let key = KEYS[number % KEYS.len()];
                next += BETWEEN_KEYS;
                drain(&mut *contender.echo, next + spread(round * keys + number))?;
                contender.samples.push(press(&mut *contender.echo, key).context(contender.name)?);
                if contender.name == CONTROL {
                    // Half-way to the next key; nobody reads the flood for the time of a hop.
                    drain(&mut *contender.echo, next + BETWEEN_KEYS / 2 + spread(round * keys + number))?;
                    hop.samples.push(press(&mut *hop.echo, key)?);
                }
            }
            flood.toggle()?;
            drain(&mut *contender.echo, Instant::now() + WARM_UP)?;
        }
    }
    heading(&format!("row 3 · echo of one key beside a flood, {what} ({} keys each)", rounds * keys));
    let [attach, control, us] = contenders.each_ref().map(Contender::median);
    let beside = hop.median();
    let [attached, controlled, ours] = contenders;
    print(&[hop, attached, controlled, ours]);
    println!("  {us:.3} ms is {:.2} × tmux attach", us / attach);
    let ratio = us / (control + beside);
    report.ratio(format!("3  echo beside {what}: codepiper / (tmux -C + hop)"), ratio, Target::AtMost(limit));
    Ok(())
}
