//! What a request over TCP has to prove before the router sees it, and what every answer says.
//!
//! Cookies ignore ports, and agents run web servers on loopback: so the page's origin is checked, and
//! the cookie opens nothing without the second secret.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use codepiper_protocol::wire::auth::SECRET_HEADER;
use codepiper_protocol::wire::problem::{Code, Problem};
use hyper::http::uri::Scheme;
use hyper::http::{HeaderMap, HeaderValue, Method, Uri, header, request};
use jiff::Timestamp;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use warp::reply::Response;

use super::Caller;
use crate::auth::{Auth, Guest};
use crate::dashboard::cookie;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
    font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; \
    form-action 'self'; frame-ancestors 'none'";

/// What every answer says, whatever it is.
const HEADERS: [(&str, &str); 7] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
];

/// How the dashboard is reached.
#[derive(Clone)]
pub struct Web {
    /// Where it listens.
    pub address: SocketAddr,
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// The address that people use, when it is not the one where it listens.
    pub public: Option<Public>,
    /// Who forwarded a request says where it came from.
    pub behind_proxy: bool,
}

/// `https://host[:port]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Public {
    scheme: String,
    authority: String,
}

impl std::str::FromStr for Public {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || anyhow::anyhow!("'{text}' is not a URL like https://host or https://host:port");
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let scheme = uri.scheme().filter(|scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme));
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'));
        let bare = uri.query().is_none() && ["", "/"].contains(&uri.path());
        match (scheme, authority) {
            (Some(scheme), Some(authority)) if bare => {
                Ok(Self { scheme: scheme.to_string(), authority: authority.as_str().to_ascii_lowercase() })
            }
            _ => Err(wrong()),
        }
    }
}

impl Web {
    /// The address that people open.
    pub fn url(&self) -> String {
        match &self.public {
            Some(Public { scheme, authority }) => format!("{scheme}://{authority}"),
            None => format!("{}://{}", self.scheme(), self.address),
        }
    }

    fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    fn is_https(&self) -> bool {
        self.public.as_ref().map_or(self.tls.is_some(), |public| public.scheme == "https")
    }

    /// Who asks, or why the request is refused.
    pub fn admit(&self, auth: &Auth, request: &request::Parts, peer: IpAddr) -> Result<Caller, Problem> {
        self.check_origin(request)?;
        let now = Timestamp::now();
        let named = cookie(&request.headers, &self.login_cookie());
        let Some(id) = named.and_then(|named| auth.of_cookie(named, now)) else { return Ok(Caller::Nobody) };
        let secret = request.headers.get(SECRET_HEADER).and_then(|secret| secret.to_str().ok());
        let address = self.origin_of(&request.headers, peer);
        match secret {
            Some(secret) if auth.proves(id, secret, Some(address), now) => Ok(Caller::Login(id)),
            // A WebSocket of a browser has no headers of its own: the secret is its first message.
            _ => Ok(Caller::Cookie(id)),
        }
    }

    /// Where a request comes from and what its browser is called.
    pub fn guest(&self, headers: &HeaderMap, peer: IpAddr) -> Guest {
        let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        Guest {
            device: cookie(headers, &self.device_cookie()).map(str::to_owned),
            name: browser(agent.unwrap_or_default()),
            address: Some(self.origin_of(headers, peer)),
        }
    }

