use std::ffi::OsString;
use std::io::Read;
use std::net::IpAddr;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{ChildStderr, ChildStdout, Command, Stdio};
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{Args, Subcommand};
use codepiper_protocol::wire::daemon::{DaemonStatus, StopDaemon};
use codepiper_protocol::wire::problem::Next;
use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::failure::{Failure, OF_DAEMON, Outcome, exit_codes, reason};
use super::next::hint;
use super::{Context, output, time};
use crate::client::{Client, ClientError};
use crate::process::Process;
use crate::provider::BUILT_IN;

/// What every ready daemon prints first.
const READY: &str = "✓ Daemon started";
const STOP_LIMIT: Duration = Duration::from_secs(60);
const RESTART_LIMIT: Duration = Duration::from_secs(30);
/// Between two questions: see [`until`].
const RETRY: Duration = Duration::from_millis(20);

/// Run the daemon, or manage the running one
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, after_help = exit_codes(OF_DAEMON))]
pub(super) struct Daemon {
    /// Run in the background; return once the daemon is ready
    #[arg(long)]
    detach: bool,
    /// tmux server socket [default: the socket of `tmux -L codepiper`, or tmux.sock in CODEPIPER_HOME]
    #[arg(long, value_name = "PATH")]
    tmux_socket: Option<PathBuf>,
    #[command(flatten)]
    web: Web,
    #[command(subcommand)]
    verb: Option<Verb>,
}

/// Each is also a key of `[web]` in the configuration file.
#[derive(Args)]
struct Web {
    /// Serve the dashboard
    #[arg(long, env = "CODEPIPER_WEB", value_parser = FalseyValueParser::new(), help_heading = "Dashboard options")]
    web: bool,
    /// Port; 0 picks a free one [default: 3000]
    #[arg(long, env = "CODEPIPER_WEB_PORT", value_name = "N", help_heading = "Dashboard options")]
    port: Option<u16>,
    /// Address to listen on; any address other than loopback needs TLS or a proxy [default: 127.0.0.1]
    #[arg(long, env = "CODEPIPER_WEB_HOST", value_name = "ADDRESS", help_heading = "Dashboard options")]
    host: Option<IpAddr>,
    /// TLS certificate chain (PEM)
    #[arg(long, env = "CODEPIPER_TLS_CERT", value_name = "FILE", help_heading = "Dashboard options")]
    tls_cert: Option<PathBuf>,
    /// Private key of the certificate (PEM)
    #[arg(long, env = "CODEPIPER_TLS_KEY", value_name = "FILE", help_heading = "Dashboard options")]
    tls_key: Option<PathBuf>,
    /// A reverse proxy terminates TLS; needs --public-url
    #[arg(long, env = "CODEPIPER_BEHIND_PROXY", value_parser = FalseyValueParser::new(), help_heading = "Dashboard options")]
    behind_proxy: bool,
    /// URL that people open, e.g. https://codepiper.example
    #[arg(long, env = "CODEPIPER_PUBLIC_URL", value_name = "URL", help_heading = "Dashboard options")]
    public_url: Option<String>,
}

impl Web {
    fn flags(self) -> crate::daemon::web::Flags {
        let Self { web, port, host, tls_cert, tls_key, behind_proxy, public_url } = self;
        let first_visit = hint(&Next::SetUpDashboard);
        crate::daemon::web::Flags {
            web,
            port,
            host,
            tls_cert,
            tls_key,
            behind_proxy,
            public_url,
            first_visit,
        }
    }

    /// As arguments of another daemon.
    fn arguments(&self) -> Vec<OsString> {
        let switches = [("--web", self.web), ("--behind-proxy", self.behind_proxy)];
        let switches = switches.into_iter().filter(|(_, on)| *on).map(|(flag, _)| flag.into());
        let values: [(&str, Option<OsString>); 5] = [
            ("--port", self.port.map(|port| port.to_string().into())),
            ("--host", self.host.map(|host| host.to_string().into())),
            ("--tls-cert", self.tls_cert.as_ref().map(|path| path.into())),
            ("--tls-key", self.tls_key.as_ref().map(|path| path.into())),
            ("--public-url", self.public_url.as_ref().map(|url| url.into())),
        ];
        let values = values.into_iter().filter_map(|(flag, value)| Some([flag.into(), value?]));
        switches.chain(values.flatten()).collect()
    }
}

