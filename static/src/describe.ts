// Events in words: a line of the Events tab, a sentence of the Logs tab, the Now of a session.

import type { By, Event, Hook, Lost } from "./wire";
import { exitSentence, visible } from "./words";

/** A piece of a sentence; code is what one could type. */
export interface Piece {
  text: string;
  code?: boolean;
}

type Fields = Record<string, unknown>;

const LONGEST = 200;

/** Programs choose what stands in events: one line, and nothing hidden. */
export function plain(text: string): string {
  const line = visible(text, () => " ").trim();
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}

/** Who did it, where that is known. */
function by(who: By | undefined): string {
  if (who === undefined) return "";
  return "process" in who
    ? ` by process ${who.process.pid} (${plain(who.process.names)})`
    : " by a browser that had signed in";
}

function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function text(from: Fields, ...names: string[]): string | null {
  for (const name of names) {
    const value = from[name];
    if (typeof value === "string" && value !== "") return plain(value);
  }
  return null;
}

interface Tool {
  name: string;
  what: string | null;
}

function tool(hook: Hook): Tool | null {
  const payload = fields(hook.payload);
  const name = text(payload, "tool_name");
  if (name === null) return null;
  const what = text(
    fields(payload["tool_input"]),
    "command",
    "file_path",
    "path",
    "pattern",
    "url",
    "description",
    "prompt",
  );
  return { name, what };
}

const EDITS = ["Edit", "Write", "MultiEdit", "NotebookEdit", "apply_patch"];

function doing({ name, what }: Tool): Piece[] {
  if (name === "Bash" || name === "shell") return what ? [{ text: what, code: true }] : [{ text: name }];
  if (what === null) return [{ text: name }];
  return [{ text: `${EDITS.includes(name) ? "Edit" : name} ` }, { text: what, code: true }];
}

function asking({ name, what }: Tool): Piece[] {
  if (what === null) return [{ text: `Asks to use ${name}` }];
  const verb = name === "Bash" || name === "shell" ? "run" : EDITS.includes(name) ? "edit" : `use ${name}:`;
  return [{ text: `Asks to ${verb} ` }, { text: what, code: true }];
}

/** What an agent does or asks after this event, or null when the event says nothing about it. */
export function nowOf(event: Event): Piece[] | null {
  if (event.source !== "hook" || !("payload" in event.data)) return null;
  const hook = event.data as Hook;
  const payload = fields(hook.payload);
  const used = tool(hook);
  switch (event.kind) {
    case "hook.permission_requested":
      return used ? asking(used) : [{ text: "Asks for a permission" }];
    case "hook.tool_announced":
      return used ? doing(used) : null;
    case "hook.prompt_submitted": {
      const prompt = text(payload, "prompt");
      return prompt === null ? null : [{ text: `Works on: ${prompt}` }];
    }
    case "hook.turn_ended": {
      const said = text(payload, "last_assistant_message");
      return [{ text: said === null ? "Finished a turn" : withoutMarks(said) }];
    }
    case "hook.turn_failed":
      return [{ text: `The turn failed${said(payload)}` }];
    case "hook.interrupted":
      return [{ text: "Interrupted" }];
    case "hook.compaction_announced":
      return [{ text: "Compacts its conversation" }];
    default:
      return null;
  }
}

