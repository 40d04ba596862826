//! What the program of a session is given beside its arguments, and where it keeps its conversation.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use codepiper_protocol::{hook, os_text};

use crate::provider;
use crate::session::cell::Session;
use crate::session::context::Context;
use crate::session::life::record::Record;
use crate::session::registry::Registry;

/// See the module. Clones share it.
#[derive(Clone)]
pub(super) struct Programs {
    context: Arc<Context>,
    registry: Registry,
}

impl Programs {
    pub fn new(context: Arc<Context>, registry: Registry) -> Self {
        Self { context, registry }
    }

    /// What the program of a session has in its environment, as far as it can be read. Reads files.
    pub fn environment(&self, record: &Record) -> BTreeMap<String, String> {
        let of_sets = self.context.places.env_sets.values(&record.recipe.env_sets).unwrap_or_default();
        self.environment_with(record, &of_sets)
    }

    /// The same with what its env sets bring.
    pub fn environment_with(
        &self,
        record: &Record,
        of_sets: &BTreeMap<String, String>,
    ) -> BTreeMap<String, String> {
        let (recipe, context) = (&record.recipe, &self.context);
        let mut env = context.surroundings.of_program(recipe.surroundings.as_ref(), recipe.given.as_ref());
        if let Some(path) = &recipe.path {
            env.insert("PATH".into(), path.clone());
        }
        env.extend(of_sets.iter().map(|(name, value)| (name.clone(), os_text::encode(value))));
        env.insert(hook::SESSION_VARIABLE.into(), record.id.to_string());
        env.insert(hook::SOCKET_VARIABLE.into(), os_text::encode(&context.places.api_socket));
        env.insert(hook::POLICY_VARIABLE.into(), os_text::encode(context.policy_file_of(record.id)));
        env.insert(hook::SPOOL_VARIABLE.into(), os_text::encode(context.spool_of(record.id)));
        env.insert("PWD".into(), os_text::encode(&recipe.cwd));
        env.entry("COLORTERM".into()).or_insert_with(|| "truecolor".into());
        env
    }

    /// The conversation of a session, if it has one. Reads files.
    pub fn find_conversation(&self, session: &Session) -> Option<String> {
        let (record, live, ended_at) = {
            let life = session.life();
            (life.record().clone(), life.machine().status().is_live(), life.machine().since())
        };
        // While it runs, its hooks or its open files tell: one that begins in its directory may be another's.
        if record.life.conversation.is_some() || live {
            return record.life.conversation;
        }
        let env = self.environment(&record);
        let known = known(&record, &record.recipe.args, &env, "");
        let ran = record.life.launched_at..=ended_at;
        let found = session.provider.conversations?.find(&known, ran, &self.registry.conversations());
        found.filter(|conversation| self.registry.take_conversation(session, conversation.clone()))
    }

    /// Where the transcript of a conversation of this session is, or will be. Reads directories.
    pub fn transcript_path(&self, session: &Session, conversation: &str) -> Option<PathBuf> {
        let conversations = session.provider.conversations?;
        let record = session.record();
        let env = self.environment(&record);
        conversations.transcript(&known(&record, &record.recipe.args, &env, ""), conversation)
    }

    /// Where transcripts of its provider appear.
    pub fn transcripts_place(&self, session: &Session) -> Option<PathBuf> {
        let conversations = session.provider.conversations?;
        conversations.transcripts(&self.environment(&session.record()))
    }
}

/// What a provider is told of a session that is launched.
pub(super) fn known<'a>(
    record: &'a Record,
    args: &'a [String],
    env: &'a BTreeMap<String, String>,
    hook: &'a str,
) -> provider::LaunchRequest<'a> {
    let (model, forked_from) = (record.recipe.model.as_deref(), record.life.forked_from.as_deref());
    provider::LaunchRequest {
        session: record.id,
        args,
        model,
        permission_mode: None,
        cwd: &record.recipe.cwd,
        env,
        hook,
        denied: &[],
        forked_from,
    }
}
