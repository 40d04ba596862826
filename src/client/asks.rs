//! What sessions need from a person, and the answers.

use codepiper_protocol::wire::ask::{AnswerAsk, Answered, Ask, Halt, Halted, Notify, SnoozeAsk};
use hyper::Method;

use super::{Client, Result, http, route};

impl Client {
    /// What waits longest first.
    pub async fn asks(&self) -> Result<Vec<Ask>> {
        self.read("/api/asks").await
    }

    /// By its id, or by a session that has exactly one.
    pub async fn ask_of(&self, reference: &str) -> Result<Ask> {
        self.read(&of_ask(reference, "")).await
    }

    pub async fn answer_ask(&self, ask: &str, answer: &AnswerAsk) -> Result<Answered> {
        self.ask(Method::POST, &of_ask(ask, "/answer"), answer).await
    }

    pub async fn acknowledge(&self, ask: &str) -> Result<Ask> {
        http::parse(&http::request(&self.socket, Method::POST, &of_ask(ask, "/acknowledge"), None).await?)
    }

    pub async fn snooze(&self, ask: &str, request: &SnoozeAsk) -> Result<Ask> {
        self.ask(Method::POST, &of_ask(ask, "/snooze"), request).await
    }

    pub async fn halt(&self, request: &Halt) -> Result<Vec<Halted>> {
        self.ask(Method::POST, "/api/halt", request).await
    }

    /// For a program inside that session.
    pub async fn notify(&self, session: &str, note: &Notify) -> Result<()> {
        self.change(Method::POST, &route(session, "/notify"), note).await
    }
}

fn of_ask(reference: &str, rest: &str) -> String {
    format!("/api/asks/{}{rest}", http::encode(reference))
}