/** Markdown's marks say nothing in one line. */
function withoutMarks(markdown: string): string {
  return markdown.replace(/(^|\s)#+\s/g, "$1").replace(/\*\*|__|`/g, "");
}

function said(payload: Fields): string {
  const words = text(payload, "message", "error", "reason");
  return words === null ? "" : `: ${words}`;
}

export function lostWords(lost: Lost): string {
  if (lost === "unknown") return "an unknown amount of output";
  if (lost === "nothing") return "no output";
  if ("lines" in lost) return `${lost.lines.toLocaleString("en")} lines`;
  return `${lost.bytes.toLocaleString("en")} bytes`;
}

/** One short line, for a table that shows source and kind beside it. */
export function summary(event: Event): string {
  return sentence(event)
    .map((piece) => piece.text)
    .join("");
}

/** What happened, in words. */
export function sentence(event: Event): Piece[] {
  const say = (...texts: string[]): Piece[] => texts.map((part) => ({ text: part }));
  switch (event.kind) {
    case "session.created":
      return [{ text: `Created ${event.data.provider} in ` }, { text: plain(event.data.cwd), code: true }];
    case "session.started":
      return say(
        event.data.resumed ? `Resumed as process ${event.data.pid}.` : `Started as process ${event.data.pid}.`,
      );
    case "session.adopted":
      return say("Found running, and taken over.");
    case "session.stop_requested":
      return say(event.data.kill ? "Kill was requested." : "Stop was requested.");
    case "session.ended":
      return say(`${exitSentence(event.data.exit)}.`);
    case "session.renamed":
      return say(event.data.name === null ? "Its name was taken away." : `Renamed to ${plain(event.data.name)}.`);
    case "session.removed":
      return say("Removed.");
    case "session.activity_changed":
      return say(
        event.data.waiting_for ? `Waits for a ${event.data.waiting_for}.` : `${ACTIVITY[event.data.activity]}.`,
      );
    case "terminal.resized":
      return say(`The terminal became ${event.data.size.cols}×${event.data.size.rows}.`);
    case "terminal.gap_recorded":
      return say(
        event.data.lost === "nothing"
          ? "The output goes on; nothing is missing."
          : `${lostWords(event.data.lost)} are missing.`,
      );
    case "terminal.bell_rang":
      return say("The bell rang.");
    case "terminal.notified":
      return say(
        [event.data.title, event.data.text]
          .filter((part) => part !== null)
          .map(plain)
          .join(": "),
      );
    case "terminal.client_attached":
      return say(`A terminal attached; ${event.data.clients} now.`);
    case "terminal.client_detached":
      return say(`A terminal detached; ${event.data.clients} now.`);
    case "input.sent":
      return say(`${event.data.bytes.toLocaleString("en")} bytes${event.data.enter ? " and Enter" : ""} were sent.`);
    case "input.queued":
      return say(`A text waits until the agent is idle; ${event.data.queued} now.`);
    case "input.dropped":
      return say(
        `${event.data.texts === 1 ? "A text that waited was" : `${event.data.texts} texts that waited were`} not sent: ${plain(event.data.reason)}.`,
      );
    case "session.model_switched":
      return say(`The model became ${plain(event.data.model)}.`);
    case "transcript.conversation_changed":
      return [
        { text: "Its conversation is " },
        { text: plain(event.data.place.conversation), code: true },
        { text: "." },
      ];
    case "transcript.turn_ended":
      return say(
        `The turn took ${event.data.usage.input.toLocaleString("en")} tokens in and ${event.data.usage.output.toLocaleString("en")} out.`,
      );
    case "transcript.interrupted":
      return say("Interrupted.");
    case "transcript.api_failed":
      return say(`The model failed: ${plain(event.data.text)}`);
    case "transcript.compacted":
      return say(
        event.data.automatic === true ? "Compacted its conversation by itself." : "Compacted its conversation.",
      );
    case "auth.agent_refused":
      return say(`Process ${event.data.pid} was refused: ${plain(event.data.request)}.`);
    case "auth.shim_refused":
      return say(`Process ${event.data.pid} was refused: ${plain(event.data.reason)}.`);
    case "auth.set_up":
      return say("The dashboard was set up.");
    case "auth.signed_in":
      return say(`${plain(event.data.device)} signed in.`);
    case "auth.sign_in_failed":
      return say(`${plain(event.data.device)} failed to sign in.`);
    case "auth.logins_ended":
      return say(`${event.data.logins} devices were signed out${by(event.data.by)}.`);
    case "auth.password_changed":
      return say(`The password was changed${by(event.data.by)}.`);
    case "auth.mfa_changed":
      return say(`The authenticator was replaced${by(event.data.by)}.`);
    case "auth.recovery_codes_made":
      return say(`New recovery codes were made${by(event.data.by)}.`);
    case "journal.damaged":
      return say(`Part of the log was damaged: ${plain(event.data.what)}.`);
    case "journal.failed":
      return say(`The log cannot be written: ${plain(event.data.what)}.`);
    case "journal.paused":
      return say("The log paused: the disk is nearly full.");
    case "journal.resumed":
      return say(`The log goes on; ${event.data.dropped_bytes.toLocaleString("en")} bytes were not kept.`);
    case "journal.writer_replaced":
      return say("The log's writer was replaced: it had stopped answering.");
    case "system.daemon_started":
      return say(`The daemon ${event.data.version} started.`);
    case "system.daemon_stopping":
      return say("The daemon is stopping.");
    case "system.tmux_connected":
      return say(`Connected to tmux ${event.data.version}.`);
    case "system.tmux_lost":
      return say(`tmux was lost: ${plain(event.data.reason)}.`);
    default:
      return "payload" in event.data ? hookSentence(event) : say(event.kind);
  }
}

const ACTIVITY = {
  working: "Works",
  idle: "Is idle",
  waiting: "Waits",
  unknown: "What it does is not known",
};

function hookSentence(event: Event): Piece[] {
  const hook = event.data as Hook;
  const payload = fields(hook.payload);
  const used = tool(hook);
  const afterTool = (verb: string): Piece[] =>
    used
      ? [{ text: `${verb} ${used.name} ` }, ...(used.what ? [{ text: used.what, code: true }] : [])]
      : [{ text: verb }];
  switch (event.kind) {
    case "hook.session_started":
      return [{ text: "The agent is ready." }];
    case "hook.prompt_submitted": {
      const prompt = text(payload, "prompt");
      return [{ text: prompt === null ? "A prompt was submitted." : `Prompt: ${prompt}` }];
    }
    case "hook.tool_announced":
      return afterTool("Begins");
    case "hook.tool_used":
      return afterTool("Finished");
    case "hook.tool_failed":
      return afterTool("Failed:");
    case "hook.turn_ended": {
      const message = text(payload, "last_assistant_message");
      return [{ text: message === null ? "The turn ended." : `The turn ended: ${withoutMarks(message)}` }];
    }
    case "hook.notified":
      return [{ text: text(payload, "message") ?? "The agent notified." }];
    case "hook.subagent_started":
      return [{ text: "A subagent began." }];
    case "hook.subagent_ended":
      return [{ text: "A subagent ended." }];
    case "hook.compacted":
      return [{ text: "Compacted its conversation." }];
    case "hook.session_ended":
      return [{ text: `The agent left${said(payload)}.` }];
    default:
      return nowOf(event) ?? [{ text: hook.event || "A hook without a name" }];
  }
}
