//! HTTP requests to servers elsewhere. Browsers name push services, so those may not lead to the machine's own network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::handshake;
use hyper::http::uri::Scheme;
use hyper::http::{Request, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::tasks::{blocking, owned};

/// A server has so long for its answer.
const LIMIT: Duration = Duration::from_secs(20);
/// And each of its addresses so long to be reached.
const CONNECT_LIMIT: Duration = Duration::from_secs(4);
const LONGEST_URL: usize = 2000;

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    uri: Uri,
    https: bool,
    host: String,
    port: u16,
}

/// Why there is no answer.
#[derive(Debug)]
pub struct Failure {
    pub why: String,
    /// It will be the same another time.
    pub lasting: bool,
}

impl Failure {
    fn passing(why: impl ToString) -> Self {
        Self { why: why.to_string(), lasting: false }
    }

    fn lasting(why: impl ToString) -> Self {
        Self { why: why.to_string(), lasting: true }
    }
}

/// What a server answered.
#[derive(Debug)]
pub struct Answered {
    pub status: StatusCode,
    /// It wants to be asked again after this time.
    pub retry_after: Option<Duration>,
}

impl Target {
    /// # Errors
    /// Why that is no URL of a server.
    pub fn parse(url: &str) -> Result<Self, String> {
        let wrong = || format!("'{}' is not a URL like https://host/path", url.escape_debug());
        if url.len() > LONGEST_URL {
            return Err(format!("the URL has {} characters; the limit is {LONGEST_URL}", url.len()));
        }
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let https = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(wrong()),
        };
        let authority =
            uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(wrong)?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        if host.is_empty() || authority.as_str().ends_with(':') {
            return Err(wrong());
        }
        let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
        Ok(Self { https, host, port, uri })
    }

    pub fn is_https(&self) -> bool {
        self.https
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    /// `https://host[:port]`
    pub fn origin(&self) -> String {
        let scheme = self.uri.scheme_str().unwrap_or_default();
        format!("{scheme}://{}", self.authority())
    }

    fn authority(&self) -> &str {
        self.uri.authority().map(|authority| authority.as_str()).unwrap_or_default()
    }

    /// Its addresses; `private`: also those of this machine and its network.
    async fn addresses(&self, private: bool) -> Result<Vec<SocketAddr>, Failure> {
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        let found: Vec<SocketAddr> = found
            .map_err(|error| Failure::passing(format!("cannot look up {}: {error}", self.host)))?
            .collect();
        let allowed: Vec<SocketAddr> =
            found.iter().copied().filter(|address| private || is_public(address.ip())).collect();
        match (allowed.is_empty(), found.first()) {
            (false, _) => Ok(allowed),
            (true, Some(address)) => Err(Failure::lasting(format!(
                "{} is at {}, which is not a public address",
                self.host,
                address.ip()
            ))),
            (true, None) => Err(Failure::passing(format!("{} has no address", self.host))),
        }
    }
}

