//! The daemon under measurement.
//!
//! Two of its forms no user can have; they tell what the screens and the journal cost.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, ensure};

use crate::Result;
use crate::bed::{Bed, COLS, ROWS, output};
use crate::terminal::Terminal;
use crate::tmux;

/// Ends with this value, and its tmux server and sessions with it.
pub struct Daemon<'a> {
    bed: &'a Bed,
    home: PathBuf,
    without_screen: bool,
    web: bool,
    /// What it and its commands have in their environment beside the usual.
    environment: Vec<(String, String)>,
    process: Option<Child>,
    /// What it says is not read, but it may say it.
    stdout: Option<BufReader<ChildStdout>>,
}

/// What the daemon does beside passing output on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// It passes output on.
    Bare,
    /// It feeds the screens, too.
    Screens,
    /// It stores everything on the disk, too: what users have.
    Whole,
}

impl<'a> Daemon<'a> {
    pub fn start(bed: &'a Bed, name: &str) -> Result<Self> {
        Self::start_as(bed, name, Form::Whole)
    }

    /// With the dashboard.
    pub fn start_web(bed: &'a Bed, name: &str) -> Result<Self> {
        let mut daemon = Self::new(bed, name);
        daemon.web = true;
        daemon.run()?;
        Ok(daemon)
    }

    /// With more in the environment.
    pub fn start_in(bed: &'a Bed, name: &str, environment: &[(&str, &str)]) -> Result<Self> {
        let mut daemon = Self::new(bed, name);
        daemon.environment =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        daemon.run()?;
        Ok(daemon)
    }

    fn new(bed: &'a Bed, name: &str) -> Self {
        let home = bed.path(name);
        let environment = Vec::new();
        Self { bed, home, without_screen: false, web: false, environment, process: None, stdout: None }
    }

    pub fn start_as(bed: &'a Bed, name: &str, form: Form) -> Result<Self> {
        let mut daemon = Self::new(bed, name);
        daemon.without_screen = form < Form::Screens;
        if form < Form::Whole {
            // A journal that has no directory keeps in memory what readers may still want.
            std::fs::create_dir_all(daemon.home.join("data"))?;
            std::fs::write(daemon.journal(), "")?;
        }
        daemon.run()?;
        Ok(daemon)
    }

    /// Starts the process and waits until it says that it is ready.
    pub fn run(&mut self) -> Result<()> {
        let mut command = self.codepiper(&["daemon"]);
        if self.web {
            command.args(["--web", "--port", "0"]);
        }
        if self.without_screen {
            command.env("CODEPIPER_WITHOUT_SCREEN", "1");
        }
        let mut process = command.stdout(Stdio::piped()).spawn()?;
        let stdout = process.stdout.take().context("the daemon has no stdout")?;
        self.process = Some(process);
        let mut ready = String::new();
        self.stdout.insert(BufReader::new(stdout)).read_line(&mut ready)?;
        ensure!(ready.contains("Daemon started"), "the daemon does not start");
        Ok(())
    }

    /// Ends the process; the sessions go on.
    pub fn stop(&mut self) -> Result<()> {
        output(&mut self.codepiper(&["daemon", "stop"]))?;
        if let Some(mut process) = self.process.take() {
            process.wait()?;
        }
        Ok(())
    }

    /// Ends the process as a crash would; the sessions go on.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill()?;
            process.wait()?;
        }
        Ok(())
    }

    pub fn codepiper(&self, args: &[&str]) -> Command {
        let mut command = self.bed.command(env!("CARGO_BIN_EXE_codepiper"));
        command.envs(self.environment.iter().cloned());
        command.env("CODEPIPER_HOME", &self.home).args(args);
        command
    }

    pub fn start_session(&self, name: &str, program: &[String]) -> Result<()> {
        let size = format!("{COLS}x{ROWS}");
        let start = ["start", "-p", "shell", "--name", name, "--size", &size, "--"];
        output(self.codepiper(&start).args(program))?;
        Ok(())
    }

    /// Starts a session on a terminal, and attaches to it.
    pub fn start_attached(&self, name: &str, program: &[String]) -> Result<Terminal> {
        let mut start = self.codepiper(&["start", "--attach", "-p", "shell", "--name", name, "--"]);
        start.args(program);
        Terminal::start(start)
    }

    pub fn remove_session(&self, name: &str) -> Result<()> {
        output(&mut self.codepiper(&["kill", name]))?;
        output(&mut self.codepiper(&["sessions", "remove", name]))?;
        Ok(())
    }

    /// Where the dashboard is served.
    pub fn web_port(&self) -> Result<u16> {
        let status: serde_json::Value =
            serde_json::from_str(&output(&mut self.codepiper(&["daemon", "status", "--json"]))?)?;
        let port = status["web"].as_str().and_then(|url| url.rsplit(':').next()?.parse().ok());
        port.context("the daemon serves no dashboard")
    }

    pub fn socket(&self) -> PathBuf {
        self.home.join("codepiper.sock")
    }

    /// Where the hooks of all sessions wait while the daemon is away.
    pub fn spool(&self) -> PathBuf {
        self.home.join("data/spool")
    }

    /// The directory of the journal.
    pub fn journal(&self) -> PathBuf {
        self.home.join("data/journal")
    }

    pub fn tmux_socket(&self) -> PathBuf {
        self.home.join("tmux.sock")
    }

    pub fn pid(&self) -> Result<i32> {
        Ok(self.process.as_ref().context("the daemon does not run")?.id() as i32)
    }

    pub fn tmux_pid(&self) -> Result<i32> {
        tmux::pid(self.bed, &self.tmux_socket())
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let mut stop = self.codepiper(&["daemon", "stop", "--kill-sessions"]);
            let _ = stop.stdout(Stdio::null()).stderr(Stdio::null()).status();
            let _ = process.kill();
            let _ = process.wait();
        }
        let mut kill = self.bed.command("tmux");
        let _ = kill.arg("-S").arg(self.tmux_socket()).arg("kill-server").stderr(Stdio::null()).status();
    }
}
