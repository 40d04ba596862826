//! `/api/audit`: who decided and did what.

use codepiper_protocol::wire::audit::{AuditPage, AuditRecord, AuditVerified, ReadAudit};
use codepiper_protocol::wire::problem::{Code, Problem};
use jiff::Timestamp;
use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::{Api, answer, with};
use crate::audit::{Filter, Record, anchor, describe, read, verify};
use crate::tasks::blocking;

const LIMIT: u32 = 100;
const LARGEST_LIMIT: u32 = 500;

pub fn routes(api: Api) -> BoxedFilter<(Response,)> {
    let page = warp::path!("api" / "audit")
        .and(warp::get())
        .and(with(api.clone()))
        .and(warp::query::<ReadAudit>())
        .then(|api: Api, wanted| async move { answer(page(&api, wanted).await) });
    let verified = warp::path!("api" / "audit" / "verify")
        .and(warp::get())
        .and(with(api))
        .then(|api: Api| async move { answer(verified(&api).await) });
    page.or(verified).unify().boxed()
}

fn unreadable(error: crate::audit::Error) -> Problem {
    Problem::new(Code::Internal, format!("cannot read the audit: {error}"))
}

async fn page(api: &Api, wanted: ReadAudit) -> Result<AuditPage, Problem> {
    let limit = wanted.limit.unwrap_or(LIMIT);
    if limit > LARGEST_LIMIT {
        let detail = format!("limit is {limit}; the maximum is {LARGEST_LIMIT}");
        return Err(Problem::new(Code::Invalid, detail));
    }
    let since = wanted.since.map(Timestamp::from_millisecond).transpose();
    let filter = Filter {
        since: since.map_err(|error| Problem::new(Code::Invalid, format!("since: {error}")))?,
        kinds: wanted.kind.into_iter().collect(),
        session: wanted.session,
        before_seq: wanted.before,
        limit: Some(limit as usize),
        ..Filter::default()
    };
    let dir = api.paths.audit();
    let page = blocking(move || {
        let page = read(&dir, &filter)?;
        Ok(AuditPage { records: page.records.into_iter().map(shown).collect(), unreadable: page.unreadable })
    });
    page.await?.map_err(unreadable)
}

fn shown(record: Record) -> AuditRecord {
    AuditRecord {
        description: describe(&record),
        seq: record.seq,
        at: record.at,
        data: record.data.to_string(),
        hash: record.hash.to_string(),
        kind: record.kind,
        actor: record.actor,
        session: record.session,
    }
}

async fn verified(api: &Api) -> Result<AuditVerified, Problem> {
    let dir = api.paths.audit();
    let looked = blocking(move || Ok((verify(&dir, None)?, anchor(&dir)?)));
    let (report, anchor) = looked.await?.map_err(unreadable)?;
    Ok(AuditVerified {
        whole: report.is_whole(),
        report: report.to_string().lines().map(str::to_owned).collect(),
        anchor: anchor.map(|anchor| anchor.to_string()),
    })
}
