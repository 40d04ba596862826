//! Asks as people are shown them.

use codepiper_protocol::SessionId;
use codepiper_protocol::visible::one_line;
use codepiper_protocol::wire::ask::{AnsweredIn, Ask, AskKind, LONGEST_ASK};
use codepiper_protocol::wire::session::Activity;
use jiff::Timestamp;
use ring::digest::{SHA256, digest};

use crate::bus::to_millisecond;
use crate::session::cell::Session;

/// How the ids of asks begin.
pub const PREFIX: &str = "ask-";
/// Without those that look like others.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
const LENGTH: usize = 6;
/// Of a line, in characters.
const LONGEST_LINE: usize = 200;

/// Everything that a session asks now: what hooks asked or its state says, and what is new.
pub fn of_session(session: &Session) -> Vec<Ask> {
    open(session, false)
}

/// With those that somebody is answering, or without.
pub fn open(session: &Session, claimed: bool) -> Vec<Ask> {
    let (activity, live, waiting_for, since, news, snoozed, evidence) = {
        let life = session.life();
        let (machine, record) = (life.machine(), &life.record().life);
        let (news, snoozed) = (record.news.clone(), record.snoozed.clone());
        let live = machine.status().is_live();
        let evidence = machine.evidence().filter(|evidence| !evidence.state.is_empty()).last();
        let evidence = evidence.map(|evidence| evidence.what.clone());
        (machine.activity(), live, machine.waiting_for(), machine.since(), news, snoozed, evidence)
    };
    let waits = live && activity == Activity::Waiting;
    let news = news.into_iter().map(|news| plain(session.id, news.kind, news.at, news.text));
    let mut asks: Vec<Ask> = {
        let open = session.asks.open();
        let hooks = open.hooks.iter().filter(|hooked| claimed || hooked.claimed.is_none());
        match (waits, &open.screen) {
            (true, screen) if !open.hooks.is_empty() => {
                let by_keys =
                    |hooked| screen.as_ref().is_some_and(|shown| shown.answers(hooked, &open.hooks));
                hooks.map(|hooked| answered_here(&hooked.ask, by_keys(hooked))).collect()
            }
            (true, _) if open.coming > 0 || open.answered == Some(since) => Vec::new(),
            (true, Some(shown)) if shown.asked.by_itself => {
                let is_open = !shown.answered && !shown.hidden && (claimed || shown.claimed.is_none());
                is_open.then(|| shown.ask.clone()).into_iter().collect()
            }
            (true, _) => {
                let kind = waiting_for.map_or(AskKind::Dialog, AskKind::from);
                vec![Ask { evidence, ..plain(session.id, kind, since, String::new()) }]
            }
            (false, _) => Vec::new(),
        }
    };
    asks.extend(news);
    for (id, until) in snoozed {
        asks.iter_mut().filter(|ask| ask.id == id).for_each(|ask| ask.snoozed_until = Some(until));
    }
    asks
}

/// What a hook asked; `by_keys`: the screen shows it whole, and takes an answer.
fn answered_here(ask: &Ask, by_keys: bool) -> Ask {
    let answered_in = if by_keys { AnsweredIn::Here } else { ask.answered_in };
    Ask { answered_in, ..ask.clone() }
}

/// One that is known by the state alone.
pub(super) fn plain(session: SessionId, kind: AskKind, at: Timestamp, title: String) -> Ask {
    let at = to_millisecond(at);
    Ask {
        id: id(session, &format!("{kind} {at}")),
        session,
        kind,
        asked_at: at,
        text: title.clone(),
        title,
        tool: None,
        cwd: None,
        questions: Vec::new(),
        answered_in: if kind.waits() { AnsweredIn::Terminal } else { AnsweredIn::Nothing },
        changes_allowed: false,
        always: None,
        why: None,
        risk: None,
        expires_at: None,
        snoozed_until: None,
        evidence: None,
    }
}

/// The same for the same ask, also after a restart.
pub fn id(session: SessionId, key: &str) -> String {
    let hash = digest(&SHA256, format!("{session} {key}").as_bytes());
    let letters = hash.as_ref().iter().take(LENGTH).map(|byte| char::from(LETTERS[usize::from(byte % 32)]));
    PREFIX.chars().chain(letters).collect()
}

/// What a person reads of it, if it is too long to be answered here.
pub fn cut(mut text: String) -> String {
    if text.len() > LONGEST_ASK {
        text.truncate(text.floor_char_boundary(LONGEST_ASK));
        text.push('…');
    }
    text
}

pub fn first_line(text: &str) -> String {
    let line = text.lines().map(one_line).find(|line| !line.is_empty()).unwrap_or_default();
    match line.char_indices().nth(LONGEST_LINE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
