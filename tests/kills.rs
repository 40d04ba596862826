//! The daemon is killed again and again while several sessions print much at once and are resized: every line comes
//! once, or a gap says that some are missing.

use std::collections::BTreeMap;
use std::time::Duration;

use codepiper_protocol::wire::session::Session;
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::harness::{Home, Reader, eventually};

const SESSIONS: usize = 3;
/// Numbered lines each 10 ms, as many as it is told, until a file is there.
const PRINTER: &str = "n=0; until [ -e \"$0\" ]; do lines=; for ((last = n + $1; n < last; n++)); do \
    printf -v line '%08d xxxxxxxxxxxxxxxxxxxxx\\n' $n; lines+=$line; done; printf %s \"$lines\"; read -t 0.01; done; \
    echo END $n; read";

/// Numbers that look random and are the same for the same seed (xorshift64*).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }
}

/// What a reader got: the numbers of the lines, and where it was told that some are missing, as how many lines came
/// before.
#[derive(Default)]
struct Got {
    numbers: Vec<u32>,
    gaps: Vec<usize>,
    text: String,
}

fn number(line: &str) -> Option<u32> {
    let (number, rest) = line.trim_end_matches('\r').split_once(' ')?;
    (number.len() == 8 && rest == "x".repeat(21)).then(|| number.parse().ok())?
}

impl Got {
    fn json(home: &Home, session: &Session) -> Self {
        let (mut got, mut text) = (Self::default(), String::new());
        for line in home.ok(["tail", &session.short_id, "-n", "all", "--json"]).lines() {
            let entry: Value = serde_json::from_str(line).unwrap();
            match entry["type"].as_str() {
                Some("output") => text.push_str(entry["text"].as_str().unwrap()),
                Some("gap") if entry["lost"] != "nothing" => {
                    got.take(&mut text);
                    got.gaps.push(got.numbers.len());
                }
                _ => {}
            }
        }
        got.take(&mut text);
        got
    }

    fn take(&mut self, text: &mut String) {
        self.numbers.extend(text.lines().filter_map(number));
        self.text.push_str(text);
        text.clear();
    }

    /// What stands behind a line.
    fn behind(&self, number: u32) -> &str {
        let start = self.text.rfind(&format!("{number:08} ")).unwrap_or_default();
        let end = (start..).take(200).filter(|at| self.text.is_char_boundary(*at)).last().unwrap_or_default();
        self.text.get(start..end).unwrap_or_default()
    }

    /// Fails when a line came twice, or one is missing where nothing says so. How many are missing.
    fn check(&self, what: &str, last: u32) -> u32 {
        let (mut due, mut missing) = (0, 0);
        for (index, number) in self.numbers.iter().chain([&last]).enumerate() {
            assert!(*number >= due, "{what}: line {number} comes again behind line {}", due - 1);
            let said = self.gaps.contains(&index);
            assert!(
                *number == due || said,
                "{what}: lines {due} to {} are missing, and no gap says so: {:?}",
                number - 1,
                self.behind(due.saturating_sub(1))
            );
            missing += number - due;
            due = number + 1;
        }
        missing
    }
}

/// Of a text, where gaps are told elsewhere: no line comes twice, and not more runs of them are missing than gaps.
fn check_text(what: &str, text: &str, said: &str, last: u32) -> u32 {
    let gaps = said.matches("missing").count();
    let (mut due, mut holes) = (0, Vec::new());
    for number in text.lines().filter_map(number).chain([last]) {
        assert!(number >= due, "{what}: line {number} comes again behind line {}", due - 1);
        if number > due {
            holes.push(due..number);
        }
        due = number + 1;
    }
    assert!(holes.len() <= gaps, "{what}: lines {holes:?} are missing, and {gaps} gaps say so: {said}");
    holes.iter().map(|hole| hole.end - hole.start).sum()
}

/// `rate` is in lines a second.
fn kills(kills: u32, seed: u64, rate: u64) {
    let mut dice = Dice(seed | 1);
    let mut home = Home::running();
    let stop = home.path("stop");
    let lines = (rate / 100).to_string();
    let printer = ["bash", "-c", PRINTER, stop.to_str().unwrap(), &lines];
    let sessions: Vec<Session> = (0..SESSIONS).map(|_| home.start(&printer)).collect();
    let mut follower = home.follow(&sessions[0], &["-n", "all"]);
    for _ in 0..kills {
        for _ in 0..dice.below(3) {
            let session = &sessions[dice.below(SESSIONS as u64) as usize];
            let size = format!("{}x{}", 25 + dice.below(120), 5 + dice.below(50));
            home.ok(["resize", &session.short_id, &size]);
        }
        // How long it lives, and how long it is away, is what is tried out.
        std::thread::sleep(Duration::from_millis(50 + dice.below(700)));
        home.signal_daemon(Signal::SIGKILL);
        home.daemon_ended();
        std::thread::sleep(Duration::from_millis([0, 0, 50, 200][dice.below(4) as usize]));
        home.start_daemon();
    }
    std::fs::write(&stop, "").unwrap();
    let mut report = BTreeMap::new();
    for (index, session) in sessions.iter().enumerate() {
        let (last, ran) = eventually("everything is printed", || {
            let ran = home.run(["tail", &session.short_id, "-n", "all"]);
            let last = ran.stdout.lines().last()?.strip_prefix("END ")?.parse().ok()?;
            Some((last, ran))
        });
        let missing = Got::json(&home, session).check("as JSON", last);
        let of_text = check_text("as text", &ran.stdout, &ran.stderr, last);
        report.insert(index, (last, missing, of_text));
        if index == 0 {
            let missing = follow_to(&mut follower, &home, session, last);
            report.insert(SESSIONS, (last, missing, missing));
        }
    }
    eprintln!(
        "{kills} kills, seed {seed}, {rate} lines a second: session: (lines, missing behind gaps, missing in the text): {report:?}"
    );
}

/// What the one that followed all the time got.
fn follow_to(follower: &mut Reader, home: &Home, session: &Session, last: u32) -> u32 {
    follower.wait_for(&format!("END {last}"));
    home.ok(["kill", &session.short_id]);
    let ran = follower.ended();
    check_text("to who follows", &ran.stdout, &ran.stderr, last)
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect(name))
}

#[test]
fn a_daemon_that_is_killed_under_load_loses_no_line_in_silence() {
    kills(6, 1, 5000);
}

/// `make kills`: the same for longer.
#[test]
#[ignore = "takes minutes"]
fn a_daemon_that_is_killed_a_hundred_times_under_load_loses_no_line_in_silence() {
    kills(from_environment("KILLS", 100) as u32, from_environment("SEED", 1), from_environment("RATE", 5000));
}
