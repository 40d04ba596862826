//! Answers over TCP are compressed for clients that accept that.
//!
//! Length of compressed text tells what it repeats (the attack BREACH): nothing of `/api/auth`, where the secrets of a login are,
//! is compressed, and nothing that answers a request with a body. Other answers hold what is asked for and no secret
//! of a login; a page of another origin cannot ask for them at all.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::BodyExt;
use hyper::Method;
use hyper::body::Body;
use hyper::http::{HeaderValue, StatusCode, header, request};
use warp::reply::Response;

use crate::dashboard::accepts;
use crate::tasks::blocking;

/// What is shorter, in bytes, gets no shorter packet.
const SHORTEST: u64 = 1024;

/// How a request may be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    AsItIs,
    /// Compressed, or not because its client does not accept that.
    Compressed {
        accepted: bool,
    },
}

impl Form {
    pub fn of(request: &request::Parts) -> Self {
        let path = request.uri.path();
        let reads = matches!(request.method, Method::GET | Method::HEAD);
        match reads && path.starts_with("/api/") && !path.starts_with("/api/auth") {
            true => Self::Compressed { accepted: accepts(&request.headers, "gzip") },
            false => Self::AsItIs,
        }
    }

    /// The answer in this form.
    pub async fn give(self, response: Response) -> Response {
        let Self::Compressed { accepted } = self else { return response };
        let length = response.body().size_hint().exact().unwrap_or(0);
        if response.status() != StatusCode::OK || length < SHORTEST || !is_text(&response) {
            return response;
        }
        let (mut parts, body) = response.into_parts();
        parts.headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
        if !accepted {
            return Response::from_parts(parts, body);
        }
        // It is all there: reading it neither waits nor fails.
        let plain = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let input = plain.clone();
        let body = match blocking(move || gzip(&input)).await {
            Ok(Ok(small)) if small.len() < plain.len() => {
                parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                parts.headers.remove(header::CONTENT_LENGTH);
                Bytes::from(small)
            }
            _ => plain,
        };
        Response::from_parts(parts, body.into())
    }
}

/// JSON or output: pictures are compressed as they are. What has an `ETag` or an encoding is what it says.
fn is_text(response: &Response) -> bool {
    let headers = response.headers();
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    ["application/json", "application/octet-stream"].contains(&kind)
        && ![header::ETAG, header::CONTENT_ENCODING].iter().any(|name| headers.contains_key(name))
}

fn gzip(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::fast());
    encoder.write_all(plain)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    #[test]
    fn what_a_login_is_proved_with_is_never_compressed() {
        let form = |method: &str, path: &str, accepted: &str| {
            let request = Request::builder().method(method).uri(path).header("accept-encoding", accepted);
            Form::of(&request.body(()).unwrap().into_parts().0)
        };
        let compressed = |accepted| Form::Compressed { accepted };
        assert_eq!(form("GET", "/api/sessions", "gzip, br"), compressed(true));
        assert_eq!(form("HEAD", "/api/sessions?x=y", "gzip"), compressed(true));
        assert_eq!(form("GET", "/api/sessions", "br, gzip;q=0"), compressed(false));
        assert_eq!(form("GET", "/api/sessions", ""), compressed(false));
        for (method, path) in [
            ("POST", "/api/sessions"),
            ("POST", "/api/auth/sign-in"),
            ("GET", "/api/auth/logins"),
            ("GET", "/ws"),
            ("GET", "/assets/x.js"),
        ] {
            assert_eq!(form(method, path, "gzip"), Form::AsItIs, "{method} {path}");
        }
    }
}
