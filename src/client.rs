//! The daemon's typed client, over its Unix socket.
//!
//! Every request has a connection of its own: on a Unix socket that costs microseconds, and nothing
//! here has to notice that an idle connection went away. [`Stream`] and [`Events`] are WebSockets.

mod asks;
mod conversation;
mod error;
mod http;
mod notifications;
mod stream;

pub use error::ClientError;
pub use stream::{Events, Item, SessionChange, SessionChanges, Stream};

use std::path::{Path, PathBuf};

use bytes::Bytes;
use codepiper_protocol::wire::auth::{
    AuthStatus, Bootstrap, ConfirmTotp, Login, LoginId, RecoveryCodes, ResetPassword, TotpChange,
};
use codepiper_protocol::wire::daemon::{Check, DaemonStatus, Provider, StopDaemon};
use codepiper_protocol::wire::env_set::{ChangeEnvSet, CreateEnvSet, EnvSet, EnvSets};
use codepiper_protocol::wire::events::{FoundEvents, ListEvents};
use codepiper_protocol::wire::git::{
    FileDiff, GitBranches, GitDiff, GitLog, GitStatus, ReadDiff, ReadFile, ReadLog, ReadPage,
};
use codepiper_protocol::wire::input::{Image, SendKeys, SendText, Sent};
use codepiper_protocol::wire::policy::{
    AttachPolicy, PolicyFile, PolicyInfo, PolicyVerdict, PutPolicy, TestPolicy,
};
use codepiper_protocol::wire::review::{AddComment, Comment, Review};
use codepiper_protocol::wire::session::{
    Attach, EndSession, Explanation, ForkSession, LabelSession, ListSessions, RenameSession, ResumeSession,
    Session, StartSession, SwitchModel,
};
use codepiper_protocol::wire::status::StatusReport;
use codepiper_protocol::wire::stream::{Begin, Delivery};
use codepiper_protocol::wire::worktree::{
    MergeWorktree, RemoveWorktree, WorktreeMerged, WorktreeRemoved, WorktreeState,
};
use codepiper_protocol::{SessionId, Size};
use hyper::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

type Result<T> = std::result::Result<T, ClientError>;

/// Knows where the daemon listens. A session is named by its id, a unique prefix of it, or its name.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
}

impl Client {
    pub fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    pub fn socket(&self) -> &Path {
        &self.socket
    }

    pub async fn daemon(&self) -> Result<DaemonStatus> {
        self.read("/api/daemon").await
    }

    /// The answer comes before the daemon has ended.
    pub async fn stop_daemon(&self, request: StopDaemon) -> Result<()> {
        self.change(Method::POST, "/api/daemon/stop", &request).await
    }

    /// The answer comes before the daemon has restarted.
    pub async fn restart_daemon(&self) -> Result<()> {
        http::request(&self.socket, Method::POST, "/api/daemon/restart", None).await.map(drop)
    }

    pub async fn doctor(&self) -> Result<Vec<Check>> {
        self.read("/api/doctor").await
    }

    /// With what their programs say of themselves.
    pub async fn providers(&self) -> Result<Vec<Provider>> {
        self.read("/api/providers?check=true").await
    }

    /// Oldest first.
    pub async fn sessions(&self, wanted: &ListSessions) -> Result<Vec<Session>> {
        self.query("/api/sessions", wanted).await
    }

    pub async fn start(&self, request: &StartSession) -> Result<Session> {
        self.ask(Method::POST, "/api/sessions", request).await
    }

    pub async fn session(&self, session: &str) -> Result<Session> {
        self.read(&route(session, "")).await
    }

    pub async fn explain(&self, session: &str) -> Result<Explanation> {
        self.read(&route(session, "/explain")).await
    }

    pub async fn attach(&self, session: &str) -> Result<Attach> {
        self.read(&route(session, "/attach")).await
    }

    pub async fn rename(&self, session: &str, name: Option<String>) -> Result<Session> {
        self.ask(Method::PATCH, &route(session, ""), &RenameSession { name }).await
    }

    pub async fn label(&self, session: &str, wanted: &LabelSession) -> Result<Session> {
        self.ask(Method::POST, &route(session, "/labels"), wanted).await
    }

    pub async fn remove(&self, session: &str) -> Result<()> {
        http::request(&self.socket, Method::DELETE, &route(session, ""), None).await.map(drop)
    }

    pub async fn stop(&self, session: &str, request: EndSession) -> Result<Session> {
        self.ask(Method::POST, &route(session, "/stop"), &request).await
    }

    pub async fn kill(&self, session: &str, request: EndSession) -> Result<Session> {
        self.ask(Method::POST, &route(session, "/kill"), &request).await
    }

    pub async fn resume(&self, session: &str, request: &ResumeSession) -> Result<Session> {
        self.ask(Method::POST, &route(session, "/resume"), request).await
    }

    pub async fn fork(&self, session: &str, request: &ForkSession) -> Result<Session> {
        self.ask(Method::POST, &route(session, "/fork"), request).await
    }

