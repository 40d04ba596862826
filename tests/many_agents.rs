//! Many real agents at once, for as long as one likes: the state of each is what it does, at any moment, and each prompt
//! reaches the model once.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use codepiper_protocol::wire::session::{Activity, Session, WaitingFor};

use codepiper::lock::lock;

use crate::agents::{Bed, NEWEST_CLAUDE_CODE, NEWEST_CODEX};
use crate::harness::{eventually, status_of};

/// States are compared at so many moments.
const MOMENTS: u32 = 50;

/// `make agents`: AGENTS of them (20) for SECONDS (600), chosen by SEED (1).
#[test]
#[ignore = "takes minutes"]
fn many_for_long() {
    converse(number("AGENTS", 20) as usize, Duration::from_secs(number("SECONDS", 600)), number("SEED", 1));
}

/// What the environment says, or what is usual.
pub fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

#[test]
fn a_few_for_a_moment() {
    converse(3, Duration::from_secs(12), 1);
}

/// What is known of one agent, from outside: `None` while that changes.
type Known = Mutex<Option<(Activity, Option<WaitingFor>)>>;

struct Driver<'a> {
    bed: &'a Bed,
    id: String,
    is_codex: bool,
    known: &'a Known,
    random: fastrand::Rng,
    prompts: Vec<String>,
}

fn converse(agents: usize, time: Duration, seed: u64) {
    let bed = &Bed::new(&NEWEST_CLAUDE_CODE);
    let known: Vec<Known> = (0..agents).map(|_| Mutex::default()).collect();
    let mut random = fastrand::Rng::with_seed(seed);
    let drivers: Vec<Driver> = known
        .iter()
        .enumerate()
        .map(|(index, known)| {
            let provider = [NEWEST_CLAUDE_CODE.provider, NEWEST_CODEX.provider][index % 2];
            let id = bed.start_of(provider, &[]).id.to_string();
            let random = fastrand::Rng::with_seed(random.u64(..));
            Driver { bed, id, is_codex: index % 2 == 1, known, random, prompts: Vec::new() }
        })
        .collect();
    let ids: Vec<String> = drivers.iter().map(|driver| driver.id.clone()).collect();
    for id in &ids {
        bed.home.ok(["wait", id, "--until", "idle", "--timeout", "120"]);
    }
    let end = Instant::now() + time;
    let daemon = bed.home.daemon_pid();
    let memory =
        || -> u64 { status_of(daemon, "VmRSS").unwrap().split_whitespace().next().unwrap().parse().unwrap() };
    let mut taken = vec![memory()];
    let (prompts, compared): (Vec<Vec<String>>, usize) = thread::scope(|scope| {
        let running: Vec<_> =
            drivers.into_iter().map(|driver| scope.spawn(move || driver.run(end))).collect();
        let mut compared = 0;
        for moment in 0..MOMENTS {
            let next = end - time.mul_f64(f64::from(MOMENTS - moment) / f64::from(MOMENTS));
            thread::sleep(
                next.saturating_duration_since(Instant::now())
                    + time.mul_f64(random.f64() / f64::from(MOMENTS)),
            );
            compared += compare(bed, &ids, &known);
            if moment % (MOMENTS / 10) == MOMENTS / 10 - 1 {
                taken.push(memory());
            }
        }
        (running.into_iter().map(|thread| thread.join().unwrap()).collect(), compared)
    });
    let sent: usize = prompts.iter().map(Vec::len).sum();
    println!(
        "{agents} agents, {} s: {sent} prompts, {compared} states compared; kB of memory at the start and after each \
         tenth: {taken:?}",
        time.as_secs()
    );
    assert!(compared > 0 && sent >= agents, "nothing was tried");
    for prompt in prompts.iter().flatten() {
        assert_eq!(bed.turns(prompt), 1, "{prompt}");
    }
    // What a daemon remembers of what it has seen is bounded; a leak of each turn is not.
    let (early, late) = (taken[2], taken[10]);
    assert!(late < early + early / 4 + 8 * 1024, "{taken:?} kB");
}

