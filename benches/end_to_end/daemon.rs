//! The daemon under measurement.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};

use crate::Result;
use crate::bed::{Bed, COLS, ROWS, output};
use crate::tmux;

/// Ends with this value, and its tmux server and sessions with it.
pub struct Daemon<'a> {
    bed: &'a Bed,
    home: PathBuf,
    without_screen: bool,
    process: Option<Child>,
}

impl<'a> Daemon<'a> {
    pub fn start(bed: &'a Bed, name: &str) -> Result<Self> {
        Self::start_with(bed, name, false)
    }

    /// Without the model of the screens, which no user can have: it tells what the model costs.
    pub fn start_without_screen(bed: &'a Bed, name: &str) -> Result<Self> {
        Self::start_with(bed, name, true)
    }

    fn start_with(bed: &'a Bed, name: &str, without_screen: bool) -> Result<Self> {
        let mut daemon = Self { bed, home: bed.path(name), without_screen, process: None };
        daemon.run()?;
        Ok(daemon)
    }

    /// Starts the process and waits until it says that it is ready.
    pub fn run(&mut self) -> Result<()> {
        let mut command = self.codepiper(&["daemon"]);
        if self.without_screen {
            command.env("CODEPIPER_WITHOUT_SCREEN", "1");
        }
        let mut process = command.stdout(Stdio::piped()).spawn()?;
        let stdout = process.stdout.take().context("the daemon has no stdout")?;
        self.process = Some(process);
        let mut ready = String::new();
        BufReader::new(stdout).read_line(&mut ready)?;
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

    pub fn codepiper(&self, args: &[&str]) -> Command {
        let mut command = self.bed.command(env!("CARGO_BIN_EXE_codepiper"));
        command.env("CODEPIPER_HOME", &self.home).args(args);
        command
    }

    pub fn start_session(&self, name: &str, program: &[String]) -> Result<()> {
        let size = format!("{COLS}x{ROWS}");
        let start = ["start", "-p", "shell", "--name", name, "--size", &size, "--"];
        output(self.codepiper(&start).args(program))?;
        Ok(())
    }

    pub fn remove_session(&self, name: &str) -> Result<()> {
        output(&mut self.codepiper(&["kill", name]))?;
        output(&mut self.codepiper(&["sessions", "remove", name]))?;
        Ok(())
    }

    pub fn socket(&self) -> PathBuf {
        self.home.join("codepiper.sock")
    }

    /// Where the hooks of all sessions wait while the daemon is away.
    pub fn spool(&self) -> PathBuf {
        self.home.join("data/spool")
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