    pub async fn env_sets(&self) -> Result<EnvSets> {
        self.read("/api/env-sets").await
    }

    pub async fn env_set(&self, name: &str) -> Result<EnvSet> {
        self.read(&env_set_route(name)).await
    }

    pub async fn create_env_set(&self, request: &CreateEnvSet) -> Result<EnvSet> {
        self.ask(Method::POST, "/api/env-sets", request).await
    }

    pub async fn change_env_set(&self, name: &str, change: &ChangeEnvSet) -> Result<EnvSet> {
        self.ask(Method::PATCH, &env_set_route(name), change).await
    }

    pub async fn remove_env_set(&self, name: &str) -> Result<()> {
        http::request(&self.socket, Method::DELETE, &env_set_route(name), None).await.map(drop)
    }

    pub async fn worktrees(&self) -> Result<Vec<WorktreeState>> {
        self.read("/api/worktrees").await
    }

    pub async fn remove_worktree(&self, id: &str, request: RemoveWorktree) -> Result<WorktreeRemoved> {
        let path = format!("/api/worktrees/{}?ignored={}", http::encode(id), request.ignored);
        http::parse(&http::request(&self.socket, Method::DELETE, &path, None).await?)
    }

    pub async fn merge_worktree(&self, id: &str, request: &MergeWorktree) -> Result<WorktreeMerged> {
        self.ask(Method::POST, &format!("/api/worktrees/{}/merge", http::encode(id)), request).await
    }

    pub async fn git_status(&self, session: &str, page: &ReadPage) -> Result<GitStatus> {
        self.query(&route(session, "/git"), page).await
    }

    pub async fn git_branches(&self, session: &str, page: &ReadPage) -> Result<GitBranches> {
        self.query(&route(session, "/git/branches"), page).await
    }

    pub async fn git_log(&self, session: &str, wanted: &ReadLog) -> Result<GitLog> {
        self.query(&route(session, "/git/log"), wanted).await
    }

    /// Which files differ.
    pub async fn git_diff(&self, session: &str, wanted: &ReadDiff) -> Result<GitDiff> {
        self.query(&route(session, "/git/diff"), wanted).await
    }

    /// How one of them differs.
    pub async fn git_file(&self, session: &str, wanted: &ReadFile) -> Result<FileDiff> {
        self.query(&route(session, "/git/file"), wanted).await
    }

    pub async fn review(&self, session: &str) -> Result<Review> {
        self.read(&route(session, "/review")).await
    }

    pub async fn add_comment(&self, session: &str, comment: &AddComment) -> Result<Comment> {
        self.ask(Method::POST, &route(session, "/review"), comment).await
    }

    pub async fn address_comment(&self, session: &str, comment: u32) -> Result<Comment> {
        let path = route(session, &format!("/review/{comment}/address"));
        http::parse(&http::request(&self.socket, Method::POST, &path, None).await?)
    }

    /// Sends all drafts to the session's agent.
    pub async fn send_review(&self, session: &str) -> Result<Sent> {
        http::parse(&http::request(&self.socket, Method::POST, &route(session, "/review/send"), None).await?)
    }

    pub async fn resize(&self, session: &str, size: Size) -> Result<Session> {
        self.ask(Method::POST, &route(session, "/resize"), &size).await
    }

    pub async fn send(&self, session: &str, text: Bytes, how: &SendText) -> Result<Sent> {
        let query =
            serde_urlencoded::to_string(how).map_err(|error| ClientError::Answer(error.to_string()))?;
        let path = route(session, &format!("/input?{query}"));
        let body = http::Body { kind: "application/octet-stream", bytes: text };
        http::parse(&http::request(&self.socket, Method::POST, &path, Some(body)).await?)
    }

    /// Forgets the texts that wait for a session's agent.
    pub async fn drop_queued(&self, session: &str) -> Result<Session> {
        http::parse(&http::request(&self.socket, Method::DELETE, &route(session, "/queue"), None).await?)
    }

    /// Lets the texts go on that wait since somebody interrupted a session's agent.
    pub async fn release_queued(&self, session: &str) -> Result<Session> {
        let path = route(session, "/queue");
        http::parse(&http::request(&self.socket, Method::POST, &path, None).await?)
    }

    pub async fn policies(&self) -> Result<Vec<PolicyInfo>> {
        self.read("/api/policies").await
    }

    pub async fn policy(&self, name: &str) -> Result<PolicyFile> {
        self.read(&of_policy(name, "")).await
    }

    pub async fn put_policy(&self, name: &str, text: String) -> Result<PolicyFile> {
        self.ask(Method::PUT, &of_policy(name, ""), &PutPolicy { text }).await
    }

    pub async fn remove_policy(&self, name: &str) -> Result<()> {
        http::request(&self.socket, Method::DELETE, &of_policy(name, ""), None).await.map(drop)
    }

