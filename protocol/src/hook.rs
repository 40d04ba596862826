//! Between `codepiper hook-forward`, which agents run as their hook, and the daemon.
//!
//! A payload goes to `POST /api/sessions/ID/hooks`. When the daemon is away or does not answer, it is
//! written into the spool instead, and the daemon takes it from there, in order, once.
//!
//! A hook before a question of the agent is answered with 202, and waits for the rest: the answer of a person, or a line feed
//! when none is wanted any more. When the connection ends without either, it comes again, with [`AGAIN_HEADER`].

use std::time::Duration;

/// In the agent's environment: the session, the daemon's socket, the session's spool directory.
pub const SESSION_VARIABLE: &str = "CODEPIPER_SESSION";
pub const SOCKET_VARIABLE: &str = "CODEPIPER_SOCKET";
pub const SPOOL_VARIABLE: &str = "CODEPIPER_SPOOL";
/// What the hook denies by when the daemon does not answer: [`crate::wire::policy::PolicySnapshot`].
pub const POLICY_VARIABLE: &str = "CODEPIPER_POLICY";

/// The request header with the payload's number: the same payload may come by both ways.
pub const DELIVERY_HEADER: &str = "codepiper-delivery";

/// The request header of a hook that has delivered its payload before, and asks again for the answer.
pub const AGAIN_HEADER: &str = "codepiper-again";

/// A hook waits so long for a person at most.
pub const ASK_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// A payload is at most this long, in bytes. Tools print a lot.
pub const MAX_PAYLOAD: usize = 16 * 1024 * 1024;

/// Numbers one payload: nanoseconds since 1970, then the process. In the order of their time as text
/// too; the spool's file names are made of it.
pub fn delivery(nanoseconds: u128, pid: u32) -> String {
    format!("{nanoseconds:020}-{pid}")
}

/// When the payload was made, in ns since 1970.
pub fn delivery_time(delivery: &str) -> Option<u128> {
    let (time, pid) = delivery.split_once('-')?;
    pid.parse::<u32>().ok()?;
    (time.len() == 20).then(|| time.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deliveries_sort_by_time() {
        let (early, late) = (delivery(999, 70000), delivery(1_795_387_797_668_000_000, 5));
        assert!(early < late);
        assert_eq!(delivery_time(&late), Some(1_795_387_797_668_000_000));
        for bad in ["", "1-2", "../../etc/passwd", "00000000000000000999", "0000000000000000099x-1"] {
            assert_eq!(delivery_time(bad), None, "{bad}");
        }
    }
}
