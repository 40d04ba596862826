//! What was said in a session, for who asks.

use std::io;
use std::sync::Arc;

use codepiper_protocol::wire::conversation::{Conversation, ReadConversation, Usage};
use codepiper_protocol::wire::input::ImageKind;
use codepiper_protocol::wire::problem::{Code, Problem};

use super::Evidence;
use super::transcripts::Followed;
use crate::session::cell::Session;
use crate::session::typing::images::{self, kind_of};
use crate::tasks::blocking;
use crate::transcript::Transcript;

impl Evidence {
    /// What was said in a session.
    ///
    /// # Errors
    /// Its provider has no transcripts, the transcript cannot be read, or there is no such sub-agent.
    pub async fn conversation(
        &self,
        session: &Arc<Session>,
        wanted: ReadConversation,
    ) -> Result<Conversation, Problem> {
        self.with_transcript(session, wanted.agent.clone(), move |id, transcript| match transcript {
            Some(transcript) => transcript.read(id, &wanted),
            None => Ok(nothing_said(id)),
        })
        .await
    }

    /// An image of a conversation, by the name that entries give it, and what its content says it is.
    ///
    /// # Errors
    /// As [`Evidence::conversation`], and when there is no such image.
    pub async fn conversation_image(
        &self,
        session: &Arc<Session>,
        name: String,
        agent: Option<String>,
    ) -> Result<(ImageKind, Vec<u8>), Problem> {
        let missing = format!(
            "the conversation of session {} has no image '{}'",
            session.id.short(),
            name.escape_debug()
        );
        let image = self
            .with_transcript(session, agent, move |_, transcript| match transcript {
                Some(transcript) => transcript.image(&name),
                None => Ok(None),
            })
            .await?;
        let image = image.ok_or_else(|| Problem::new(Code::NotFound, missing))?;
        let (kind, _) = kind_of(&image).ok_or_else(images::no_image)?;
        Ok((kind, image))
    }

    async fn with_transcript<T: Send + 'static>(
        &self,
        session: &Arc<Session>,
        agent: Option<String>,
        read: impl FnOnce(Option<String>, Option<&Transcript>) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        if session.provider.conversations.is_none() {
            let detail = format!("{} keeps no transcript", session.provider.name);
            return Err(Problem::new(Code::NotFound, detail));
        }
        self.read_transcript(session).await;
        let mut followed = session.evidence.followed().await;
        let done = blocking(move || {
            let Followed { current, agents, .. } = &mut *followed;
            let Some((id, transcript)) = current else { return read(None, None) };
            if !transcript.path().is_file() {
                return read(Some(id.clone()), None);
            }
            let Some(name) = agent else { return read(Some(id.clone()), Some(transcript)) };
            let no_agent =
                || io::Error::new(io::ErrorKind::NotFound, format!("no subagent '{}'", name.escape_debug()));
            let agent = match agents.remove(&name) {
                Some(known) => Some(known),
                None => transcript.agent(&name),
            };
            let mut agent = agent.ok_or_else(no_agent)?;
            agent.catch_up().map_err(|_| no_agent())?;
            let answer = read(Some(name.clone()), Some(&agent));
            agents.insert(name, agent);
            answer
        });
        done.await?.map_err(|error| {
            let code = if error.kind() == io::ErrorKind::NotFound { Code::NotFound } else { Code::Internal };
            let detail = format!("cannot read the conversation of session {}: {error}", session.id.short());
            Problem::new(code, detail)
        })
    }
}

fn nothing_said(id: Option<String>) -> Conversation {
    Conversation {
        id,
        generation: 0,
        revision: 0,
        total: 0,
        usage: Usage::default(),
        model: None,
        skipped: 0,
        entries: vec![],
    }
}
