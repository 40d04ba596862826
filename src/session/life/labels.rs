//! What a person says of a session: its name, tags, a pin, and that it is archived.

use std::sync::Arc;

use codepiper_protocol::event::Body;
use codepiper_protocol::visible::visible;
use codepiper_protocol::wire::problem::{Code, Next, Problem};
use codepiper_protocol::wire::session::LabelSession;

use super::Life;
use crate::session::cell::Session;

const MOST_TAGS: usize = 16;
/// In characters.
const LONGEST_TAG: usize = 32;

impl Life {
    pub async fn rename(&self, session: &Arc<Session>, name: Option<String>) -> Result<(), Problem> {
        if let Some(name) = &name {
            self.registry.check_name(name, Some(session.id))?;
        }
        // Nobody else gets it while it is written down.
        session.life().promised_name = name.clone();
        let renamed = self.change(session, |record| {
            record.life.name.clone_from(&name);
            Ok(())
        });
        let renamed = renamed.await;
        session.life().promised_name = None;
        renamed?;
        self.context.event(Some(session.id), Body::SessionRenamed { name });
        Ok(())
    }

    /// Changes tags, the pin, or whether it is archived: all of it or nothing.
    pub async fn label(&self, session: &Arc<Session>, wanted: &LabelSession) -> Result<(), Problem> {
        wanted.add.iter().try_for_each(|tag| check_tag(tag))?;
        if wanted.archived == Some(true) && session.life().machine().is_live_or_about_to() {
            let next = Next::StopSession { session: session.id.short() };
            let detail =
                format!("session {} is running; only an ended session can be archived", session.id.short());
            return Err(Problem::new(Code::SessionLive, detail).with_next(next));
        }
        let label = self.change(session, |record| {
            let life = &mut record.life;
            let before = (life.tags.clone(), life.pinned, life.archived);
            life.tags.retain(|tag| !wanted.remove.contains(tag));
            life.tags.extend(wanted.add.iter().cloned());
            life.tags.sort();
            life.tags.dedup();
            if life.tags.len() > MOST_TAGS {
                let detail = format!("a session can have {MOST_TAGS} tags; remove some first");
                return Err(Problem::new(Code::Invalid, detail));
            }
            life.pinned = wanted.pinned.unwrap_or(life.pinned);
            life.archived = wanted.archived.unwrap_or(life.archived);
            let now = (life.tags.clone(), life.pinned, life.archived);
            Ok((now != before).then_some(now))
        });
        if let Some((tags, pinned, archived)) = label.await? {
            let body = Body::SessionLabelsChanged { tags, pinned, archived };
            self.context.event(Some(session.id), body);
            self.registry.touch(session);
        }
        Ok(())
    }
}

fn check_tag(tag: &str) -> Result<(), Problem> {
    let is_word = |letter: char| letter.is_alphanumeric() || "-_./".contains(letter);
    let fits = (1..=LONGEST_TAG).contains(&tag.chars().count());
    if fits && tag.starts_with(char::is_alphanumeric) && tag.chars().all(is_word) {
        return Ok(());
    }
    let detail = format!(
        "invalid tag '{}'; use 1 to {LONGEST_TAG} letters, digits, '-', '_', '.' and '/', starting with a letter or digit",
        visible(tag)
    );
    Err(Problem::new(Code::Invalid, detail))
}