    pub async fn attach_policy(&self, name: &str, session: &str, attached: bool) -> Result<PolicyFile> {
        let wanted = AttachPolicy { session: session.to_owned(), attached };
        self.ask(Method::POST, &of_policy(name, "/attach"), &wanted).await
    }

    /// What the policies say of something.
    pub async fn test_policy(&self, wanted: &TestPolicy) -> Result<PolicyVerdict> {
        self.ask(Method::POST, "/api/policies/test", wanted).await
    }

    /// Another model for a session's agent.
    pub async fn switch_model(&self, session: &str, model: String) -> Result<Session> {
        self.ask(Method::POST, &route(session, "/model"), &SwitchModel { model }).await
    }

    /// Keeps an image for a session.
    pub async fn keep_image(&self, session: &str, content: Bytes) -> Result<Image> {
        let body = http::Body { kind: "application/octet-stream", bytes: content };
        http::parse(&http::request(&self.socket, Method::POST, &route(session, "/images"), Some(body)).await?)
    }

    pub async fn keys(&self, session: &str, keys: Vec<String>) -> Result<Sent> {
        self.ask(Method::POST, &route(session, "/keys"), &SendKeys { keys }).await
    }

    /// What a program in a session says about itself.
    pub async fn report_status(&self, session: &str, report: &StatusReport) -> Result<()> {
        self.change(Method::POST, &route(session, "/status"), report).await
    }

    pub async fn auth(&self) -> Result<AuthStatus> {
        self.read("/api/auth").await
    }

    /// A one-time password for the set-up.
    pub async fn bootstrap(&self) -> Result<Bootstrap> {
        http::parse(&http::request(&self.socket, Method::POST, "/api/auth/bootstrap", None).await?)
    }

    pub async fn reset_password(&self, request: &ResetPassword) -> Result<()> {
        self.change(Method::POST, "/api/auth/reset-password", request).await
    }

    pub async fn reset_mfa(&self) -> Result<TotpChange> {
        http::parse(&http::request(&self.socket, Method::POST, "/api/auth/reset-mfa", None).await?)
    }

    pub async fn confirm_totp(&self, request: &ConfirmTotp) -> Result<RecoveryCodes> {
        self.ask(Method::POST, "/api/auth/totp/confirm", request).await
    }

    pub async fn logins(&self) -> Result<Vec<Login>> {
        self.read("/api/auth/logins").await
    }

    /// Ends one login, or all.
    pub async fn end_logins(&self, login: Option<LoginId>) -> Result<()> {
        let path = login.map_or("/api/auth/logins".to_owned(), |login| format!("/api/auth/logins/{login}"));
        http::request(&self.socket, Method::DELETE, &path, None).await.map(drop)
    }

    /// Opens a WebSocket with one subscription; with `events`, the session's events behind that `seq` too.
    pub async fn subscribe(
        &self,
        session: &str,
        from: Begin,
        delivery: Delivery,
        events: Option<u64>,
    ) -> Result<Stream> {
        Stream::open(&self.socket, session, from, delivery, events).await
    }

    pub async fn list_events(&self, wanted: &ListEvents) -> Result<FoundEvents> {
        self.query("/api/events", wanted).await
    }

    /// Opens a WebSocket for events, of one session or of all: from now on, or after a `seq`.
    pub async fn events(&self, session: Option<SessionId>, after: Option<u64>) -> Result<Events> {
        Events::open(&self.socket, session, after).await
    }

    /// The sessions, and every change of them.
    pub async fn session_changes(&self) -> Result<SessionChanges> {
        SessionChanges::open(&self.socket).await
    }

    async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        http::parse(&http::request(&self.socket, Method::GET, path, None).await?)
    }

    async fn query<T: DeserializeOwned>(&self, path: &str, query: &impl Serialize) -> Result<T> {
        let query =
            serde_urlencoded::to_string(query).map_err(|error| ClientError::Answer(error.to_string()))?;
        self.read(&format!("{path}?{query}")).await
    }

    async fn ask<T: DeserializeOwned>(&self, method: Method, path: &str, body: &impl Serialize) -> Result<T> {
        let body = http::Body::json(body)?;
        http::parse(&http::request(&self.socket, method, path, Some(body)).await?)
    }

    async fn change(&self, method: Method, path: &str, body: &impl Serialize) -> Result<()> {
        http::request(&self.socket, method, path, Some(http::Body::json(body)?)).await.map(drop)
    }
}

fn env_set_route(name: &str) -> String {
    format!("/api/env-sets/{}", http::encode(name))
}

fn of_policy(name: &str, rest: &str) -> String {
    format!("/api/policies/{}{rest}", http::encode(name))
}

fn route(session: &str, rest: &str) -> String {
    format!("/api/sessions/{}{rest}", http::encode(session))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_place_in_the_path() {
        assert_eq!(route("a1b2c3d4", "/stop"), "/api/sessions/a1b2c3d4/stop");
        assert_eq!(route("../x y?ä", ""), "/api/sessions/%2E%2E%2Fx%20y%3F%C3%A4");
    }
}
