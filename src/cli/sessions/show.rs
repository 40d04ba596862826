//! One session, with all that is known of it.

use jiff::Timestamp;

use super::words::{activity, foreground, program_status, pull_request, quota};
use crate::cli::failure::Outcome;
use crate::cli::table::Table;
use crate::cli::{Context, output, time};

pub(super) fn show(context: &Context, session: &str, json: bool) -> Outcome {
    let client = context.client()?;
    let session = context.block_on(client.session(session))??;
    if json {
        return output::json(&session);
    }
    let worktree = session.worktree.as_ref().map(|worktree| worktree.repository.display().to_string());
    let (now, meters) = (Timestamp::now(), session.meters.clone().unwrap_or_default());
    let optional = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let mut table = Table::new([session.short_id.as_str(), session.word()], 1);
    for (what, value) in [
        ("id", session.id.to_string()),
        ("name", optional(session.name.clone())),
        ("provider", session.provider.clone()),
        ("arguments", if session.args.is_empty() { "-".to_owned() } else { session.args.join(" ") }),
        ("directory", session.cwd.display().to_string()),
        ("branch", optional(session.branch.clone())),
        ("changes", optional(session.changes.map(|changes| changes.to_string()))),
        ("worktree of", optional(worktree)),
        ("env sets", if session.env_sets.is_empty() { "-".to_owned() } else { session.env_sets.join(", ") }),
        ("billing", optional(session.billing.map(|billing| billing.as_str().to_owned()))),
        (
            "dangerous",
            if session.dangerous { "yes: acts without asking for permission" } else { "no" }.to_owned(),
        ),
        ("permission mode", optional(session.permission_mode.clone())),
        ("model", optional(session.model.clone())),
        ("agent version", optional(session.program_version.clone())),
        ("activity", activity(&session)),
        (
            "background",
            if session.background.is_empty() { "-".into() } else { session.background.join("; ") },
        ),
        ("foreground", optional(foreground(&session, now))),
        ("program status", optional(program_status(&session, now))),
        ("context", optional(meters.context.map(|context| context.to_string()))),
        ("quota", optional(quota(&meters, now))),
        ("cost", optional(meters.cost_usd.map(|cost| format!("${cost:.2} (estimated by the agent)")))),
        ("pull request", optional(meters.pull_request.as_ref().map(pull_request))),
        (
            "queued texts",
            format!(
                "{}{}",
                session.queued,
                if session.queue_held { " (held since the interrupt)" } else { "" }
            ),
        ),
        ("exit", optional(session.exit.map(|exit| exit.to_string()))),
        ("title", optional(session.title.clone())),
        ("size", session.size.to_string()),
        ("pid", optional(session.pid.map(|pid| pid.to_string()))),
        ("attached", session.attached.to_string()),
        ("cursor", session.cursor.to_string()),
        ("created", time::clock(session.created_at)),
        ("updated", time::clock(session.updated_at)),
    ] {
        table.row([what.into(), value.into()]);
    }
    table.print(None)
}
