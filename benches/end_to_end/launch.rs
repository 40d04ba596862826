//! Many real agents started at once: how long until all are at their prompt, and how fast the daemon answers meanwhile.
//! Claude Code of `fixtures/agents` with the scripted model, which nobody asks anything here.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use codepiper_protocol::wire::session::{Activity, Session};

use crate::bed::{Bed, output};
use crate::daemon::Daemon;
use crate::report::{Report, Samples, Target, fact, heading, percentiles};
use crate::{Options, Result};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
/// Of the right length, and of no use.
const KEY: &str = "sk-test-not-a-real-key-00000000000000000000";
const LIMIT: Duration = Duration::from_secs(180);

pub fn measure(bed: &Bed, options: &Options, report: &mut Report) -> Result<()> {
    let bin = Path::new(FIXTURES).join("agents/node_modules/.bin");
    if !bin.join("claude").exists() {
        heading(
            "launch: left out, since Claude Code is not installed in fixtures/agents; `npm ci` there installs it",
        );
        return Ok(());
    }
    let agents = options.rounds(20, 6);
    let model = Model::start(bed)?;
    let mut rows = Vec::new();
    for at_once in [4, agents] {
        let launches = Launches { bed, bin: &bin, model: &model, at_once, agents };
        rows.push((at_once, launches.run()?));
    }
    heading(&format!("launch, {agents} times Claude Code"));
    for (at_once, (took, answers)) in &rows {
        fact(&format!("all at their prompt, {at_once} starting at once"), took.as_secs_f64(), "s");
        percentiles(&[("codepiper sessions meanwhile", answers)]);
        fact("the longest", answers.percentile(100.0), "ms");
    }
    let Some((_, (_, answers))) = rows.first() else { return Ok(()) };
    let name = |what: &str| format!("codepiper sessions while {agents} agents start, {what}, ms");
    report.ratio(name("p50"), answers.median(), Target::AtMost(100.0));
    report.ratio(name("longest"), answers.percentile(100.0), Target::AtMost(1000.0));
    Ok(())
}

struct Launches<'a> {
    bed: &'a Bed,
    bin: &'a Path,
    model: &'a Model,
    /// So many may be starting at once.
    at_once: usize,
    agents: usize,
}

impl Launches<'_> {
    /// The time until all were at their prompt, and what the answers took meanwhile.
    fn run(&self) -> Result<(Duration, Samples)> {
        let name = format!("launch-{}", self.at_once);
        let (user, project) =
            (self.bed.path(&format!("{name}-user")), self.bed.path(&format!("{name}-project")));
        fs::create_dir_all(&project)?;
        let seed = format!("{FIXTURES}/agents/seed-claude.mjs");
        output(self.bed.command("node").arg(seed).arg(&user).arg(KEY).arg(&project))?;
        fs::create_dir_all(self.bed.path(&name))?;
        let config = format!("[sessions]\nlaunches_at_once = {}\n", self.at_once);
        fs::write(self.bed.path(&name).join("config.toml"), config)?;
        let path = format!("{}:{}", self.bin.display(), std::env::var("PATH")?);
        let daemon = Daemon::start_in(
            self.bed,
            &name,
            &[
                ("HOME", &user.display().to_string()),
                ("PATH", &path),
                ("ANTHROPIC_BASE_URL", &self.model.url),
                ("ANTHROPIC_API_KEY", KEY),
                ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
                ("DISABLE_TELEMETRY", "1"),
                ("DISABLE_AUTOUPDATER", "1"),
                ("DISABLE_ERROR_REPORTING", "1"),
            ],
        )?;
        let begun = Instant::now();
        let mut starting: Vec<Child> = (0..self.agents)
            .map(|_| {
                let mut start = daemon.codepiper(&["start", "-p", "claude-code", "--billing", "api", "-d"]);
                Ok(start.arg(&project).stdout(Stdio::null()).spawn()?)
            })
            .collect::<Result<_>>()?;
        let mut answers = Samples::default();
        loop {
            let asked = Instant::now();
            let sessions: Vec<Session> =
                serde_json::from_str(&output(&mut daemon.codepiper(&["sessions", "--json"]))?)?;
            answers.push(asked.elapsed());
            let idle = sessions.iter().filter(|session| session.activity == Activity::Idle).count();
            if idle == self.agents {
                break;
            }
            ensure!(begun.elapsed() < LIMIT, "{idle} of {} agents are at their prompt", self.agents);
            std::thread::sleep(Duration::from_millis(50));
        }
        let took = begun.elapsed();
        for start in &mut starting {
            ensure!(start.wait()?.success(), "an agent was not started");
        }
        Ok((took, answers))
    }
}

/// The scripted model. It ends with its standard input.
struct Model {
    process: Child,
    url: String,
}

impl Model {
    fn start(bed: &Bed) -> Result<Self> {
        let mut command: Command = bed.command("node");
        command.arg(format!("{FIXTURES}/model/server.mjs")).arg("--until-stdin-closes");
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut greeting = String::new();
        BufReader::new(process.stdout.take().context("the model has no stdout")?).read_line(&mut greeting)?;
        let url =
            greeting.trim().strip_prefix("listening on ").context("the model does not listen")?.to_owned();
        Ok(Self { process, url })
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}