/// Sends a request with a body. `private`: see [`Target::addresses`]. Redirections are not followed.
///
/// # Errors
/// Why there is no answer.
pub async fn post(
    target: &Target,
    headers: &[(&'static str, String)],
    body: Vec<u8>,
    private: bool,
) -> Result<Answered, Failure> {
    let answer = tokio::time::timeout(LIMIT, exchange(target, headers, body, private));
    answer.await.unwrap_or_else(|_| Err(Failure::passing(format!("no answer within {} s", LIMIT.as_secs()))))
}

async fn exchange(
    target: &Target,
    headers: &[(&'static str, String)],
    body: Vec<u8>,
    private: bool,
) -> Result<Answered, Failure> {
    let addresses = target.addresses(private).await?;
    let stream = connect(target, &addresses).await?;
    if !target.https {
        return request(stream, target, headers, body).await;
    }
    let tls = TlsConnector::from(tls().await.map_err(Failure::lasting)?);
    let name = ServerName::try_from(target.host.clone()).map_err(Failure::lasting)?;
    let stream = tls.connect(name, stream).await;
    request(
        stream.map_err(|error| Failure::passing(format!("no TLS with {}: {error}", target.host)))?,
        target,
        headers,
        body,
    )
    .await
}

/// One of its addresses may be dead, such as that of a family that the network does not carry.
async fn connect(target: &Target, addresses: &[SocketAddr]) -> Result<TcpStream, Failure> {
    let mut why = String::new();
    for address in addresses {
        match tokio::time::timeout(CONNECT_LIMIT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => why = error.to_string(),
            Err(_) => why = format!("no answer within {} s", CONNECT_LIMIT.as_secs()),
        }
    }
    Err(Failure::passing(format!("cannot connect to {}: {why}", target.host)))
}

async fn request(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    target: &Target,
    headers: &[(&'static str, String)],
    body: Vec<u8>,
) -> Result<Answered, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::passing(format!("the request to {} failed: {error}", target.host))
    };
    let path = target.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::post(path)
        .header(header::HOST, target.authority())
        .header(header::USER_AGENT, concat!("codepiper/", env!("CARGO_PKG_VERSION")))
        .header(header::CONNECTION, "close");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let request = request.body(Full::new(Bytes::from(body))).map_err(|error| failed(&error))?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
    let _serving = owned(connection);
    let answer = sender.send_request(request).await.map_err(|error| failed(&error))?;
    let retry_after = answer.headers().get(header::RETRY_AFTER);
    let seconds = retry_after.and_then(|seconds| seconds.to_str().ok()?.parse().ok());
    Ok(Answered { status: answer.status(), retry_after: seconds.map(Duration::from_secs) })
}

/// With the system's certificates, which are read once.
async fn tls() -> Result<Arc<ClientConfig>, String> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(config.clone());
    }
    let read = blocking(|| {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            return Err(
                "no certificates of authorities are installed on this machine (ca-certificates)".to_owned()
            );
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(|error| error.to_string())?;
        Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
    });
    let config = read.await.map_err(|error| error.to_string())??;
    Ok(CONFIG.get_or_init(|| config).clone())
}

/// Whether an address is one of the Internet: not of this machine, not of its network, not for special use (RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || a == 0
        // Of carriers, of IETF protocols, of benchmarks; multicast and reserved.
        || (a == 100 && b & 0xc0 == 64)
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && b & 0xfe == 18)
        || a >= 224)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // Of IPv4, as itself (::ffff:0:0/96), through NAT64 (64:ff9b::/96) and through 6to4 (2002::/16).
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        [0x2002, high, low, ..] => v4(high, low),
        // Teredo and documentation lie in what is public.
        [0x2001, 0 | 0xdb8, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_network_is_no_push_service() {
        for own in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "198.18.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "::",
            "::1",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001:0:1::1",
            "2001:db8::1",
        ] {
            assert!(!is_public(own.parse().unwrap()), "{own}");
        }
        for public in
            ["1.1.1.1", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "::ffff:1.1.1.1", "2002:101:101::"]
        {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn a_target_is_a_url_of_a_server() {
        let target = Target::parse("https://Push.example/send/a?b=c").unwrap();
        assert_eq!((target.host(), target.port, target.is_https()), ("push.example", 443, true));
        let target = Target::parse("http://[::1]:8080/x").unwrap();
        assert_eq!((target.host(), target.origin().as_str()), ("::1", "http://[::1]:8080"));
        for wrong in [
            "",
            "push.example",
            "ftp://x/",
            "https://",
            "https://u@host/",
            "https://host:/",
            "/path",
            "https://a b/",
        ] {
            assert!(Target::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Target::parse(&format!("https://host/{}", "x".repeat(3000))).unwrap_err().contains("limit"));
    }

    #[tokio::test]
    async fn a_name_that_leads_home_is_refused() {
        let target = Target::parse("http://localhost:9/").unwrap();
        let why = post(&target, &[], Vec::new(), false).await.unwrap_err();
        assert!(why.lasting && why.why.contains("not a public address"), "{why:?}");
    }
}
