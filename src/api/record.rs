//! What people ask for, on record with whoever asks before it is done.

use codepiper_protocol::SessionId;
use codepiper_protocol::wire::problem::Problem;
use serde_json::Value;

use super::auth::holder;
use super::{Api, Caller};
use crate::audit::NewRecord;
use crate::tasks::blocking;

/// A request. What nobody must be kept from, such as to stop an agent, is not kept up by a disk that is full.
pub(super) async fn note(api: &Api, caller: &Caller, kind: &str, session: Option<SessionId>, data: Value) {
    note_by(api, holder(api, caller), kind, session, data).await;
}

/// The same of somebody whose name is known.
pub(super) async fn note_by(api: &Api, by: String, kind: &str, session: Option<SessionId>, data: Value) {
    if let Err(problem) = before(api, by, kind, session, data).await {
        tracing::error!(%problem, kind, "a request is not in the audit");
    }
}

/// # Errors
/// It is not on record: it is not to be done.
pub(super) async fn before(
    api: &Api,
    by: String,
    kind: &str,
    session: Option<SessionId>,
    data: Value,
) -> Result<(), Problem> {
    let session = session.map(|id| id.to_string());
    let record = NewRecord { kind: kind.to_owned(), actor: by, session, data };
    let audit = api.audit.clone();
    blocking(move || audit.before(&record)).await?
}