#[derive(Subcommand)]
enum Verb {
    /// Show the daemon, its tmux server and the number of sessions
    #[command(after_help = exit_codes(OF_DAEMON))]
    Status {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Stop the daemon; sessions keep running
    #[command(after_help = exit_codes(OF_DAEMON))]
    Stop {
        /// Also kill every session and the tmux server
        #[arg(long)]
        kill_sessions: bool,
    },
    /// Restart the daemon, for example after an update; sessions keep running
    #[command(after_help = exit_codes(OF_DAEMON))]
    Restart,
}

impl Daemon {
    pub(super) fn run(self, mut context: Context) -> Outcome {
        context.flags.tmux_socket = self.tmux_socket;
        match self.verb {
            None if self.detach => detach(&context, &self.web),
            None => {
                let options =
                    crate::daemon::Options { flags: context.flags, web: self.web.flags(), program: None };
                Ok(crate::daemon::run(options, BUILT_IN)?)
            }
            Some(Verb::Status { json }) => status(&context, json),
            Some(Verb::Stop { kill_sessions }) => stop(&context, StopDaemon { kill_sessions }),
            Some(Verb::Restart) => restart(&context),
        }
    }
}

/// Starts this program again, in a process session of its own: no terminal can end it by closing.
fn detach(context: &Context, web: &Web) -> Outcome {
    let program = std::env::current_exe()
        .map_err(|error| Failure::new(format_args!("cannot find this program: {}", reason(&error))))?;
    let mut command = Command::new(&program);
    command.arg("daemon").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let flags = [("--socket", &context.flags.socket), ("--tmux-socket", &context.flags.tmux_socket)];
    for (flag, path) in flags {
        if let Some(path) = path {
            command.arg(flag).arg(path);
        }
    }
    command.args(web.arguments());
    // SAFETY: setsid is async-signal-safe and touches no memory of this process.
    unsafe {
        command.pre_exec(|| Ok(nix::unistd::setsid().map(drop)?));
    }
    let mut child = command.spawn().map_err(|error| {
        Failure::new(format_args!("cannot start {}: {}", program.display(), reason(&error)))
    })?;
    match child.stdout.take().map(wait_until_ready) {
        Some(lines) if !lines.is_empty() => lines.iter().try_for_each(|line| match line.strip_prefix("✓ ") {
            Some(done) => output::done(done),
            None => output::line(line),
        }),
        _ => {
            pass_on(child.stderr.take());
            let status = child.wait().ok().and_then(|status| status.code()).unwrap_or(1);
            Err(Failure::Silent { code: u8::try_from(status).unwrap_or(1).max(1) })
        }
    }
}

/// What it says when it is ready, all at once; nothing when it ended before.
fn wait_until_ready(mut stdout: ChildStdout) -> Vec<String> {
    let mut said = vec![0; 4096];
    let length = stdout.read(&mut said).unwrap_or(0);
    let said = String::from_utf8_lossy(&said[..length]).into_owned();
    match said.starts_with(READY) {
        true => said.lines().map(str::to_owned).collect(),
        false => vec![],
    }
}

fn pass_on(stderr: Option<ChildStderr>) {
    let mut said = Vec::new();
    if let Some(mut stderr) = stderr {
        // What was read before an error is what there is to say.
        let _ = stderr.read_to_end(&mut said);
    }
    output::pass_on(&String::from_utf8_lossy(&said));
}

fn status(context: &Context, json: bool) -> Outcome {
    let client = context.client()?;
    let status = context.block_on(client.daemon())??;
    if json {
        return output::json(&status);
    }
    let DaemonStatus { version, pid, started_at, socket, web, tmux, sessions, .. } = status;
    let age = time::age(started_at, Timestamp::now());
    output::line(format_args!("Daemon {version} running for {age}, pid {pid}"))?;
    output::line(format_args!("  socket    {}", socket.display()))?;
    if let Some(web) = web {
        output::line(format_args!("  web       {web}"))?;
    }
    let connection = match (tmux.connected, tmux.server_pid) {
        (true, Some(pid)) => format!("connected, server pid {pid}"),
        (true, None) => "connected".to_owned(),
        (false, _) => "not connected".to_owned(),
    };
    output::line(format_args!("  tmux      {} on {}, {connection}", tmux.version, tmux.socket.display()))?;
    let unreadable = match sessions.unreadable {
        0 => String::new(),
        count => format!(", {count} with an unreadable launch record (see codepiper doctor)"),
    };
    output::line(format_args!("  sessions  {} live, {} ended{unreadable}", sessions.live, sessions.ended))
}

fn stop(context: &Context, request: StopDaemon) -> Outcome {
    let client = context.client()?;
    context.block_on(async {
        let DaemonStatus { pid, sessions, .. } = client.daemon().await?;
        let live = sessions.live;
        let process = local_process(&client, pid);
        client.stop_daemon(request).await?;
        let gone = async |client: &Client| match client.daemon().await {
            Err(error) if error.is_absence() => Ok(Some(())),
            Ok(_) => Ok(None),
            Err(error) => Err(error),
        };
        until(STOP_LIMIT, &client, gone).await?;
        // It answers no more, and is at its files until it has ended.
        if let Some(process) = process
            && tokio::time::timeout(STOP_LIMIT, process.ended()).await.is_err()
        {
            return Err(Failure::timeout(format_args!(
                "timed out: the daemon (pid {pid}) has not exited; see its log"
            )));
        }
        match live {
            0 => output::done("Daemon stopped"),
            _ if request.kill_sessions => output::done("Daemon stopped, all sessions killed"),
            1 => output::done("Daemon stopped; 1 session keeps running"),
            live => output::done(format_args!("Daemon stopped; {live} sessions keep running")),
        }
    })?
}

/// The daemon's process, unless its socket leads to another machine.
fn local_process(client: &Client, pid: u32) -> Option<Process> {
    let pid = i32::try_from(pid).ok()?;
    let stream = std::os::unix::net::UnixStream::connect(client.socket()).ok()?;
    let peer = nix::sys::socket::getsockopt(&stream, nix::sys::socket::sockopt::PeerCredentials).ok()?;
    (peer.pid() == pid).then(|| Process::open(pid).ok()).flatten()
}

fn restart(context: &Context) -> Outcome {
    let client = context.client()?;
    context.block_on(async {
        let before = client.daemon().await?.started_at;
        client.restart_daemon().await?;
        let back = async |client: &Client| match client.daemon().await {
            Ok(status) => Ok((status.started_at != before).then_some(status)),
            Err(error) if error.is_absence() => Ok(None),
            Err(error) => Err(error),
        };
        let status = until(RESTART_LIMIT, &client, back).await?;
        output::done(format_args!("Daemon restarted on {}", status.socket.display()))
    })?
}

/// Asks until there is an answer. A daemon that ends or begins cannot tell when it has done so.
async fn until<T>(
    limit: Duration,
    client: &Client,
    ask: impl AsyncFn(&Client) -> Result<Option<T>, ClientError>,
) -> Result<T, Failure> {
    let give_up = Instant::now() + limit;
    loop {
        if let Some(answer) = ask(client).await? {
            return Ok(answer);
        }
        if Instant::now() >= give_up {
            let limit = limit.as_secs();
            return Err(Failure::timeout(format_args!(
                "timed out after {limit} s waiting for the daemon; see its log"
            )));
        }
        sleep(RETRY).await;
    }
}
