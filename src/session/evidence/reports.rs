//! What a program reports in its output.

use std::sync::Arc;

use codepiper_protocol::Cursor;
use codepiper_protocol::event::Body;
use codepiper_protocol::wire::session::EvidenceSource;
use codepiper_protocol::wire::status::StatusSource;
use jiff::Timestamp;

use super::Evidence;
use crate::session::cell::Session;
use crate::session::life::machine::Input;
use crate::terminal::reports::Report;
use crate::terminal::status::Table;

impl Evidence {
    pub(in crate::session) fn reported(&self, session: &Arc<Session>, cursor: Cursor, report: Report) {
        if let Some((activity, waiting_for)) = session.provider.signals.report(&report) {
            let what = format!("it reported {report}");
            let source = EvidenceSource::Report;
            self.life.apply(session, Input::Activity { source, activity, waiting_for, what });
        }
        match report {
            Report::Title(title) => {
                let changed = {
                    let mut shown = session.shown();
                    let title = Some(title.clone()).filter(|title| !title.is_empty());
                    let changed = shown.title != title;
                    shown.title = title;
                    changed
                };
                // Titles spin: they are no events, but everybody shows the newest.
                if changed {
                    self.registry.touch(session);
                }
            }
            Report::Bell => self.context.event(Some(session.id), Body::TerminalBellRang { cursor }),
            Report::Notification { title, text } => {
                // Agents say by themselves what they wait for.
                if !session.provider.agent {
                    self.asks.note_printed(session, &text);
                }
                self.context.event(Some(session.id), Body::TerminalNotified { title, text });
            }
            Report::Status(report) => self.change_status(session, true, |table| {
                table.apply(StatusSource::Terminal, report, Timestamp::now());
            }),
            Report::Progress { state, percent } => {
                self.change_status(session, false, |table| table.set_bar(state, percent, Timestamp::now()));
            }
            Report::Reset => self.change_status(session, false, Table::reset),
            Report::PromptMark { mark: 'A', .. } => {
                self.end_status(session);
                self.marked(session, true);
            }
            Report::PromptMark { mark: 'B', .. } => self.marked(session, true),
            Report::PromptMark { mark: 'C', .. } => self.marked(session, false),
            Report::PromptMark { .. } | Report::StatusQuery => {}
        }
    }
}