/// Compares what is known with what is told; how many could be.
fn compare(bed: &Bed, ids: &[String], known: &[Known]) -> usize {
    let read = || known.iter().map(|known| *lock(known)).collect::<Vec<_>>();
    let before = read();
    // A program of its own would take too long to start where all are at work.
    let sessions: Vec<Session> = bed.home.get("/api/sessions").ok();
    let after = read();
    let mut compared = 0;
    for (index, id) in ids.iter().enumerate() {
        let (Some(expected), true) = (before[index], before[index] == after[index]) else { continue };
        let session = sessions.iter().find(|session| session.id.to_string() == *id).unwrap();
        let told = (session.activity, session.waiting_for);
        assert_eq!(told, expected, "{id}: {:?}", bed.home.explain(id).evidence.last());
        compared += 1;
    }
    compared
}

impl Driver<'_> {
    fn run(mut self, end: Instant) -> Vec<String> {
        while Instant::now() < end {
            match self.random.u8(..4) {
                0 => self.echo(),
                1 => self.slow(),
                2 => self.permission(),
                _ if self.is_codex => self.slow(),
                _ => self.question(),
            }
            self.rest();
        }
        self.prompts
    }

    fn set(&self, known: Option<(Activity, Option<WaitingFor>)>) {
        *lock(self.known) = known;
    }

    fn send(&mut self, prompt: &str, until: &str) {
        self.set(None);
        self.prompts.push(prompt.to_owned());
        self.bed.home.ok(["send", &self.id, prompt, "--wait", until, "--timeout", "60"]);
    }

    /// A prompt that no other agent and no other turn has.
    fn unique(&self, prompt: &str) -> String {
        format!("{prompt}{}-{}", &self.id[..8], self.prompts.len())
    }

    fn rest(&mut self) {
        self.bed.home.ok(["wait", &self.id, "--until", "idle", "--timeout", "60"]);
        self.set(Some((Activity::Idle, None)));
        thread::sleep(Duration::from_millis(self.random.u64(..2000)));
        self.set(None);
    }

    fn echo(&mut self) {
        self.send(&self.unique("say "), "idle");
    }

    fn slow(&mut self) {
        let prompt = format!("{} ;; slow: 40 100", self.unique("say "));
        self.send(&prompt, "text=word3");
        self.set(Some((Activity::Working, None)));
        thread::sleep(Duration::from_millis(self.random.u64(..1800)));
        self.set(None);
    }

    fn permission(&mut self) {
        let leaves_sandbox = if self.is_codex { "!" } else { "" };
        let prompt = self.unique(&format!("run: {leaves_sandbox}touch file-"));
        self.send(&prompt, "waiting");
        let shown = "text=Do you want to proceed|Would you like to run";
        self.bed.home.ok(["wait", &self.id, "--until", shown, "--timeout", "60"]);
        let id = self.id.clone();
        eventually("it is known for what it waits", || {
            (self.bed.home.session(&id).waiting_for == Some(WaitingFor::Permission)).then_some(())
        });
        self.set(Some((Activity::Waiting, Some(WaitingFor::Permission))));
        thread::sleep(Duration::from_millis(self.random.u64(..800)));
        self.set(None);
        let yes = self.random.bool();
        match (self.is_codex, yes) {
            (true, true) => self.bed.home.ok(["keys", &self.id, "y"]),
            (false, true) if self.random.bool() => {
                self.answer(&["approve", &self.id], "1. Yes", "1");
                String::new()
            }
            (false, true) => self.bed.home.ok(["keys", &self.id, "1"]),
            (_, false) => self.bed.home.ok(["keys", &self.id, "escape"]),
        };
    }

    /// From elsewhere; in the terminal, where the machine is so busy that the agent's hook has given up.
    fn answer(&self, command: &[&str], shown: &str, key: &str) {
        let ran = self.bed.home.run(command);
        if ran.code == Some(0) {
            return;
        }
        assert!(ran.stderr.contains("terminal") || ran.stderr.contains("is not a question"), "{ran:?}");
        self.bed.home.ok(["wait", &self.id, "--until", &format!("text={shown}"), "--timeout", "60"]);
        self.bed.home.ok(["keys", &self.id, key]);
    }

    fn question(&mut self) {
        let prompt = format!("ask: {}? | Red | Blue", self.unique("Which colour "));
        self.send(&prompt, "waiting");
        let id = self.id.clone();
        eventually("it can be answered", || {
            (self.bed.home.session(&id).waiting_for == Some(WaitingFor::Question)).then_some(())
        });
        self.set(Some((Activity::Waiting, Some(WaitingFor::Question))));
        thread::sleep(Duration::from_millis(self.random.u64(..800)));
        self.set(None);
        self.answer(&["answer", &self.id, "--option", "2"], "2. Blue", "2");
    }
}