    fn origin_of(&self, headers: &HeaderMap, peer: IpAddr) -> String {
        // The proxy adds the last one; what stands before it anybody may have written.
        let forwarded = headers.get_all("x-forwarded-for").into_iter().next_back();
        let forwarded =
            forwarded.and_then(|list| list.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
        match forwarded {
            Some(forwarded) if self.behind_proxy => IpAddr::to_string(&forwarded),
            _ => peer.to_string(),
        }
    }

    /// Two daemons on one machine have different ports, and cookies ignore those.
    pub fn login_cookie(&self) -> String {
        self.cookie_name("login")
    }

    pub fn device_cookie(&self) -> String {
        self.cookie_name("device")
    }

    fn cookie_name(&self, what: &str) -> String {
        let prefix = if self.is_https() { "__Host-" } else { "" };
        format!("{prefix}codepiper-{}-{what}", self.address.port())
    }

    /// A `Set-Cookie`; `age` in seconds, 0 takes it away.
    pub fn set_cookie(&self, name: &str, value: &str, age: u32) -> String {
        let secure = if self.is_https() { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}")
    }

    fn check_origin(&self, request: &request::Parts) -> Result<(), Problem> {
        let refuse = |what: String| Err(Problem::new(Code::Refused, what));
        let header = |name: header::HeaderName| {
            request.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let host = header(header::HOST).unwrap_or_default();
        if !self.is_own_host(&host) {
            return refuse(format!(
                "this daemon does not serve the host '{}'; open {} instead, or set its public URL",
                host.escape_debug(),
                self.url()
            ));
        }
        let api = is_api(request.uri.path());
        match header(header::HeaderName::from_static("sec-fetch-site")).as_deref() {
            None | Some("same-origin" | "none") => {}
            // A link may lead to a page, which then asks for itself.
            Some(_) if !api && is_navigation(&request.headers) => {}
            Some(site) => return refuse(format!("cross-origin requests are not allowed ({site})")),
        }
        let reads = matches!(request.method, Method::GET | Method::HEAD);
        let upgrades = request.headers.contains_key(header::UPGRADE);
        match header(header::ORIGIN) {
            Some(origin) if self.is_own_origin(&origin, &host) => Ok(()),
            Some(origin) => refuse(format!("origin '{}' is not allowed", origin.escape_debug())),
            None if reads && !upgrades => Ok(()),
            None => refuse("a request that changes something needs an Origin header".to_owned()),
        }
    }

    fn is_own_host(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        if self.public.as_ref().is_some_and(|public| public.authority == host) {
            return true;
        }
        let port = self.address.port();
        let Some(name) = host.strip_suffix(&format!(":{port}")) else { return false };
        let address: Option<IpAddr> = name.trim_start_matches('[').trim_end_matches(']').parse().ok();
        match address {
            // A name can be made to mean us, an address cannot.
            Some(address) => address == self.address.ip() || self.address.ip().is_unspecified(),
            None => name == "localhost" && self.address.ip().is_loopback(),
        }
    }

    fn is_own_origin(&self, origin: &str, host: &str) -> bool {
        let is = |own: String| own.eq_ignore_ascii_case(origin);
        let public = self.public.as_ref();
        // Under the public name only the public scheme counts: a page that came without TLS is anybody's.
        let named = public.is_some_and(|public| public.authority.eq_ignore_ascii_case(host));
        public.is_some_and(|public| is(format!("{}://{}", public.scheme, public.authority)))
            || !named && is(format!("{}://{host}", self.scheme()))
    }
}

/// Adds what every answer says.
pub fn harden(response: &mut Response) {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// Whatever slashes are around it.
pub fn is_api(path: &str) -> bool {
    matches!(path.split('/').find(|part| !part.is_empty()), Some("api" | "ws"))
}

fn is_navigation(headers: &HeaderMap) -> bool {
    let is = |name: &str, value: &str| headers.get(name).is_some_and(|found| found == value);
    is("sec-fetch-mode", "navigate") && is("sec-fetch-dest", "document")
}

/// The browser and its system, as far as people care.
fn browser(agent: &str) -> String {
    let first = |names: &[(&'static str, &'static str)]| {
        names.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
    };
    let browser = first(&[
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ]);
    let system = first(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "unknown browser".to_owned(),
    }
}

/// Reads own certificate files.
///
/// # Errors
/// Which file cannot be used, and why.
pub fn tls(certificates: &Path, key: &Path) -> anyhow::Result<Arc<rustls::ServerConfig>> {
    let of_certificates = || format!("cannot use the certificate in {}", certificates.display());
    let of_key = || format!("cannot use the private key in {}", key.display());
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificates)
        .with_context(of_certificates)?
        .collect::<Result<_, _>>()
        .with_context(of_certificates)?;
    anyhow::ensure!(!chain.is_empty(), "{} contains no PEM certificate", certificates.display());
    let key_der = PrivateKeyDer::from_pem_file(key).with_context(of_key)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key_der)
        .with_context(of_key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn web(address: &str) -> Web {
        Web { address: address.parse().unwrap(), tls: None, public: None, behind_proxy: false }
    }

    fn check(web: &Web, method: &str, path: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        web.check_origin(&request.body(()).unwrap().into_parts().0).is_ok()
    }

    #[test]
    fn only_our_own_page_asks() {
        let web = web("127.0.0.1:3000");
        let own = ("host", "127.0.0.1:3000");
        let origin = ("origin", "http://127.0.0.1:3000");
        assert!(check(&web, "GET", "/api/auth", &[own]));
        assert!(check(&web, "POST", "/api/auth/sign-in", &[own, origin, ("sec-fetch-site", "same-origin")]));
        assert!(check(&web, "GET", "/", &[("host", "localhost:3000"), ("sec-fetch-site", "none")]));
        assert!(check(
            &web,
            "POST",
            "/x",
            &[("host", "LOCALHOST:3000"), ("origin", "http://localhost:3000")]
        ));
        for host in [
            "",
            "127.0.0.1",
            "127.0.0.1:3001",
            "evil.example:3000",
            "localhost.evil.example:3000",
            "127.0.0.2:3000",
        ] {
            assert!(!check(&web, "GET", "/", &[("host", host)]), "{host}");
        }
        for origin in [
            "null",
            "http://127.0.0.1:8080",
            "https://127.0.0.1:3000",
            "http://localhost:3000",
            "http://evil.example",
        ] {
            for (method, path) in [("GET", "/api/sessions"), ("POST", "/api/sessions"), ("GET", "/ws")] {
                assert!(!check(&web, method, path, &[own, ("origin", origin)]), "{origin} {method} {path}");
            }
        }
        assert!(!check(&web, "POST", "/api/sessions", &[own]), "without an origin nothing changes");
        assert!(!check(&web, "GET", "/ws", &[own, ("upgrade", "websocket")]));
        for site in ["same-site", "cross-site", "else"] {
            assert!(!check(&web, "GET", "/api/auth", &[own, ("sec-fetch-site", site)]), "{site}");
            assert!(!check(&web, "GET", "/assets/x.js", &[own, ("sec-fetch-site", site)]), "{site}");
            let link = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
            let link = [&[own, ("sec-fetch-site", site)][..], &link].concat();
            assert!(
                check(&web, "GET", "/sessions", &link) && !check(&web, "GET", "/api/auth", &link),
                "{site}"
            );
        }
    }

    #[test]
    fn a_public_address_is_known_by_its_name() {
        let public = Some("https://Codepiper.example".parse().unwrap());
        let web = Web { public, behind_proxy: true, ..web("127.0.0.1:3000") };
        let (host, origin) = (("host", "codepiper.example"), ("origin", "https://codepiper.example"));
        assert!(check(&web, "POST", "/api/x", &[host, origin]));
        assert!(check(&web, "POST", "/api/x", &[("host", "127.0.0.1:3000"), origin]), "the proxy names us");
        assert!(!check(&web, "POST", "/api/x", &[host, ("origin", "http://other.example")]));
        assert!(web.login_cookie().starts_with("__Host-"));
        assert!(web.set_cookie("a", "b", 1).contains("Secure"));
        for wrong in ["codepiper.example", "ftp://x", "https://x/path", "https://u@x", "https://x?y", ""] {
            assert!(wrong.parse::<Public>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn who_forwarded_counts_only_behind_a_proxy() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_static("6.6.6.6, 10.0.0.7"));
        let peer = "127.0.0.1".parse().unwrap();
        let direct = web("127.0.0.1:3000");
        assert_eq!(direct.guest(&headers, peer).address.unwrap(), "127.0.0.1");
        let behind = Web { behind_proxy: true, ..direct };
        assert_eq!(behind.guest(&headers, peer).address.unwrap(), "10.0.0.7");
    }

    #[test]
    fn browsers_have_names() {
        for (agent, name) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox on Linux"),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/142.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1",
                "Safari on iPhone",
            ),
            ("curl/8.0", "curl"),
            ("<script>", "unknown browser"),
        ] {
            assert_eq!(browser(agent), name);
        }
    }
}
