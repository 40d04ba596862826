//! `/api/sessions/{ref}/conversation`: what was said, by the provider's transcript.

use codepiper_protocol::wire::conversation::ReadConversation;
use codepiper_protocol::wire::input::ImageKind;
use codepiper_protocol::wire::problem::Problem;
use serde::Deserialize;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::{HeaderValue, header};
use warp::reply::Response;

use super::sessions::{Reference, find};
use super::{Api, answer, answer_bytes, with};

/// The query of `GET /api/sessions/{ref}/conversation/images/{image}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadImage {
    agent: Option<String>,
}

pub fn routes(api: Api) -> BoxedFilter<(Response,)> {
    let read = warp::path!("api" / "sessions" / Reference / "conversation")
        .and(warp::get())
        .and(warp::query::<ReadConversation>())
        .and(with(api.clone()))
        .then(|reference, wanted, api: Api| async move {
            answer(match find(&api, &reference) {
                Ok(session) => api.sessions.evidence.conversation(&session, wanted).await,
                Err(problem) => Err(problem),
            })
        });
    let image = warp::path!("api" / "sessions" / Reference / "conversation" / "images" / String)
        .and(warp::get())
        .and(warp::query::<ReadImage>())
        .and(with(api))
        .then(|reference, name, wanted: ReadImage, api: Api| async move {
            answer_image(match find(&api, &reference) {
                Ok(session) => api.sessions.evidence.conversation_image(&session, name, wanted.agent).await,
                Err(problem) => Err(problem),
            })
        });
    read.or(image).unify().boxed()
}

/// An agent chose what is in it: it is downloaded, never shown as a page, and is what its content says.
fn answer_image(image: Result<(ImageKind, Vec<u8>), Problem>) -> Response {
    let kind = image.as_ref().ok().map(|(kind, _)| match kind {
        ImageKind::Png => "image/png",
        ImageKind::Jpeg => "image/jpeg",
        ImageKind::Gif => "image/gif",
        ImageKind::Webp => "image/webp",
    });
    let mut response = answer_bytes(image.map(|(_, bytes)| bytes));
    if let Some(kind) = kind {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    }
    response
}
