//! The dashboard's files, embedded and compressed when this program was built.

use bytes::Bytes;
use warp::http::{HeaderMap, HeaderValue, Response, StatusCode, header};

/// One embedded file.
pub struct Asset {
    /// Below the dashboard's root, e.g. `assets/index-C4d0.js`.
    pub path: &'static str,
    bytes: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
    /// Changes with the content: an `ETag`.
    tag: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The page that every path stands for which is no file: it finds its own way from there.
const PAGE: &str = "index.html";
/// Files below it have their content's hash in their names.
const HASHED: &str = "assets/";
/// The cookie that says which colours a person wants.
const THEME: &str = "codepiper-theme";

/// Whether this program was built with its dashboard.
pub fn is_embedded() -> bool {
    !ASSETS.is_empty()
}

/// The answer to a `GET` of a path outside of the API.
pub fn answer(path: &str, request: &HeaderMap) -> Response<Bytes> {
    let path = path.trim_start_matches('/');
    let find = |path: &str| ASSETS.iter().find(|asset| asset.path == path);
    match find(path) {
        Some(asset) if path != PAGE => file(asset, request),
        None if path.starts_with(HASHED) => text(StatusCode::NOT_FOUND, "no such file"),
        _ => match find(PAGE) {
            Some(asset) => page(asset, path, request),
            None => text(StatusCode::NOT_FOUND, "this codepiper was built without the dashboard"),
        },
    }
}

fn file(asset: &Asset, request: &HeaderMap) -> Response<Bytes> {
    let hashed = asset.path.starts_with(HASHED);
    let known = request.get(header::IF_NONE_MATCH).is_some_and(|tags| {
        tags.to_str().is_ok_and(|tags| tags.split(',').any(|tag| tag.trim() == asset.tag))
    });
    let (encoding, bytes) = match (asset.brotli, asset.gzip) {
        (Some(bytes), _) if accepts(request, "br") => (Some("br"), bytes),
        (_, Some(bytes)) if accepts(request, "gzip") => (Some("gzip"), bytes),
        _ => (None, asset.bytes),
    };
    let mut response = match known {
        true => Response::new(Bytes::new()),
        false => Response::new(Bytes::from_static(bytes)),
    };
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind(asset.path)));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(header::ETAG, HeaderValue::from_static(asset.tag));
    let cache = if hashed { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

/// The page comes in the colours that its reader chose: nothing flashes. It names the pieces that will be asked for.
fn page(asset: &Asset, path: &str, request: &HeaderMap) -> Response<Bytes> {
    let theme = cookie(request, THEME).filter(|theme| ["light", "dark"].contains(theme));
    let page = with_pieces(&String::from_utf8_lossy(asset.bytes), path, is_known(request));
    let page = match theme {
        Some(theme) => page.replacen("<html", &format!("<html data-theme=\"{theme}\""), 1),
        None => page,
    };
    let mut response = Response::new(page.into_bytes().into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind(PAGE)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("cookie"));
    response
}

/// Who has a login asks for all of the dashboard; others for its sign-in alone. Not every login is still good: then some pieces come
/// for nothing.
fn is_known(request: &HeaderMap) -> bool {
    cookies(request).any(|(name, _)| name.ends_with("-login"))
}

/// Of the pieces that `static/vite.config.ts` names, those that this path needs.
fn with_pieces(page: &str, path: &str, known: bool) -> String {
    let parts = || {
        let (before, rest) = page.split_once("<!--signed in-->")?;
        let (all, rest) = rest.split_once("<!--session-->")?;
        let (session, after) = rest.split_once("<!--end-->")?;
        Some((before, all, session, after))
    };
    let Some((before, all, session, after)) = parts() else { return page.to_owned() };
    let opens_session = path.strip_prefix("sessions/").is_some_and(|id| !id.is_empty() && !id.contains('/'));
    let all = if known { all } else { "" };
    let session = if known && opens_session { session } else { "" };
    [before, all, session, after].concat()
}

fn text(status: StatusCode, text: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(text.as_bytes()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// The value of a cookie.
pub fn cookie<'a>(request: &'a HeaderMap, name: &str) -> Option<&'a str> {
    cookies(request).find(|(found, _)| *found == name).map(|(_, value)| value)
}

fn cookies(request: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = request.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='))
}

/// Whether the client takes answers in this encoding.
pub fn accepts(request: &HeaderMap, encoding: &str) -> bool {
    let wanted = request.get(header::ACCEPT_ENCODING).and_then(|accepted| accepted.to_str().ok());
    wanted.unwrap_or_default().split(',').any(|part| {
        let mut words = part.split(';').map(str::trim);
        words.next() == Some(encoding)
            && !words.any(|weight| weight.trim_start_matches("q=").parse() == Ok(0.0))
    })
}

fn kind(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(warp::http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        map
    }

    const ASSET: Asset = Asset {
        path: "assets/x-1.js",
        bytes: b"plain",
        brotli: Some(b"br"),
        gzip: Some(b"gz"),
        tag: "\"1\"",
    };

    #[test]
    fn a_file_comes_in_the_smallest_form_that_is_accepted() {
        for (accepted, body) in
            [("gzip, deflate, br", "br"), ("gzip", "gz"), ("br;q=0, gzip", "gz"), ("", "plain")]
        {
            let response = file(&ASSET, &headers(&[("accept-encoding", accepted)]));
            assert_eq!(response.body().as_ref(), body.as_bytes(), "{accepted}");
            assert!(response.headers()["cache-control"].to_str().unwrap().contains("immutable"));
        }
        let again = file(&ASSET, &headers(&[("if-none-match", "\"0\", \"1\"")]));
        assert_eq!((again.status(), again.body().len()), (StatusCode::NOT_MODIFIED, 0));
    }

    #[test]
    fn a_page_has_the_theme_that_the_cookie_names() {
        let asset = Asset { path: PAGE, bytes: b"<html lang=\"en\">", brotli: None, gzip: None, tag: "" };
        let body = |cookie: &str| page(&asset, "", &headers(&[("cookie", cookie)])).into_body();
        assert_eq!(body("a=b; codepiper-theme=dark"), "<html data-theme=\"dark\" lang=\"en\">");
        for other in ["", "codepiper-theme=\"><script>", "xcodepiper-theme=dark"] {
            assert_eq!(body(other), "<html lang=\"en\">");
        }
    }

    #[test]
    fn a_page_names_what_its_reader_will_ask_for() {
        let page = "<head><!--signed in--><a><!--session--><b><!--end--></head>";
        for (path, known, expected) in [
            ("", true, "<head><a></head>"),
            ("sessions", true, "<head><a></head>"),
            ("sessions/x", true, "<head><a><b></head>"),
            ("sessions/x/git", true, "<head><a></head>"),
            ("sessions/x", false, "<head></head>"),
        ] {
            assert_eq!(with_pieces(page, path, known), expected, "{path} {known}");
        }
        assert_eq!(with_pieces("<head></head>", "", true), "<head></head>");
        assert!(is_known(&headers(&[("cookie", "a=b; codepiper-3000-login=x")])));
        assert!(!is_known(&headers(&[("cookie", "codepiper-3000-device=x-login")])));
        // The dashboard that was built has them.
        if let Some(built) = ASSETS.iter().find(|asset| asset.path == PAGE) {
            let built = String::from_utf8_lossy(built.bytes);
            let piece = |path| with_pieces(&built, path, true).contains("/assets/terminal-");
            assert!(piece("sessions/x") && !piece("sessions"), "{built}");
        }
    }

    #[test]
    fn paths_cannot_leave_the_table() {
        for path in ["/assets/../Cargo.toml", "/assets/%2e%2e/x", "/assets/none.js"] {
            assert_eq!(answer(path, &HeaderMap::new()).status(), StatusCode::NOT_FOUND, "{path}");
        }
    }
}
