//! What people ask for, on record with whoever asks before it is done.

use codepiper_protocol::SessionId;
use codepiper_protocol::wire::problem::Problem;
use serde_json::{Map, Value};

use super::auth::holder;
use super::{Api, Caller};
use crate::audit::NewRecord;
use crate::tasks::blocking;

/// What a record of a failure has of the request's.
const SUBJECTS: [&str; 8] = ["policy", "attached", "env_set", "provider", "dir", "of", "name", "worktree"];

/// A request. What nobody must be kept from, such as to stop an agent, is not kept up by a disk that is full: it is counted.
pub(super) async fn note(api: &Api, caller: &Caller, kind: &str, session: Option<SessionId>, data: Value) {
    note_by(api, holder(api, caller), kind, session, data).await;
}

/// The same of somebody whose name is known.
pub(super) async fn note_by(api: &Api, by: String, kind: &str, session: Option<SessionId>, data: Value) {
    let (record, audit) = (new(by, kind, session, data), api.audit.clone());
    if let Ok(Err(problem)) = blocking(move || audit.note(&record)).await {
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
    let (record, audit) = (new(by, kind, session, data), api.audit.clone());
    let recorded = blocking(move || audit.before(&record)).await?;
    recorded.map_err(|problem| {
        let detail = format!("not done, because it cannot be recorded: {}", problem.detail);
        Problem { detail, ..problem }
    })
}

/// Puts a request on record and does it. That it failed is on record, too.
///
/// # Errors
/// It is not on record, and not done; or it failed.
pub(super) async fn done<T>(
    api: &Api,
    by: String,
    kind: &str,
    session: Option<SessionId>,
    data: Value,
    work: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    let subject = subject(&data);
    before(api, by.clone(), kind, session, data).await?;
    let done = work.await;
    if let Err(problem) = &done {
        failed(api, by, kind, session, subject, problem).await;
    }
    done
}

/// What was asked for was not done.
pub(super) async fn failed(
    api: &Api,
    by: String,
    kind: &str,
    session: Option<SessionId>,
    mut data: Map<String, Value>,
    problem: &Problem,
) {
    data.insert("why".to_owned(), problem.detail.clone().into());
    note_by(api, by, &format!("{kind}_failed"), session, data.into()).await;
}

/// What a request is about.
fn subject(data: &Value) -> Map<String, Value> {
    let all = data.as_object().into_iter().flatten();
    all.filter(|(name, _)| SUBJECTS.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn new(by: String, kind: &str, session: Option<SessionId>, data: Value) -> NewRecord {
    NewRecord { kind: kind.to_owned(), actor: by, session: session.map(|id| id.to_string()), data }
}
