//! Where the dashboard is served, and what is said about it at the start.
//!
//! Precedence: flag, environment, configuration file, default.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use codepiper_protocol::wire::auth::AuthStage;
use codepiper_protocol::wire::problem::{Code, Next, Problem};

use crate::api::{self, Public, Web};
use crate::auth::Auth;
use crate::config;
use crate::dashboard;

const PORT: u16 = 3000;

/// What the command line and the environment say.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    pub web: bool,
    pub port: Option<u16>,
    pub host: Option<IpAddr>,
    pub tls_cert: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    pub behind_proxy: bool,
    pub public_url: Option<String>,
    /// How one gets the one-time password of the first visit, in words.
    pub first_visit: String,
}

/// A port that is taken, and how it is served.
pub struct Listening {
    pub web: Web,
    pub listener: TcpListener,
    pub first_visit: String,
}

/// The dashboard, the socket that it is served on, and how one gets the one-time password of the first visit.
pub fn served(
    listening: Option<Listening>,
) -> std::io::Result<(Option<Arc<Web>>, Option<tokio::net::TcpListener>, String)> {
    let Some(Listening { web, listener, first_visit }) = listening else {
        return Ok((None, None, String::new()));
    };
    Ok((Some(Arc::new(web)), Some(tokio::net::TcpListener::from_std(listener)?), first_visit))
}

/// Takes the port, if the dashboard is wanted.
///
/// # Errors
/// When it cannot be served like that. The text says what to do.
pub fn listen(flags: &Flags, file: &config::Web) -> anyhow::Result<Option<Listening>> {
    if !flags.web && !file.enabled {
        return Ok(None);
    }
    let host = flags.host.or(file.host).unwrap_or(Ipv4Addr::LOCALHOST.into());
    let port = flags.port.or(file.port).unwrap_or(PORT);
    let certificates = flags.tls_cert.as_ref().or(file.tls_cert.as_ref());
    let key = flags.tls_key.as_ref().or(file.tls_key.as_ref());
    let tls = match (certificates, key) {
        (Some(certificates), Some(key)) => Some(api::tls(certificates, key)?),
        (None, None) => None,
        _ => {
            return Err(impossible("a certificate needs its key, and a key its certificate")
                .with_next(Next::GiveCertificateAndKey)
                .into());
        }
    };
    let public = flags.public_url.as_ref().or(file.public_url.as_ref());
    let public: Option<Public> = public.map(|url| url.parse()).transpose().context("invalid public URL")?;
    let behind_proxy = flags.behind_proxy || file.behind_proxy;
    if behind_proxy && public.is_none() {
        let problem = impossible("behind a proxy, the daemon needs the URL that people open");
        return Err(problem.with_next(Next::SetPublicUrl).into());
    }
    if !(host.is_loopback() || tls.is_some() || behind_proxy) {
        let problem =
            impossible(format!("passwords would cross the network unencrypted: others can reach {host}"));
        return Err(problem.with_next(Next::EncryptOrStayLocal { port }).into());
    }
    if !dashboard::is_embedded() {
        let problem = impossible("this codepiper was built without the dashboard");
        return Err(problem.with_next(Next::StartWithoutDashboard).into());
    }
    let address = SocketAddr::new(host, port);
    let listener = TcpListener::bind(address).map_err(|error| {
        impossible(format!("cannot serve the dashboard on {address}: {error}")).with_next(Next::ChoosePort)
    })?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let first_visit = flags.first_visit.clone();
    Ok(Some(Listening { web: Web { address, tls, public, behind_proxy }, listener, first_visit }))
}

fn impossible(detail: impl Into<String>) -> Problem {
    Problem::new(Code::Invalid, detail)
}

/// Whose authenticator it is.
pub fn account() -> String {
    let user =
        std::env::var("USER").ok().filter(|user| !user.is_empty()).unwrap_or_else(|| "user".to_owned());
    format!("{user}@{}", hostname()).replace(':', "-")
}

pub fn hostname() -> String {
    nix::unistd::gethostname().map_or_else(|_| "localhost".into(), |name| name.to_string_lossy().into_owned())
}

/// What is said at the start. The one-time password goes to a person's terminal only: what else reads
/// our output may keep it.
pub fn welcome(web: &Web, auth: &Auth, first_visit: &str, terminal: bool) -> String {
    let mut text = format!("✓ Web dashboard at {}\n", web.url());
    match auth.stage() {
        AuthStage::Setup if terminal => {
            if let Ok(password) = auth.new_bootstrap() {
                text += &format!("  First visit: the one-time password is {password}\n");
            }
        }
        AuthStage::Setup => text += &format!("  First visit: {first_visit}\n"),
        AuthStage::Closed => {
            text += &format!("! Nobody can sign in: {}\n", auth.damage().unwrap_or_default());
        }
        AuthStage::SignedOut | AuthStage::SignedIn => {}
    }
    text
}
