// What is said in words, and how: ages, states, sizes, paths.

import type { Exit, Session } from "./wire";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** 4s 12m 3h 9d. */
export function age(ms: number): string {
  if (ms < MINUTE) return `${Math.max(0, Math.floor(ms / 1000))}s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)}m`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)}h`;
  return `${Math.floor(ms / DAY)}d`;
}

/** "5 h 21 min", for a length of time in a sentence. */
export function duration(ms: number): string {
  if (ms < MINUTE) return `${Math.max(0, Math.round(ms / 1000))} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h ${Math.floor((ms % HOUR) / MINUTE)} min`;
  return `${Math.floor(ms / DAY)} d ${Math.floor((ms % DAY) / HOUR)} h`;
}

export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  if (count < 1e6) return `${(count / 1e3).toFixed(count < 1e4 ? 1 : 0)} kB`;
  return `${(count / 1e6).toFixed(1)} MB`;
}

export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

/** Compares two times of the daemon. As text, 12:00:00.7 would be later than 12:00:00.75. */
export const byTime = (a: string, b: string): number => Date.parse(a) - Date.parse(b);

let dayAndTime: Intl.DateTimeFormat | undefined;
/** For a `title`. */
export const fullTime = (at: number): string =>
  (dayAndTime ??= new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" })).format(at);

/** `/home/u/x` as `~/x`. */
export function tilde(path: string, home: string | null): string {
  if (home === null || home === "/") return path;
  return path === home ? "~" : path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path;
}

/** A path in two parts: the first may be cut at its end, the last is kept. */
export function pathParts(path: string): [string, string] {
  const slash = path.lastIndexOf("/", path.length - 2);
  return slash <= 0 ? ["", path] : [path.slice(0, slash), path.slice(slash)];
}

/** Characters that act or draw nothing: controls, bidirectional controls, joiners, fillers, tags. */
const HIDDEN = /[\p{Cc}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\ufff9-\ufffb\u2800]/u;
/** The same, but for what makes an emoji of several characters. */
const HIDES =
  /(?<=[\u2190-\u27bf\u2900-\u2bff\u{1f000}-\u{1faff}])\ufe0f|(?<=[\u2190-\u27bf\u2900-\u2bff\u{1f000}-\u{1faff}]\ufe0f?)\u200d(?=[\u2190-\u27bf\u2900-\u2bff\u{1f000}-\u{1faff}])|([\p{Cc}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\ufff9-\ufffb\u2800])/gu;
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/** As the command line writes it. */
const written = (hidden: string): string =>
  `<U+${(hidden.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}>`;

/** Text of others with what it hides written out. */
export function visible(text: string, write = written): string {
  if (!HIDDEN.test(text)) return text;
  return text.replace(HIDES, (found: string, hidden?: string) => (hidden === undefined ? found : write(hidden)));
}

/** The same for a name, a title or a path that stands beside other text: its direction stays its own. */
export function foreign(text: string): string {
  const shown = visible(text);
  return RIGHT_TO_LEFT.test(shown) ? `\u2068${shown}\u2069` : shown;
}

/** What people call a session. */
export function nameOf(session: Session): string {
  return foreign(session.name ?? (session.cwd.split("/").filter(Boolean).at(-1) || session.short_id));
}

export type Tone = "info" | "accent" | "rest" | "unk" | "warm" | "bad";
export type StateIcon =
  "starting" | "working" | "idle" | "finished" | "unknown" | "permission" | "question" | "stopped" | "crashed";

/** How a state is shown: icon and word, then a detail without its duration. */
export interface State {
  icon: StateIcon;
  word: string;
  detail: string;
  tone: Tone;
}

/** `finished`: a turn ended that nobody has looked at. */
export function stateOf(session: Session, finished = false): State {
  switch (session.status) {
    case "starting":
      return { icon: "starting", word: "Starting", detail: "", tone: "info" };
    case "stopped":
      return { icon: "stopped", word: "Stopped", detail: exitDetail(session.exit), tone: "rest" };
    case "crashed":
      return { icon: "crashed", word: "Crashed", detail: exitDetail(session.exit), tone: "bad" };
    case "running":
      break;
  }
  const what = session.waiting_for ?? "";
  const background = session.background[0];
  const command = session.foreground?.command;
  if (calls(session)) return { icon: "permission", word: "Running", detail: "asks for you", tone: "warm" };
  switch (session.activity) {
    case "working":
      return {
        icon: "working",
        word: command ? `Running ${foreign(command)}` : "Running",
        detail: background ? `background: ${background}` : command ? "" : "working",
        tone: "accent",
      };
    case "idle":
      return finished
        ? { icon: "finished", word: "Running", detail: "turn finished", tone: "rest" }
        : session.foreground
          ? { icon: "idle", word: "At its prompt", detail: "", tone: "rest" }
          : { icon: "idle", word: "Running", detail: "idle", tone: "rest" };
    case "waiting":
      return {
        icon: what && what !== "permission" ? "question" : "permission",
        word: "Waiting",
        detail: what.replace("_", " "),
        tone: "warm",
      };
    case "unknown":
      return { icon: "unknown", word: "Running", detail: "state unknown", tone: "unk" };
  }
}

/** Its program calls for a person, who has not put that off. */
export function calls(session: Session): boolean {
  return (
    session.activity !== "waiting" &&
    session.asks.some(
      ({ kind, snoozed_until: until }) => kind === "attention" && !(until && Date.parse(until) > Date.now()),
    )
  );
}

export function isLive(session: Session): boolean {
  return session.status === "starting" || session.status === "running";
}

export function isWaiting(session: Session): boolean {
  return session.status === "running" && session.activity === "waiting";
}

const SIGNALS: Record<number, string> = {
  1: "SIGHUP",
  2: "SIGINT",
  3: "SIGQUIT",
  4: "SIGILL",
  6: "SIGABRT",
  7: "SIGBUS",
  8: "SIGFPE",
  9: "SIGKILL",
  11: "SIGSEGV",
  13: "SIGPIPE",
  14: "SIGALRM",
  15: "SIGTERM",
};

export function signalName(signal: number): string {
  return SIGNALS[signal] ?? `signal ${signal}`;
}

function exitDetail(exit: Exit | null): string {
  if (!exit) return "";
  switch (exit.reason) {
    case "stopped":
      return "on request";
    case "killed":
      return "killed";
    case "server_gone":
      return "tmux server gone";
    case "exited":
    case "unknown":
      if (exit.signal !== null) return signalName(exit.signal);
      if (exit.code !== null) return exit.code === 0 ? "exited" : `exit ${exit.code}`;
      return "";
  }
}

/** A sentence about an end. */
export function exitSentence(exit: Exit | null): string {
  if (!exit) return "Ended for an unknown reason";
  switch (exit.reason) {
    case "stopped":
      return "Stopped by you";
    case "killed":
      return "Killed by you";
    case "server_gone":
      return "Ended when its tmux server went away";
    case "exited":
    case "unknown":
      if (exit.signal !== null) return `Killed (${signalName(exit.signal)})`;
      if (exit.code !== null) return `Exited (${exit.code})`;
      return "Ended for an unknown reason";
  }
}
