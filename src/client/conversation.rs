//! What was said in a session.

use codepiper_protocol::wire::conversation::{Conversation, ReadConversation};

use super::{Client, Result, route};

impl Client {
    pub async fn conversation(&self, session: &str, wanted: &ReadConversation) -> Result<Conversation> {
        self.query(&route(session, "/conversation"), wanted).await
    }
}
