// Made from the types of the daemon (protocol/src/wire): do not edit.
// `UPDATE_TYPES=1 cargo test -p codepiper-protocol typescript` makes it anew.

export const PROTOCOL = 1;
export const KEYFRAME_BIT = 128;
export const WINDOW = 1048576;
export const ACK_EVERY = 262144;
export const MAX_CHANNELS = 128;
export const OUTPUT_RECORD_PART = 1;
export const OUTPUT_RECORD_OUTPUT = 2;
export const OUTPUT_RECORD_SCREEN = 3;
export const MAX_OUTPUT = 4194304;
export const MAX_TEXT = 1048576;
export const MAX_IMAGE = 10485760;
export const MAX_FILE = 10485760;
export const SHORTEST_PASSWORD = 10;
export const MAX_EVENTS = 10000;
export const MAX_ENV_VALUE = 65536;
export const MAX_ENTRIES = 500;
export const MAX_LINES = 2000;
export const LONGEST_TEXT = 4194304;
export const PROTOCOL_HEADER = "codepiper-protocol";
export const SECRET_HEADER = "codepiper-secret";

/**
 * What a running program is doing, according to the evidence.
 */
export type Activity = "working" | "idle" | "waiting" | "unknown";

/**
 * `POST /api/sessions/{ref}/review`
 */
export type AddComment = { path: string, 
/**
 * `old`: about lines of the older state, which may have been removed. Default: `new`.
 */
side?: Side | null, 
/**
 * The state that this side shows. Default: `index` for the old one, `work` for the new one.
 */
of?: string | null, 
/**
 * The first line, from 1.
 */
from: number, 
/**
 * The last line. Default: the first one.
 */
to?: number | null, text: string, };

/**
 * `POST /api/asks/{id}/answer`: an [`Answered`].
 */
export type AnswerAsk = { decision: AskDecision, 
/**
 * For a denial; passed to the agent.
 */
reason?: string | null, 
/**
 * For questions: one for each, in order.
 */
answers?: Array<QuestionAnswer>, 
/**
 * The command to run instead, where changes are allowed.
 */
command?: string | null, 
/**
 * Allow the same without asking until the agent ends.
 */
always?: boolean, };

/**
 * An answer that the agent's hook has received.
 */
export type Answered = { ask: Ask, decision: AskDecision, 
/**
 * Who answered, e.g. `Firefox on Linux` or `command line`.
 */
by: string, };

/**
 * Where an ask can be answered.
 */
export type AnsweredIn = "here" | "terminal" | "nothing";

/**
 * How forms name the arguments of a provider's program.
 */
export type Arguments = { label: string, hint: string, };

/**
 * Something that a session needs from a person. It does not change while it is open: a new question is another ask,
 * with another id.
 */
export type Ask = { 
/**
 * `ask-` and 6 letters and digits.
 */
id: string, session: SessionId, kind: AskKind, asked_at: string, 
/**
 * One line: the command, the question, the first thing that tells what a tool is used for, or what happened; empty if
 * that is not known.
 */
title: string, 
/**
 * The tool that the agent wants to use, as the agent calls it.
 */
tool: string | null, 
/**
 * All that is asked about, with hidden characters shown as escapes: the command, the plan or the edit, with the fields
 * of the tool's input besides, or this input as JSON. Where only the terminal shows it, `GET /api/asks/{id}` has the
 * screen, and lists have nothing.
 */
text: string, 
/**
 * The directory that the agent is in.
 */
cwd: string | null, 
/**
 * Of a `question`: each needs an answer.
 */
questions: Array<AskedQuestion>, answered_in: AnsweredIn, 
/**
 * Whether an answer may change the command before it is allowed.
 */
changes_allowed: boolean, 
/**
 * The rule that an answer with `always` adds, if it can: it holds in this session until its agent ends.
 */
always: string | null, 
/**
 * Why the agent asks: the rule of a policy, in words.
 */
why: string | null, 
/**
 * What speaks against it, in a few words, as far as the ready-made deny list and the reader of shell commands see it.
 * That they see nothing is no promise.
 */
risk: string | null, 
/**
 * After this time, it can only be answered in the terminal.
 */
expires_at: string | null, 
/**
 * Somebody has snoozed it until this time.
 */
snoozed_until: string | null, 
/**
 * What proves that it is asked, in words; `null` where that is the ask itself.
 */
evidence: string | null, };

export type AskDecision = "allow" | "deny";

export type AskKind = "permission" | "question" | "plan" | "elicitation" | "trust" | "dialog" | "sign_in" | "usage_limit" | "crashed" | "stalled" | "attention" | "finished";

export type AskedOption = { label: string, description: string | null, };

/**
 * One question of an agent.
 */
export type AskedQuestion = { question: string, 
/**
 * A word or two.
 */
header: string | null, 
/**
 * Whether several options may be chosen.
 */
multi: boolean, options: Array<AskedOption>, };

/**
 * `GET /api/sessions/{ref}/attach`: what a native tmux client needs to attach.
 */
export type Attach = { 
/**
 * The tmux server's socket.
 */
tmux_socket: string, 
/**
 * The tmux session's exact name.
 */
tmux_session: string, };

/**
 * `POST /api/policies/{name}/attach`
 */
export type AttachPolicy = { 
/**
 * An id, a unique id prefix, or a name.
 */
session: string, 
/**
 * `false` detaches it again.
 */
attached: boolean, };

/**
 * The answer to `GET /api/audit`.
 */
export type AuditPage = { 
/**
 * Newest first.
 */
records: Array<AuditRecord>, 
/**
 * Lines among them that are not records: `GET /api/audit/verify` says which.
 */
unreadable: number, };

export type AuditRecord = { 
/**
 * Counted from 1.
 */
seq: number, at: string, kind: string, 
/**
 * A device, `command line`, `policy`, `daemon`, or `audit` itself.
 */
actor: string, session: string | null, description: Description, 
/**
 * All that was recorded, as JSON.
 */
data: string, 
/**
 * SHA-256 of the record, which includes the hash of the one before it.
 */
hash: string, };

/**
 * The answer to `GET /api/audit/verify`.
 */
export type AuditVerified = { 
/**
 * No record was changed, removed or added, as far as that can be seen.
 */
whole: boolean, 
/**
 * What was found, a line each.
 */
report: Array<string>, 
/**
 * The number and hash of the most recent record: kept elsewhere, it proves later that the end was not cut off.
 */
anchor: string | null, };

export type AuthStage = "setup" | "signed_out" | "signed_in" | "closed";

/**
 * `GET /api/auth`: what a page shows first. Anybody may ask.
 */
export type AuthStatus = { stage: AuthStage, 
/**
 * The caller's login, while `stage` is `signed_in`.
 */
login: Login | null, 
/**
 * While `stage` is `setup`: a setup is in progress in some browser; another one can take over.
 */
setup_under_way: boolean, 
/**
 * While `stage` is `closed`: the reason.
 */
detail: string | null, 
/**
 * The minimum length of a password, in characters.
 */
shortest_password: number, version: string, protocol: number, };

/**
 * Where a subscription starts.
 */
export type Begin = "live" | "start" | { "cursor": Cursor } | { "lines": number } | { "since": number };

/**
 * `POST /api/auth/setup`: the first step. Nothing is saved before the last one.
 */
export type BeginSetup = { 
/**
 * The one-time password printed by the daemon or by `codepiper auth bootstrap`.
 */
bootstrap: string, 
/**
 * The password that people will sign in with.
 */
password: string, 
/**
 * Take over from another browser.
 */
take_over?: boolean, };

/**
 * The billing mode of an agent.
 */
export type Billing = "subscription" | "api";

/**
 * What a blocked program needs.
 */
export type BlockedKind = "permission" | "question" | "auth";

/**
 * Who did something.
 */
export type By = { "login": LoginId } | { "process": Process };

export type Change = "added" | "modified" | "deleted" | "renamed" | "type_changed";

/**
 * `PATCH /api/env-sets/{name}`: all of it, or nothing.
 */
export type ChangeEnvSet = { 
/**
 * Variables to add or replace.
 */
set?: { [key in string]: EnvValue }, 
/**
 * Variables to remove.
 */
unset?: Array<string>, };

/**
 * What is staged, unstaged or discarded: all of it, or nothing.
 */
export type ChangeFiles = { files: Array<ChosenFile>, };

/**
 * `POST /api/auth/password`: ends all other logins.
 */
export type ChangePassword = { current: string, new: string, };

/**
 * How much had changed when it was last counted.
 */
export type Changes = { files: number, 
/**
 * Lines.
 */
added: number, removed: number, 
/**
 * Whether all lines were counted: false for large or binary files, and for very many.
 */
whole: boolean, counted_at: string, };

/**
 * One entry of `GET /api/doctor`, and of `codepiper doctor` without a daemon.
 */
export type Check = { name: string, verdict: Verdict, 
/**
 * What was found.
 */
detail: string, 
/**
 * What to do about it.
 */
next?: Next, };

/**
 * The query of `GET /api/directories`.
 */
export type CheckDirectory = { 
/**
 * The text typed so far: absolute, or starting with `~/`.
 */
path: string, };

/**
 * `POST /api/sessions/{ref}/git/marks`
 */
export type ChooseMarks = { marks: Marks, };

export type ChosenFile = { path: string, 
/**
 * The version of its `FileDiff`: refused when the file has changed since. Without it the file is taken as it is.
 */
version?: string | null, 
/**
 * Without them, the whole file.
 */
hunks?: Array<ChosenHunk> | null, };

export type ChosenHunk = { name: string, 
/**
 * Without them, the whole hunk.
 */
lines?: ChosenLines | null, };

/**
 * Lines of a hunk by their numbers.
 */
export type ChosenLines = { 
/**
 * Removed lines, by their old numbers.
 */
removed: Array<number>, 
/**
 * Added lines, by their new numbers.
 */
added: Array<number>, };

export type ClientMessage = { "type": "authenticate", 
/**
 * [`super::auth::SignedIn::secret`].
 */
secret: string, } | { "type": "subscribe", 
/**
 * Chosen by the client and returned in the answer.
 */
request: number, 
/**
 * An id, a unique id prefix, or a name.
 */
session: string, from?: Begin, delivery?: Delivery, 
/**
 * Also send the session's events with a greater `seq`, each at its position in the output, but
 * none from before the output starts.
 */
events?: number | null, } | { "type": "unsubscribe", channel: number, } | { "type": "ack", channel: number, offset: number, } | { "type": "fit", channel: number, size: Size | null, } | { "type": "events", session?: SessionId, after?: number, } | { "type": "conversation", session: SessionId | null, } | { "type": "git", session: SessionId | null, } | { "type": "sessions", } | { "type": "ping", };

/**
 * The kind of error. Stable, for programs.
 */
export type Code = "invalid" | "not_found" | "ambiguous" | "refused" | "session_ended" | "session_live" | "in_use" | "name_taken" | "unsaved_work" | "no_repository" | "changed" | "conflicts" | "git_in_use" | "launch_failed" | "busy" | "not_taken" | "already_answered" | "too_large" | "protocol_mismatch" | "tmux" | "timeout" | "signed_out" | "wrong_credentials" | "too_many_tries" | "not_set_up" | "already_set_up" | "setup_under_way" | "expired" | "web_closed" | "no_image" | "method_not_allowed" | "internal";

/**
 * Which commands a rule is about.
 */
export type CommandForm = { program: Array<string>, 
/**
 * Each is a list of alternatives.
 */
words: Array<Array<string>> | null, options: Array<string>, };

export type Comment = { id: number, path: string, side: Side, 
/**
 * The state that this side shows, as in `ReadDiff`.
 */
of: string, 
/**
 * The lines that it is about, as they are numbered now. When they are gone, as they were.
 */
from: number, to: number, 
/**
 * These lines as they were.
 */
quote: Array<string>, 
/**
 * The file as it was then: the hash of its content.
 */
blob: string, text: string, 
/**
 * The device on which it was written.
 */
author: string, state: CommentState, 
/**
 * The lines are gone.
 */
stale: boolean, at: string, sent_at: string | null, addressed_at: string | null, };

export type CommentState = "draft" | "sent" | "addressed";

/**
 * `POST /api/auth/setup/totp` and `/api/auth/totp/confirm`: the first code of the new authenticator.
 * Both answer with [`RecoveryCodes`].
 */
export type ConfirmTotp = { 
/**
 * Of [`SetupBegun`] or [`TotpChange`].
 */
token: string, 
/**
 * Six digits.
 */
code: string, };

/**
 * How full the model's context window is, in tokens.
 */
export type ContextUse = { used: number, size: number, };

/**
 * The answer to `GET /api/sessions/{ref}/conversation`.
 */
export type Conversation = { 
/**
 * The provider's id of the conversation; `null` while there is none.
 */
id: string | null, 
/**
 * Changes when previously read entries are no longer valid.
 */
generation: number, 
/**
 * Increases with every change.
 */
revision: number, 
/**
 * The total number of entries.
 */
total: number, usage: Usage, 
/**
 * The model of the last answer.
 */
model: string | null, 
/**
 * The number of transcript lines that are too long or not JSON.
 */
skipped: number, 
/**
 * Oldest first.
 */
entries: Array<Entry>, };

/**
 * `POST /api/env-sets`
 */
export type CreateEnvSet = { 
/**
 * Letters, digits, `.`, `_` and `-`, up to [`MAX_ENV_SET_NAME`], starting with a letter or digit.
 */
name: string, variables?: { [key in string]: EnvValue }, };

/**
 * A position in a session's output: `EPOCH:OFFSET`.
 *
 * `offset` counts the bytes since the session began. `epoch` changes when continuity cannot be
 * proven, for example after a crash of the daemon.
 */
export type Cursor = string;

/**
 * `GET /api/daemon`
 */
export type DaemonStatus = { version: string, protocol: number, pid: number, started_at: string, hostname: string, 
/**
 * The home directory of the daemon's user.
 */
home: string, socket: string, 
/**
 * The URL of the dashboard, if it is served.
 */
web: string | null, tmux: TmuxStatus, sessions: SessionCounts, };

/**
 * What happens if the reader is slower than the program.
 */
export type Delivery = "latest" | "every";

/**
 * How much was printed in each slice of the last hour, since the daemon was started.
 */
export type Density = { 
/**
 * The length of a slice. Slices begin at multiples of it, counted from 1970.
 */
slice_ms: number, 
/**
 * The number of the first slice: its time, divided by `slice_ms`.
 */
first: number, 
/**
 * Bytes, oldest first.
 */
bytes: Array<number>, 
/**
 * The end of the output that is counted.
 */
cursor: Cursor, };

/**
 * An event in words, on one line, with nothing in it that acts on a terminal.
 */
export type Description = { text: string, 
/**
 * A command, path or id that completes the text.
 */
code?: string, };

/**
 * A file that differs between two states.
 */
export type DiffFile = { path: string, 
/**
 * What it was called before, if it was renamed.
 */
old_path: string | null, change: Change, 
/**
 * As git writes them: `100644`, `100755`, `120000` (a symbolic link), `160000` (a submodule).
 */
old_mode: string | null, new_mode: string | null, 
/**
 * Added lines. `null`: not counted, binary, or too large.
 */
added: number | null, removed: number | null, binary: boolean, 
/**
 * Its name says that a program made it: a lock file, or build output.
 */
generated: boolean, 
/**
 * Changes when either side of the file does. `null`: it was not read.
 */
version: string | null, 
/**
 * Both sides of a merge changed it, and nobody has staged what became of it.
 */
conflicted?: boolean, };

/**
 * A place where a file differs, with three lines around it.
 */
export type DiffHunk = { 
/**
 * Made of the path, the old content and the whole hunk, so that it never means another hunk.
 */
name: string, old_start: number, old_lines: number, new_start: number, new_lines: number, 
/**
 * The line that git shows with it: usually the function around it.
 */
heading: string, 
/**
 * How many of its lines were on earlier pages.
 */
skipped: number, 
/**
 * Changed lines were not compared by their words: they are too long, or too many.
 */
words_left_out?: boolean, lines: Array<DiffLine>, };

export type DiffLine = { 
/**
 * Its number before. Without one it was added.
 */
old: number | null, 
/**
 * Its number afterwards. Without one it was removed.
 */
new: number | null, 
/**
 * Without its line feed. Bytes that are not UTF-8 are replaced.
 */
text: string, 
/**
 * The words that differ from the line that it replaces, or that replaces it. Lines are compared where
 * as many were added as removed; none are marked where they have little in common.
 */
words?: Array<[number, number]>, 
/**
 * The length of the line in bytes, if its text was cut.
 */
bytes?: number, 
/**
 * The file ends here, without a line feed.
 */
no_newline?: boolean, };

/**
 * The answer to [`CheckDirectory`].
 */
export type Directory = { 
/**
 * The absolute path, for `StartSession::dir`.
 */
path: string, verdict: DirectoryVerdict, 
/**
 * Why it cannot be used, in one sentence.
 */
detail: string | null, 
/**
 * A directory with a similar name, if this one does not exist.
 */
suggestion: string | null, git: GitDirectory | null, 
/**
 * Matching subdirectories, sorted. Hidden ones only if a dot was typed.
 */
completions: Array<string>, 
/**
 * There are more completions than these.
 */
more_completions: boolean, 
/**
 * The home directory, for `~`.
 */
home: string, };

export type DirectoryVerdict = "usable" | "missing" | "not_a_directory" | "forbidden" | "relative";

/**
 * What was discarded, and is kept for 30 days.
 */
export type Discarded = { id: string, at: string, paths: Array<string>, };

/**
 * A file that was changed.
 */
export type Edit = { path: string, added: number, removed: number, hunks: Array<Hunk>, };

/**
 * `PATCH /api/sessions/{ref}/review/{id}`: changes a draft.
 */
export type EditComment = { text: string, };

/**
 * `POST /api/sessions/{ref}/stop`, `/kill` and `/resume`
 */
export type EndSession = { 
/**
 * Answer without waiting for completion.
 */
no_wait?: boolean, };

export type Entry = { number: number, at: string | null, 
/**
 * The revision in which the entry last changed.
 */
revision: number, 
/**
 * A text of the entry was longer than requested and is cut.
 */
cut: boolean, } & ({ "kind": "prompt", text: string, images: Array<string>, } | { "kind": "text", text: string, } | { "kind": "thinking", text: string, } | { "kind": "tool" } & ToolCall | { "kind": "note", text: string, } | { "kind": "compacted", automatic: boolean | null, } | { "kind": "interrupted", usage: Usage, } | { "kind": "failed", text: string, } | { "kind": "model_changed", model: string, } | { "kind": "turn_ended", usage: Usage, model: string | null, duration_ms: number | null, });

/**
 * One set, without its values.
 */
export type EnvSet = { name: string, 
/**
 * By name.
 */
variables: Array<EnvVariable>, 
/**
 * Why the set cannot be used.
 */
problem: string | null, 
/**
 * Sessions that use the set, including ended ones.
 */
used_by: Array<SessionId>, };

/**
 * `GET /api/env-sets`
 */
export type EnvSets = { 
/**
 * By name.
 */
sets: Array<EnvSet>, 
/**
 * The file with the encryption key. Without it the values are lost.
 */
key_file: string, };

/**
 * A value, which no message, log or answer shows.
 */
export type EnvValue = string;

export type EnvVariable = { name: string, 
/**
 * The length of its value, in bytes.
 */
length: number, changed_at: string, };

/**
 * An event as the API sends it: with its description. Rust clients derive the description from the event.
 */
export type Event = { description: Description, 
/**
 * Increases with each event, normally by one, across daemon restarts.
 */
seq: number, at: string, session: SessionId | null, source: Source, } & ({ "kind": "session.created", "data": { provider: string, name: string | null, cwd: string, } } | { "kind": "session.started", "data": { pid: number, resumed: boolean, } } | { "kind": "session.adopted", "data": { pid: number | null, } } | { "kind": "session.stop_requested", "data": { kill: boolean, } } | { "kind": "session.ended", "data": { exit: Exit | null, cursor: Cursor, } } | { "kind": "session.renamed", "data": { name: string | null, } } | { "kind": "session.labels_changed", "data": { tags: Array<string>, pinned: boolean, archived: boolean, } } | { "kind": "session.removed", "data": Record<symbol, never> } | { "kind": "session.activity_changed", "data": { activity: Activity, waiting_for: WaitingFor | null, 
/**
 * What the agent has left running after its turn.
 */
background?: Array<string>, 
/**
 * The evidence for it.
 */
proof?: Proof, } } | { "kind": "session.permission_mode_changed", "data": { mode: string, before: string, proof: Proof, } } | { "kind": "session.limit_reset", "data": Record<symbol, never> } | { "kind": "session.continued", "data": { 
/**
 * `null`: it was not sent.
 */
receipt: Receipt | null, 
/**
 * Why it was not sent, or what is not known about it.
 */
reason: string | null, } } | { "kind": "session.model_switched", "data": { model: string, } } | { "kind": "git.committed", "data": { 
/**
 * The branch, or the short id of the commit where none is checked out.
 */
branch: string, commit: string, 
/**
 * The first line of the last message.
 */
summary: string, commits: number, } } | { "kind": "git.branch_changed", "data": { from: string, to: string, } } | { "kind": "terminal.resized", "data": { size: Size, cursor: Cursor, } } | { "kind": "terminal.gap_recorded", "data": { cursor: Cursor, reason: GapReason, lost: Lost, } } | { "kind": "terminal.bell_rang", "data": { cursor: Cursor, } } | { "kind": "terminal.notified", "data": { title: string | null, text: string, } } | { "kind": "terminal.client_attached", "data": { clients: number, } } | { "kind": "terminal.client_detached", "data": { clients: number, } } | { "kind": "input.sent", "data": { bytes: number, enter: boolean, cursor: Cursor, } } | { "kind": "input.queued", "data": { bytes: number, 
/**
 * How many texts are queued now, including this one.
 */
queued: number, } } | { "kind": "input.held", "data": { texts: number, } } | { "kind": "input.dropped", "data": { texts: number, reason: string, } } | { "kind": "hook.session_started", "data": Hook } | { "kind": "hook.prompt_submitted", "data": Hook } | { "kind": "hook.tool_announced", "data": Hook } | { "kind": "hook.permission_requested", "data": Hook } | { "kind": "hook.tool_used", "data": Hook } | { "kind": "hook.tool_failed", "data": Hook } | { "kind": "hook.notified", "data": Hook } | { "kind": "hook.turn_ended", "data": Hook } | { "kind": "hook.turn_failed", "data": Hook } | { "kind": "hook.subagent_started", "data": Hook } | { "kind": "hook.subagent_ended", "data": Hook } | { "kind": "hook.compaction_announced", "data": Hook } | { "kind": "hook.compacted", "data": Hook } | { "kind": "hook.interrupted", "data": Hook } | { "kind": "hook.session_ended", "data": Hook } | { "kind": "hook.received", "data": Hook } | { "kind": "policy.decided", "data": { action: PolicyAction, tool: string, 
/**
 * The beginning of the command, or of the tool's other input.
 */
what: string, 
/**
 * `null` if no rule mentions it.
 */
rule: RuleRef | null, why: string, } } | { "kind": "policy.changed", "data": { name: string, } } | { "kind": "policy.removed", "data": { name: string, } } | { "kind": "policy.attached", "data": { name: string, attached: boolean, } } | { "kind": "ask.answered", "data": { ask: string, what: AskKind, title: string, decision: AskDecision, 
/**
 * A device, or `command line`.
 */
by: string, } } | { "kind": "ask.withdrawn", "data": { ask: string, what: AskKind, title: string, why: string, 
/**
 * What decided, and how, as far as that is proven.
 */
gate: Gate | null, decision: AskDecision | null, } } | { "kind": "ask.seen", "data": { ask: string, what: AskKind, title: string, 
/**
 * A device, or `command line`.
 */
by: string, } } | { "kind": "ask.attention_wanted", "data": { text: string, } } | { "kind": "ask.halted", "data": { outcome: HaltOutcome, by: string, } } | { "kind": "notification.sent", "data": { to: string, device: LoginId | null, ask: string, title: string, } } | { "kind": "notification.shown", "data": { to: string, device: LoginId | null, ask: string, title: string, } } | { "kind": "notification.suppressed", "data": { to: string, device: LoginId | null, ask: string, title: string, why: string, } } | { "kind": "notification.failed", "data": { to: string, device: LoginId | null, ask: string, title: string, why: string, } } | { "kind": "transcript.conversation_changed", "data": { place: Place, 
/**
 * Entries from before this time belong to the conversation that this one continues.
 */
since: string, } } | { "kind": "transcript.turn_ended", "data": { place: Place, usage: Usage, model: string | null, duration_ms: number | null, } } | { "kind": "transcript.interrupted", "data": { place: Place, usage: Usage, } } | { "kind": "transcript.api_failed", "data": { place: Place, text: string, } } | { "kind": "transcript.compacted", "data": { place: Place, automatic: boolean | null, } } | { "kind": "auth.agent_refused", "data": { pid: number, request: string, } } | { "kind": "auth.shim_refused", "data": { pid: number, reason: string, } } | { "kind": "auth.set_up", "data": { device?: string, address?: string, } } | { "kind": "auth.signed_in", "data": { login: LoginId, device: string, address: string | null, } } | { "kind": "auth.sign_in_failed", "data": { device: string, address: string | null, } } | { "kind": "auth.logins_ended", "data": { logins: number, by?: By, } } | { "kind": "auth.password_changed", "data": { login: LoginId | null, by?: By, } } | { "kind": "auth.mfa_changed", "data": { login: LoginId | null, by?: By, } } | { "kind": "auth.recovery_codes_made", "data": { by?: By, } } | { "kind": "system.daemon_started", "data": { version: string, } } | { "kind": "system.daemon_stopping", "data": Record<symbol, never> } | { "kind": "system.tmux_connected", "data": { version: string, server_pid: number, } } | { "kind": "system.tmux_lost", "data": { reason: string, server_gone: boolean, } } | { "kind": "journal.damaged", "data": { generation: number, what: string, 
/**
 * Where the damaged files were moved.
 */
kept: string | null, lost_bytes: number, lost_marks: number, } } | { "kind": "journal.paused", "data": Record<symbol, never> } | { "kind": "journal.resumed", "data": { 
/**
 * Bytes that were not stored since the daemon started.
 */
dropped_bytes: number, } } | { "kind": "journal.writer_replaced", "data": Record<symbol, never> } | { "kind": "journal.failed", "data": { what: string, } });

/**
 * An observation about a session's state.
 */
export type Evidence = { at: string, source: EvidenceSource, 
/**
 * The observation, in words.
 */
what: string, 
/**
 * The resulting state, e.g. `running, working`; empty if it changed nothing.
 */
state: string, };

/**
 * Where evidence comes from, strongest first.
 */
export type EvidenceSource = "life_cycle" | "hook" | "transcript" | "report" | "foreground" | "screen" | "silence";

/**
 * A command, or the fields of a tool.
 */
export type ExampleForm = string | { [key in string]: string };

/**
 * How a session ended.
 */
export type Exit = { 
/**
 * The program's exit status, if it exited normally.
 */
code: number | null, 
/**
 * The signal that ended it.
 */
signal: number | null, reason: ExitReason, };

export type ExitReason = "exited" | "killed" | "stopped" | "server_gone" | "unknown";

/**
 * `GET /api/sessions/{ref}/explain`: why the session is in its state.
 */
export type Explanation = { session: Session, 
/**
 * Oldest first.
 */
evidence: Array<Evidence>, 
/**
 * Everything that its programs say about themselves, by id.
 */
program_status: Array<StatusRecord>, };

/**
 * `GET /api/auth/factors`: what a sign-in needs, and who did not have it.
 */
export type Factors = { 
/**
 * When the password was set; `null` if an older version set it.
 */
password_changed_at: string | null, 
/**
 * When the authenticator was added; `null` if an older version did.
 */
totp_added_at: string | null, recovery_codes_left: number, 
/**
 * How many there were.
 */
recovery_codes: number, 
/**
 * Wrong attempts since the last sign-in before the caller's, the newest first, up to 100.
 */
failed: Array<FailedSignIn>, };

/**
 * A wrong password or code.
 */
export type FailedSignIn = { at: string, 
/**
 * The browser and its system, as it says.
 */
device: string, address: string | null, };

/**
 * Something that needs a certain version of a provider's program.
 */
export type Feature = { what: string, 
/**
 * The oldest tested version with which it works.
 */
since: string, 
/**
 * Whether it works with the version that was found; `null` if that is not known.
 */
works: boolean | null, };

/**
 * `GET /api/sessions/{ref}/git/file`
 */
export type FileDiff = { file: DiffFile, 
/**
 * The file's version.
 */
version: string, hunks: Array<DiffHunk>, 
/**
 * Lines of all hunks.
 */
lines: number, 
/**
 * The number of the first line of the next page.
 */
next: number | null, 
/**
 * Why there are no lines, or why they cannot be staged one by one.
 */
whole: WholeFile | null, };

/**
 * `GET /api/sessions/{ref}/git/lines`
 */
export type FileLines = { lines: Array<string>, 
/**
 * How many lines the file has.
 */
total: number, };

/**
 * `POST /api/auth/setup/finish`: the user has saved the recovery codes. Answers with [`SignedIn`].
 */
export type FinishSetup = { token: string, };

/**
 * The process group in the foreground of a session's terminal.
 */
export type Foreground = { 
/**
 * Its command line, up to 200 characters; `null` if it is a shell at its prompt.
 */
command: string | null, pid: number, 
/**
 * When it was started.
 */
since: string, };

/**
 * `POST /api/sessions/{ref}/fork`
 */
export type ForkSession = { 
/**
 * The new session's name.
 */
name?: string | null, 
/**
 * Default: those of the session.
 */
surroundings?: Surroundings | null, };

/**
 * The answer to `GET /api/events`.
 */
export type FoundEvents = { 
/**
 * Oldest first.
 */
events: Array<Event>, 
/**
 * The `seq` of the most recent event of all: a subscription after it misses nothing.
 */
last: number, 
/**
 * Why older stored events cannot be read at the moment.
 */
unreadable?: string, };

/**
 * The answer to `GET /api/sessions/{ref}/search`.
 */
export type FoundOutput = { 
/**
 * Newest first.
 */
hits: Array<OutputHit>, 
/**
 * Search on before this cursor; `null`: nothing older is stored that can be read. One request searches 32 MiB.
 */
next: Cursor | null, };

export type GapReason = "evicted" | "unreadable" | "daemon_away" | "paused" | "behind";

/**
 * What decided.
 */
export type Gate = "policy" | "person" | "terminal" | "agent";

export type GitBranch = { 
/**
 * As in `main` or `origin/main`.
 */
name: string, 
/**
 * A remote-tracking branch: where a branch of another repository was when git last looked.
 */
remote: boolean, 
/**
 * It is checked out here.
 */
current: boolean, upstream: string | null, 
/**
 * `null`: it has no upstream branch, or counting would take too long.
 */
ahead: number | null, behind: number | null, last: GitCommit, };

/**
 * `GET /api/sessions/{ref}/git/branches`
 */
export type GitBranches = { 
/**
 * Local ones first, each kind by name.
 */
branches: Array<GitBranch>, next: number | null, };

export type GitCommit = { id: string, parents: Array<string>, summary: string, author: string, 
/**
 * When it was committed.
 */
at: string, 
/**
 * The branches and tags that point at it.
 */
refs: Array<string>, };

/**
 * `GET /api/sessions/{ref}/git/commits/{id}`: one commit. What it changed is a [`GitDiff`] from its first parent.
 */
export type GitCommitDetails = { commit: GitCommit, 
/**
 * The whole message, at most 64 KiB.
 */
message: string, author_email: string, authored_at: string, committer: string, committer_email: string, };

/**
 * `GET /api/sessions/{ref}/git/diff`: which files differ.
 */
export type GitDiff = { 
/**
 * The states that were compared: a commit or a tree, `index` or `work`.
 */
base: string, to: string, 
/**
 * By path.
 */
files: Array<DiffFile>, 
/**
 * How many files differ.
 */
total: number, next: number | null, 
/**
 * Time ran out before the lines of all these files were counted.
 */
uncounted: boolean, 
/**
 * Large files that `base` does not have although they were there, up to 50. Those that are still the same are
 * not among `files`.
 */
left_out?: Array<string>, };

/**
 * The git work tree that contains a directory.
 */
export type GitDirectory = { 
/**
 * The work tree's root.
 */
root: string, 
/**
 * The branch, or the short id of a detached head.
 */
branch: string | null, 
/**
 * Local branches, at most [`MAX_BRANCHES`].
 */
branches: Array<string>, 
/**
 * The number of files that differ from the last commit, including untracked ones; `null` if counting takes too long.
 */
changed: number | null, };

/**
 * A file that differs from the last commit or from the index.
 */
export type GitFile = { path: string, 
/**
 * What it was called in the last commit, if it was renamed in the index.
 */
old_path: string | null, 
/**
 * The index differs from the last commit.
 */
staged: Change | null, 
/**
 * The work tree differs from the index. `added`: git does not track it.
 */
unstaged: Change | null, 
/**
 * Both sides of a merge changed it.
 */
conflicted: boolean, submodule: boolean, };

/**
 * What is checked out.
 */
export type GitHead = { 
/**
 * `null`: no branch is checked out.
 */
branch: string | null, 
/**
 * `null`: there is no commit yet.
 */
commit: string | null, upstream: string | null, 
/**
 * Commits that the upstream branch does not have.
 */
ahead: number | null, 
/**
 * Commits that only the upstream branch has.
 */
behind: number | null, };

/**
 * `GET /api/sessions/{ref}/git/log`
 */
export type GitLog = { 
/**
 * Newest first, by the time of the commit.
 */
commits: Array<GitCommit>, next: number | null, };

export type GitOperation = "merge" | "rebase" | "cherry_pick" | "revert" | "bisect" | "apply_mailbox";

/**
 * How far a rebase is.
 */
export type GitProgress = { 
/**
 * The branch that is rebased.
 */
branch: string | null, 
/**
 * The commit that is applied now, from 1.
 */
step: number, steps: number, };

/**
 * `GET /api/sessions/{ref}/git`
 */
export type GitStatus = { 
/**
 * The root of the work tree.
 */
root: string, head: GitHead, 
/**
 * What was begun and has not ended: conflicts may have to be resolved first.
 */
operation: GitOperation | null, 
/**
 * How far it is, where git counts that.
 */
progress: GitProgress | null, 
/**
 * What ends it.
 */
next_step: Next | null, staged: number, changed: number, untracked: number, conflicted: number, 
/**
 * By path; from `from` on, at most `limit`.
 */
files: Array<GitFile>, 
/**
 * Where the next page begins; `null`: that is all.
 */
next: number | null, 
/**
 * A name of the files as they are: another one after each change. Differences that are read later are at least as
 * new.
 */
state: string, 
/**
 * The prompts of the session: `turn-` and when each was submitted, in ms since 1970, is a base; newest first.
 */
turns: Array<string>, 
/**
 * Those of `start` and the turns that cannot be compared with, since recording them was given up.
 */
unrecorded: Array<Unrecorded>, 
/**
 * Whether something was marked as seen; `seen` is no base before.
 */
seen: boolean, 
/**
 * Whose mark `seen` is for the caller.
 */
marks: Marks, };

/**
 * `POST /api/halt`: a list of [`Halted`].
 */
export type Halt = { 
/**
 * Ids, unique prefixes or names; empty with `all`.
 */
sessions?: Array<string>, 
/**
 * Every agent.
 */
all?: boolean, };

export type HaltOutcome = "idle" | "halted" | "killed" | "unproven" | "not_started" | "no_agent";

/**
 * The outcome of a halt for one session.
 */
export type Halted = { session: SessionId, name: string | null, outcome: HaltOutcome, 
/**
 * How many texts that are queued for it are held.
 */
held: number, };

/**
 * The payload of a provider's hook.
 */
export type Hook = { 
/**
 * The provider's name of the event, e.g. `PreToolUse`.
 */
event: string, 
/**
 * As the provider sent it.
 */
payload: unknown, };

export type Hunk = { 
/**
 * The number of the first line before and after the change; `null` if the transcript does not contain it.
 */
old_start: number | null, new_start: number | null, 
/**
 * Each line starts with a space, `-` or `+`.
 */
lines: Array<string>, };

/**
 * What to do with a text while the agent is busy. Programs that are not agents get every text at once.
 */
export type IfBusy = "queue" | "refuse" | "now";

/**
 * The answer to `POST /api/sessions/{ref}/images`, whose body is the image.
 */
export type Image = { 
/**
 * For [`SendText::images`].
 */
id: string, kind: ImageKind, bytes: number, 
/**
 * The path for the agent.
 */
path: string, };

/**
 * The format, determined from the content.
 */
export type ImageKind = "png" | "jpeg" | "gif" | "webp";

export type KeyframeReason = "begin" | "resize" | "behind" | "discontinuity" | "healed" | "launch";

/**
 * `POST /api/sessions/{ref}/labels`: what is not named stays as it is.
 */
export type LabelSession = { add?: Array<string>, remove?: Array<string>, pinned?: boolean | null, archived?: boolean | null, };

/**
 * The query of `GET /api/events`.
 */
export type ListEvents = { session?: SessionId | null, source?: Source | null, 
/**
 * A kind such as `session.ended`, or a group of kinds such as `session`.
 */
kind?: string | null, 
/**
 * Milliseconds since 1970.
 */
since?: number | null, 
/**
 * Events with a smaller `seq`, to read further back.
 */
before?: number | null, 
/**
 * Number of most recent events.
 */
limit?: number, };

/**
 * One entry of `GET /api/auth/logins`. `DELETE /api/auth/logins/{id}` ends one,
 * `DELETE /api/auth/logins` all but the caller's.
 */
export type Login = { id: LoginId, 
/**
 * The browser and its system, e.g. `Firefox on Linux`.
 */
device: string, 
/**
 * The address of the last request.
 */
address: string | null, created_at: string, 
/**
 * When it was last used, to the minute.
 */
seen_at: string, 
/**
 * The number of open WebSockets.
 */
open: number, 
/**
 * This is the caller's own login.
 */
current: boolean, };

/**
 * The id of a login: not a secret.
 */
export type LoginId = string;

/**
 * How much is missing in a gap.
 */
export type Lost = { "bytes": number } | { "lines": number } | "nothing" | "unknown";

/**
 * `POST /api/sessions/{ref}/git/commit`
 */
export type MakeCommit = { message: string, 
/**
 * Replace the last commit.
 */
amend?: boolean, 
/**
 * The last commit that was shown. When it is another one by now, nothing is done (409 `changed`).
 */
last?: string | null, };

/**
 * The body of `POST /api/sessions/{ref}/git/seen`.
 */
export type MarkSeen = { 
/**
 * The `state` of the `GitStatus` that was shown: refused when a file has changed since. Without
 * it the files are marked as they are.
 */
state?: string | null, };

export type Marker = { at: string, kind: MarkerKind, 
/**
 * What happened, in words.
 */
text: string, 
/**
 * The event it is derived from.
 */
seq: number, 
/**
 * Its position in the output, if the event has one. Otherwise, read the output `at` its time.
 */
cursor: Cursor | null, };

export type MarkerKind = "started" | "stopped" | "crashed" | "prompt" | "permission" | "question" | "turn_ended" | "notification" | "resized" | "gap";

/**
 * Whose mark of what was seen applies.
 */
export type Marks = "shared" | "own";

/**
 * The body of `POST /api/worktrees/{id}/merge`.
 */
export type MergeWorktree = { 
/**
 * The local branch that it is merged into; `null`: the one that is checked out in the main work tree.
 */
into?: string | null, 
/**
 * Merge everything as one commit.
 */
squash?: boolean, };

/**
 * What an agent last reported, in its status line or its transcript. These are its own numbers.
 */
export type Meters = { context: ContextUse | null, 
/**
 * The windows of the account's plan.
 */
quota: Array<Quota>, 
/**
 * What the session has cost in US dollars, as the agent estimates it.
 */
cost_usd: number | null, 
/**
 * The pull request of the branch.
 */
pull_request: PullRequest | null, };

/**
 * The models of a provider.
 */
export type Models = { 
/**
 * Whether `POST /api/sessions/{ref}/model` can change the model of a running session.
 */
switches: boolean, 
/**
 * Names that can always be chosen; other names can be typed.
 */
offered: Array<string>, 
/**
 * A placeholder for another name.
 */
example: string, 
/**
 * The prefix of every name, followed by `-`, which can be omitted; may be empty.
 */
vendor: string, };

/**
 * A worktree for a new session, on a new or an existing branch.
 */
export type NewWorktree = { 
/**
 * An existing local branch that is not checked out.
 */
branch?: string | null, 
/**
 * The name of a new branch. Default, without `branch`: `codepiper/` followed by the session's short id.
 */
create_branch?: string | null, 
/**
 * Where the new branch starts: a branch, tag or commit. Default: the directory's HEAD.
 */
base?: string | null, };

/**
 * A step that solves a problem. It names neither commands nor buttons: each client words it for its users.
 */
export type Next = { "step": "list_sessions" } | { "step": "stop_session", session: string, } | { "step": "resume_session", session: string, } | { "step": "resume_all" } | { "step": "show_output", session: string, } | { "step": "answer", session: string, } | { "step": "queue_or_type", session: string, } | { "step": "drop_queued", session: string, } | { "step": "type_anyway" } | { "step": "allow_dangerous" } | { "step": "choose_billing", billing: Billing, } | { "step": "add_api_key" } | { "step": "use_branch", branch: string, } | { "step": "create_branch", branch: string, base?: string, } | { "step": "list_env_sets" } | { "step": "change_env_set", name: string, } | { "step": "remove_env_sets" } | { "step": "list_worktrees" } | { "step": "delete_ignored", worktree: string, } | { "step": "finish_operation", operation: GitOperation, conflicts: boolean, } | { "step": "list_logins" } | { "step": "set_up_dashboard" } | { "step": "reset_password" } | { "step": "start_daemon" } | { "step": "restart_daemon" } | { "step": "show_daemon" } | { "step": "replace_daemon", pid?: number, } | { "step": "choose_socket" } | { "step": "choose_tmux_socket" } | { "step": "run_checks" } | { "step": "show_journal_events" } | { "step": "end_tmux_server" } | { "step": "give_certificate_and_key" } | { "step": "set_public_url" } | { "step": "encrypt_or_stay_local", port: number, } | { "step": "choose_port" } | { "step": "start_without_dashboard" };

/**
 * What a device is told.
 */
export type Notification = { 
/**
 * One per session: a later one takes its place.
 */
tag: string, title: string, body: string, 
/**
 * The page that a click opens: a path.
 */
path: string, 
/**
 * It only takes the place of another one.
 */
silent: boolean, 
/**
 * How many asks are open.
 */
open: number, at: string, 
/**
 * To be sent back in a [`NotificationReceipt`].
 */
receipt: string, };

/**
 * `POST /api/notifications/receipts`: what became of a notification on its device.
 */
export type NotificationReceipt = { 
/**
 * Of the notification: nobody else knows it.
 */
receipt: string, outcome: ReceiptOutcome, };

/**
 * Which asks a device is told of.
 */
export type NotificationRules = { kinds: Array<AskKind>, 
/**
 * Sessions that it is not told of.
 */
muted: Array<SessionId>, quiet: QuietHours | null, };

/**
 * `GET /api/notifications`
 */
export type Notifications = { 
/**
 * The key that push subscriptions are made with (RFC 8292): base64url.
 */
push_key: string, 
/**
 * Signed-in devices that want notifications.
 */
devices: Array<NotifiedDevice>, 
/**
 * Whether `notifications.command` is configured.
 */
command: boolean, 
/**
 * The host of `notifications.webhook`.
 */
webhook: string | null, 
/**
 * Whether terminals that are attached get them (`notifications.terminals`).
 */
terminals: boolean, };

/**
 * A signed-in device that wants notifications.
 */
export type NotifiedDevice = { id: LoginId, 
/**
 * The browser and its system.
 */
name: string, 
/**
 * Whether it is the one that asks.
 */
current: boolean, 
/**
 * The host of its push service; `null`: it is told while the dashboard is open there.
 */
push: string | null, rules: NotificationRules, };

/**
 * `POST /api/sessions/{ref}/notify`: a program in a session asks for attention.
 */
export type Notify = { 
/**
 * One line, at most 500 characters.
 */
text: string, };

export type OutputHit = { 
/**
 * Here the line had scrolled off the screen.
 */
cursor: Cursor, 
/**
 * The beginning of the line, up to 1000 bytes.
 */
line: string, };

export type OutputPart = { "type": "begin", cursor: Cursor, 
/**
 * Nothing older is stored.
 */
oldest: boolean, } | { "type": "keyframe", cursor: Cursor, size: Size, reason: KeyframeReason, } | { "type": "time", cursor: Cursor, at: string, } | { "type": "gap", cursor: Cursor, reason: GapReason, lost: Lost, } | { "type": "ended", cursor: Cursor, exit: Exit | null, } | { "type": "end", cursor: Cursor, };

/**
 * A position in a transcript, up to which events were recorded. The last event of a session says where the
 * next daemon continues.
 */
export type Place = { 
/**
 * The provider's id of the conversation.
 */
conversation: string, 
/**
 * In bytes, at the end of a line.
 */
offset: number, 
/**
 * The 64-bit FNV-1a hash of everything before it, in hex.
 */
hash: string, };

/**
 * What a rule or a policy says about a use of a tool. The strictest of several counts.
 */
export type PolicyAction = "allow" | "ask" | "deny";

/**
 * `GET /api/policies/{name}`
 */
export type PolicyFile = { 
/**
 * TOML; see `docs/policies.md`.
 */
text: string, info: PolicyInfo, rules: Array<PolicyRule>, };

/**
 * `POST /api/policies/form`, from a `PutPolicy`: a policy as a form shows it, whether its rules mean something or not.
 */
export type PolicyForm = { name: string, description: string, priority: number, 
/**
 * `ask` or `deny`
 */
default: PolicyAction, 
/**
 * `fail = "deny"`
 */
fails_closed: boolean, scope: PolicyScope, includes: Array<string>, rules: Array<RuleForm>, };

/**
 * A policy as lists show it.
 */
export type PolicyInfo = { name: string, description: string, 
/**
 * A higher one counts before a lower one; a deny always counts.
 */
priority: number, 
/**
 * For everything that no rule mentions.
 */
default: PolicyAction, scope: PolicyScope, 
/**
 * Names of the policies that apply wherever this one does.
 */
includes: Array<string>, rules: number, 
/**
 * Allow rules that allow more than they seem to.
 */
warnings: Array<PolicyNote>, 
/**
 * What is wrong with the file; if anything is, no rule allows anything.
 */
mistakes: Array<PolicyNote>, };

/**
 * A mistake in a line of a policy, or a warning about it.
 */
export type PolicyNote = { line: number, 
/**
 * The rule's number, counted from 1.
 */
rule: number | null, 
/**
 * The field, or nothing if it is about more than one.
 */
field: string, message: string, };

/**
 * A rule of a policy.
 */
export type PolicyRule = { 
/**
 * Counted from 1.
 */
number: number, line: number, action: PolicyAction, 
/**
 * Whether Claude Code's own rules hold it as well, also where the hook does not run.
 */
without_hook: WithoutHook, };

/**
 * Where a policy applies.
 */
export type PolicyScope = "everywhere" | { "directories": Array<string> } | { "sessions": Array<string> };

/**
 * What the policies say.
 */
export type PolicyVerdict = { 
/**
 * `null` if no policy applies.
 */
action: PolicyAction | null, rule: RuleRef | null, 
/**
 * One sentence.
 */
why: string, 
/**
 * The commands of a shell's text.
 */
parts: Array<PolicyVerdictPart>, 
/**
 * Where the text could not be read any further, in bytes, and why.
 */
unreadable: UnreadableCommand | null, };

export type PolicyVerdictPart = { 
/**
 * The program and its arguments, as it would get them.
 */
words: Array<string>, action: PolicyAction, rule: RuleRef | null, why: string, };

/**
 * What a shell printed last: sent with the list of sessions, at most once a second.
 */
export type Printed = { at: string, 
/**
 * The last line of its screen that is not empty, up to 200 characters; at a prompt, the one above it.
 */
line: string, 
/**
 * The end of the output then.
 */
cursor: Cursor, };

/**
 * An error of the API. `detail` says what failed; `next` is what to do about it, as data.
 */
export type Problem = { code: Code, 
/**
 * The HTTP status.
 */
status: number, title: string, detail: string, 
/**
 * Seconds until the request may be repeated.
 */
retry_after?: number, 
/**
 * Attempts left before a wait.
 */
tries_left?: number, 
/**
 * What to do about it. Clients ignore steps that they do not know.
 */
next?: Next, 
/**
 * With the code `changed`: what a file's differences are now.
 */
diff?: FileDiff, };

/**
 * A process that connected to the daemon's socket, at that time.
 */
export type Process = { pid: number, 
/**
 * Its name and those of its parents, nearest first: `codepiper < bash < sshd`.
 */
names: string, };

/**
 * What a program says it is doing.
 */
export type ProgramState = "idle" | "working" | "done" | "blocked" | "error";

/**
 * The evidence for a state.
 */
export type Proof = { source: EvidenceSource, 
/**
 * In words.
 */
what: string, };

/**
 * One entry of `GET /api/providers`.
 */
export type Provider = { 
/**
 * The name to start it by, e.g. `claude-code`.
 */
name: string, 
/**
 * The name to show, e.g. `Claude Code`.
 */
label: string, description: string, 
/**
 * Whether it works on prompts, in turns; other programs take commands.
 */
agent: boolean, 
/**
 * The program it starts.
 */
program: string, 
/**
 * Where the program was found, with the daemon's `PATH`.
 */
found: string | null, 
/**
 * How forms name the arguments of its program.
 */
arguments: Arguments, 
/**
 * How `resume` continues a session.
 */
resume: string, 
/**
 * Whether the conversation continues after `resume`.
 */
keeps_conversation: boolean, 
/**
 * Whether `fork` can continue a copy of a session's conversation.
 */
forks: boolean, 
/**
 * Whether it keeps a transcript, so that its sessions have a conversation.
 */
transcripts: boolean, 
/**
 * The billing modes; empty if the provider has none.
 */
billing: Array<Billing>, 
/**
 * Whether it can be started without asking for permission (`dangerous`).
 */
dangerous: boolean, 
/**
 * Its models; `null` if none can be chosen.
 */
models: Models | null, 
/**
 * After a session reports that it waits, its question appears on the screen within this time.
 */
question_delay_ms: number, 
/**
 * With `?check=true`, for programs that were found and can be asked.
 */
check: ProviderCheck | null, };

/**
 * What the installed program of a provider says about itself.
 */
export type ProviderCheck = { 
/**
 * `null` if it did not say.
 */
version: string | null, 
/**
 * The versions that CodePiper was tested with, oldest first.
 */
tested: Array<string>, 
/**
 * For subscription billing, in the daemon's environment; `null` if it did not say.
 */
sign_in: SignInStatus | null, features: Array<Feature>, };

export type PullRequest = { number: number, url: string | null, };

/**
 * Of the browser's push service (RFC 8030, RFC 8291).
 */
export type PushSubscription = { endpoint: string, 
/**
 * A point on the curve P-256, uncompressed: base64url.
 */
p256dh: string, 
/**
 * 16 bytes: base64url.
 */
auth: string, };

/**
 * `PUT /api/policies/{name}`, `POST /api/policies/check`
 */
export type PutPolicy = { text: string, };

/**
 * The answer to one question.
 */
export type QuestionAnswer = { 
/**
 * The options that were chosen, counted from 1.
 */
options?: Array<number>, 
/**
 * An answer in one's own words, in addition to options or instead.
 */
text?: string | null, };

/**
 * A time of day in which nothing is sent.
 */
export type QuietHours = { 
/**
 * `22:00`
 */
from: string, 
/**
 * `07:00`; before `from`, it is on the next day.
 */
to: string, 
/**
 * An IANA name such as `Europe/Berlin`.
 */
time_zone: string, };

/**
 * A window of time with a limit.
 */
export type Quota = { 
/**
 * `five_hour`, `seven_day`, or what the agent calls it.
 */
window: string, used_percent: number, resets_at: string | null, 
/**
 * When it was reported.
 */
at: string, };

/**
 * The query of `GET /api/audit`.
 */
export type ReadAudit = { 
/**
 * A kind such as `policy.decided`, or a group of kinds such as `policy`.
 */
kind?: string | null, 
/**
 * The full id of a session.
 */
session?: string | null, 
/**
 * Milliseconds since 1970.
 */
since?: number | null, 
/**
 * Records with a smaller `seq`, to read further back.
 */
before?: number | null, 
/**
 * Number of most recent records: at most 500, by default 100.
 */
limit?: number | null, };

/**
 * The query of `GET /api/sessions/{ref}/conversation`.
 */
export type ReadConversation = { 
/**
 * Entries with a smaller number.
 */
before?: number | null, 
/**
 * Entries with a greater number, starting with the oldest.
 */
after?: number | null, 
/**
 * Entries that changed after this revision.
 */
changed_after?: number | null, 
/**
 * Maximum number of entries, the most recent ones.
 */
limit?: number, 
/**
 * Longer texts are cut to this length in bytes; see [`Entry::cut`].
 */
longest?: number, 
/**
 * The conversation of a subagent: [`ToolCall::agent`].
 */
agent?: string | null, };

/**
 * The query of `GET /api/sessions/{ref}/git/diff`. The two states are `head`, `index`, `work` (the files as they
 * are), `merge-base` or `merge-base:BRANCH`, `start` (of the session), `seen` (when somebody looked last), `turn`
 * (before the last prompt), or a branch, a tag or a commit; write a branch of such a name in full, as
 * `refs/heads/start`. `COMMIT^` is a commit's first parent; of the first commit, nothing.
 */
export type ReadDiff = { 
/**
 * Default: `index`.
 */
base?: string | null, 
/**
 * Default: `work`.
 */
to?: string | null, from?: number | null, limit?: number | null, };

/**
 * The query of `GET /api/sessions/{ref}/git/file`: a file's differences between two states, as in [`ReadDiff`].
 */
export type ReadFile = { path: string, 
/**
 * Where it was renamed from.
 */
old_path?: string | null, base?: string | null, to?: string | null, 
/**
 * The number of the first line of the answer, counted over all hunks.
 */
from?: number | null, limit?: number | null, };

/**
 * The query of `GET /api/sessions/{ref}/git/image`.
 */
export type ReadImage = { path: string, 
/**
 * The state, as in `ReadDiff`. Default: `work`.
 */
of?: string | null, };

/**
 * The query of `GET /api/sessions/{ref}/git/lines`: lines of one side of a file, around its hunks.
 */
export type ReadLines = { path: string, 
/**
 * The state, as in `ReadDiff`. Default: `work`.
 */
of?: string | null, 
/**
 * The first line, from 1.
 */
from: number, limit?: number | null, };

/**
 * The query of `GET /api/sessions/{ref}/git/log`.
 */
export type ReadLog = { 
/**
 * A branch, a tag or a commit. Default: what is checked out.
 */
of?: string | null, from?: number | null, limit?: number | null, };

/**
 * The query of `GET /api/sessions/{ref}/output`.
 */
export type ReadOutput = { 
/**
 * Read output before this cursor. Default: the end.
 */
before?: Cursor | null, 
/**
 * Or read output up to this time, to the second; in milliseconds since 1970.
 */
at?: number | null, 
/**
 * At least this many bytes, if they are stored.
 */
bytes?: number, };

/**
 * The query of what comes in pages.
 */
export type ReadPage = { 
/**
 * The number of the first one, from 0.
 */
from?: number | null, limit?: number | null, };

/**
 * The query of `GET /api/sessions/{ref}/timeline` and of `GET /api/timelines`, which answers with the
 * timelines of all sessions, without markers.
 */
export type ReadTimeline = { 
/**
 * Milliseconds since 1970. Default: the session's creation.
 */
since?: number | null, };

/**
 * A policy that comes with CodePiper.
 */
export type ReadyPolicy = { name: string, text: string, };

/**
 * `POST /api/auth/totp`, answered with [`TotpChange`]: the old authenticator is valid until the new one is
 * confirmed. `POST /api/auth/recovery-codes`, answered with [`RecoveryCodes`]: the old codes become invalid.
 */
export type Reauthenticate = { password: string, 
/**
 * Six digits, or a recovery code.
 */
code: string, };

/**
 * How far input verifiably came.
 */
export type Receipt = "queued" | "written" | "echoed" | "submitted" | "turn_started";

export type ReceiptOutcome = "shown" | "foreground" | "blocked";

/**
 * One entry of `GET /api/directories/recent`: a git work tree in the home directory, up to three levels below it.
 */
export type RecentDirectory = { path: string, 
/**
 * The branch, or the short id of a detached head.
 */
branch: string | null, 
/**
 * When something was last staged, committed or checked out there.
 */
used_at: string, };

/**
 * Each can replace a code once. They are only shown here.
 */
export type RecoveryCodes = { codes: Array<string>, };

/**
 * The query of `DELETE /api/worktrees/{id}`.
 */
export type RemoveWorktree = { 
/**
 * Also delete ignored files, such as build output and `.env` files.
 */
ignored?: boolean, };

/**
 * `PATCH /api/prompts/{name}`. Answered with [`SavedPrompt`].
 */
export type RenamePrompt = { 
/**
 * The new name.
 */
name: string, };

/**
 * `PATCH /api/sessions/{ref}`
 */
export type RenameSession = { 
/**
 * `null` removes the name.
 */
name: string | null, };

/**
 * `POST /api/sessions/{ref}/resume`
 */
export type ResumeSession = { 
/**
 * Answer without waiting for completion.
 */
no_wait?: boolean, 
/**
 * Default: those of the previous start.
 */
surroundings?: Surroundings | null, };

/**
 * `GET /api/sessions/{ref}/review`
 */
export type Review = { 
/**
 * Oldest first.
 */
comments: Array<Comment>, 
/**
 * What `POST …/review/send` would send now; empty without drafts.
 */
prompt: string, };

/**
 * A rule as a form shows it. Lists that are empty are not written.
 */
export type RuleForm = { 
/**
 * Its number in the text that the form was read from; `null` for a new one.
 */
from: number | null, action: PolicyAction, tool: Array<string>, command: CommandForm | null, 
/**
 * Patterns by field.
 */
args: { [key in string]: Array<string> }, paths: Array<string>, cwd: Array<string>, session: Array<string>, provider: Array<string>, reason: string | null, matches: Array<ExampleForm>, not_matches: Array<ExampleForm>, };

export type RuleRef = { policy: string, 
/**
 * Counted from 1.
 */
number: number, line: number, reason: string | null, };

/**
 * `PUT /api/prompts/{name}` saves a prompt, or replaces its text. Answered with [`SavedPrompt`].
 */
export type SavePrompt = { text: string, };

/**
 * One entry of `GET /api/prompts`, which are in the order of their names.
 */
export type SavedPrompt = { 
/**
 * Unique, upper and lower case apart.
 */
name: string, text: string, changed_at: string, };

/**
 * The query of `GET /api/sessions/{ref}/search`: lines with this text, the newest first. Upper and lower case are the same.
 */
export type SearchOutput = { 
/**
 * At most 1000 bytes.
 */
text: string, 
/**
 * Only what had scrolled off the screen before this cursor. Default: everything, and what is on the screen.
 */
before?: Cursor | null, 
/**
 * At most so many lines, 1 to 1000, and those that scrolled off together with the last of them.
 */
limit?: number, };

/**
 * `POST /api/sessions/{ref}/keys`
 */
export type SendKeys = { 
/**
 * Key names as in [`crate::key::Key`].
 */
keys: Array<string>, };

/**
 * The query of `POST /api/sessions/{ref}/input`; the body is the text, any bytes.
 */
export type SendText = { 
/**
 * Press Enter after the text.
 */
enter?: boolean, 
/**
 * The ids of images uploaded for this session, separated by commas. They are attached before the
 * text, in the way the provider expects.
 */
images?: string | null, 
/**
 * What to do with a text while the agent is working, waiting for an answer, or has a draft in its composer; needs
 * `enter`. Default: `queue` while it is working, otherwise `refuse`.
 */
if_busy?: IfBusy | null, 
/**
 * Refuse a text that the agent may read as anything but a prompt: a command, a part of a draft, an answer. Needs
 * `enter`.
 */
plain?: boolean, 
/**
 * Type the bytes as they are, at once: what a person pasted into a terminal. Excludes all other fields.
 */
raw?: boolean, };

/**
 * `POST /api/sessions/{ref}/resize` takes a [`crate::Size`].
 *
 * The result of sending input.
 */
export type Sent = { 
/**
 * The end of the output before the text was written: reading from here misses nothing.
 */
cursor: Cursor, receipt: Receipt, 
/**
 * A warning, e.g. that the terminal cuts long lines.
 */
warning?: string | null, };

export type ServerMessage = { "type": "hello", protocol: number, version: string, } | { "type": "subscribed", request: number, channel: number, 
/**
 * The offset of the next output byte, unless a keyframe or gap comes first.
 */
cursor: Cursor, size: Size, session: Session, } | { "type": "keyframe", channel: number, cursor: Cursor, size: Size, reason: KeyframeReason, } | { "type": "gap", channel: number, cursor: Cursor, reason: GapReason, lost: Lost, } | { "type": "caught_up", channel: number, cursor: Cursor, } | { "type": "ended", channel: number, cursor: Cursor, exit: Exit | null, } | { "type": "session", channel: number, session: Session, } | { "type": "event", event: Event, } | { "type": "sessions", sessions: Array<Session>, } | { "type": "session_changed", session: Session, } | { "type": "session_removed", id: SessionId, } | { "type": "session_printed", id: SessionId, printed: Printed, } | { "type": "conversation_changed", session: SessionId, } | { "type": "git_changed", session: SessionId, 
/**
 * Not all of it is watched: it has too many directories, or the system allows no more watches.
 */
partial: boolean, } | { "type": "notification", notification: Notification, 
/**
 * Its push service has it, too.
 */
pushed: boolean, } | { "type": "pong", } | { "type": "error", request: number | null, problem: Problem, };

/**
 * A session, as all clients show it.
 */
export type Session = { id: SessionId, 
/**
 * The first 8 hex digits of `id`: what people see and type.
 */
short_id: string, name: string | null, provider: string, 
/**
 * The arguments given to the provider's program.
 */
args: Array<string>, cwd: string, 
/**
 * The branch checked out in `cwd`, if it lies in a git work tree.
 */
branch: string | null, status: Status, activity: Activity, 
/**
 * What the session waits for, while `activity` is `waiting`.
 */
waiting_for: WaitingFor | null, 
/**
 * The limit, while `waiting_for` is `usage_limit` and it is known.
 */
limit: UsageLimit | null, 
/**
 * What the agent has left running after its turn: commands, subagents, scheduled prompts. While there is any,
 * `activity` is `working`.
 */
background: Array<string>, 
/**
 * `null` while it runs, or if unknown.
 */
exit: Exit | null, size: Size, 
/**
 * Who set the size with `fit`, until they release it.
 */
lease: SizeLease | null, 
/**
 * The billing mode; `null` for providers without one.
 */
billing: Billing | null, 
/**
 * The env sets in its environment; later ones take precedence.
 */
env_sets: Array<string>, 
/**
 * What changed in its directory since it was started, committed or not; `null` if that is not known or nobody has
 * counted yet.
 */
changes: Changes | null, 
/**
 * Whether the agent acts without asking for permission.
 */
dangerous: boolean, 
/**
 * The permission mode of its agent, as the agent calls it, e.g. `plan`; `null` until it is known.
 */
permission_mode: string | null, 
/**
 * The worktree created for it.
 */
worktree: Worktree | null, 
/**
 * The model it was started with or reported.
 */
model: string | null, 
/**
 * The version of its agent's program, as the running program reported it.
 */
program_version: string | null, 
/**
 * The window title set by the program.
 */
title: string | null, 
/**
 * What the program says about itself, in its own words: of several records the one that matters most.
 */
program_status: StatusRecord | null, 
/**
 * The process group of the program, while it runs.
 */
pid: number | null, 
/**
 * The number of natively attached clients.
 */
attached: number, 
/**
 * What it needs from a person, the oldest first.
 */
asks: Array<Ask>, 
/**
 * The number of queued texts.
 */
queued: number, 
/**
 * The queued texts are held: a person interrupted the agent. They are sent after its next turn, or when they
 * are released.
 */
queue_held: boolean, 
/**
 * Words that a person chose, in alphabetical order.
 */
tags: Array<string>, 
/**
 * Lists show it first.
 */
pinned: boolean, 
/**
 * Lists leave it out unless they are asked for archived sessions. Only an ended session can be archived.
 */
archived: boolean, 
/**
 * What its agent says it has used.
 */
meters: Meters | null, 
/**
 * What is in the foreground of its terminal, for providers without a state of their own, such as `shell`; `null` if
 * that is not known.
 */
foreground: Foreground | null, 
/**
 * The end of the output so far.
 */
cursor: Cursor, created_at: string, 
/**
 * When its program was last started.
 */
started_at: string, 
/**
 * When `status`, `activity` or `waiting_for` last changed, as far as the daemon knows.
 */
state_since: string, updated_at: string, };

export type SessionCounts = { live: number, ended: number, 
/**
 * The number of sessions with an unreadable launch record, which are left alone. Missing if there are none.
 */
unreadable?: number, };

/**
 * A session's id: a random UUID (v4). People see and type its first 8 hex digits.
 */
export type SessionId = string;

/**
 * `GET /api/sessions/{ref}/policies`: a policy, and whether it speaks about that session.
 */
export type SessionPolicy = { policy: PolicyInfo, applies: boolean, };

/**
 * `PUT /api/notifications/device`: the device that asks is told from now on; [`Notifications`].
 */
export type SetDevice = { rules: NotificationRules, 
/**
 * `location.origin` of its dashboard.
 */
origin: string, 
/**
 * Without one, it is told while the dashboard is open.
 */
push: PushSubscription | null, };

/**
 * The answer to [`BeginSetup`].
 */
export type SetupBegun = { 
/**
 * Identifies this setup in the next steps. Secret; expires after 30 minutes.
 */
token: string, totp: TotpSecret, };

export type Side = "old" | "new";

/**
 * `POST /api/auth/sign-in`
 */
export type SignIn = { password: string, 
/**
 * Six digits, or a recovery code.
 */
code: string, };

/**
 * Whether somebody is signed in to a provider's program.
 */
export type SignInStatus = { signed_in: boolean, 
/**
 * How, or that nobody is.
 */
how: string, };

/**
 * The answer to [`SignIn`] and [`FinishSetup`]; the cookies come with it.
 */
export type SignedIn = { 
/**
 * Sent with every request: see [`SECRET_HEADER`].
 */
secret: string, login: Login, recovery_codes_left: number, };

/**
 * The size of a terminal in cells. tmux takes 1 to 10,000 each way (`WINDOW_MAXIMUM` in tmux.h);
 * we take 2 to 1,000, since a grid larger than that is a mistake and costs memory for every cell.
 */
export type Size = { cols: number, rows: number, };

/**
 * Who set a session's size. `POST /api/sessions/{ref}/fit` sets a [`Size`] and takes the lease; `DELETE`
 * releases it and restores the size.
 */
export type SizeLease = { 
/**
 * `null`: the command line.
 */
login: LoginId | null, 
/**
 * The device of the login, or `command line`.
 */
holder: string, since: string, 
/**
 * The size to restore.
 */
size_before: Size, 
/**
 * It follows the window of the only viewer (`fit` on the stream), and is restored when they leave or somebody else looks.
 */
automatic: boolean, };

/**
 * `POST /api/sessions/{ref}/git/seen`: the state at which *Since you looked* begins.
 */
export type Snapshot = { tree: string, 
/**
 * Files that were left out: large ones (untracked over 1 MiB, all over 16 MiB), and those that git cannot take.
 */
left_out: Array<string>, };

/**
 * `POST /api/asks/{id}/snooze`
 */
export type SnoozeAsk = { 
/**
 * `null`: it is shown again from now on.
 */
until: string | null, };

export type Source = "hook" | "transcript" | "terminal" | "session" | "policy" | "ask" | "notification" | "input" | "git" | "auth" | "system";

export type SpanState = "starting" | "working" | "idle" | "waiting" | "unknown" | "away";

/**
 * `POST /api/sessions`
 */
export type StartSession = { provider: string, 
/**
 * Absolute, or starting with `~/`.
 */
dir: string, name?: string | null, 
/**
 * The agent's first prompt.
 */
prompt?: string | null, size?: Size | null, 
/**
 * Default: `subscription`, for providers with billing modes.
 */
billing?: Billing | null, 
/**
 * The model for this session; the agent's settings do not change.
 */
model?: string | null, args?: Array<string>, 
/**
 * Env sets to add to the environment; later ones take precedence.
 */
env_sets?: Array<string>, 
/**
 * Create a worktree for the session, from the repository that contains `dir`.
 */
worktree?: NewWorktree | null, 
/**
 * Let the agent act without asking for permission.
 */
dangerous?: boolean, 
/**
 * The caller's `PATH`, for the program and for finding it. Default: the daemon's. `surroundings` take
 * precedence.
 */
path?: string | null, 
/**
 * Default: the daemon's.
 */
surroundings?: Surroundings | null, };

export type StateSpan = { from: string, 
/**
 * `null`: until now.
 */
to: string | null, state: SpanState, waiting_for: WaitingFor | null, };

export type Status = "starting" | "running" | "stopped" | "crashed";

/**
 * What a program said last about one part of its work. These are its own words.
 */
export type StatusRecord = { 
/**
 * `null`: the program itself.
 */
id: string | null, state: ProgramState, 
/**
 * What it needs, if it is blocked and says so.
 */
kind: BlockedKind | null, 
/**
 * In percent.
 */
progress: number | null, 
/**
 * Its own name, or that of the record above it.
 */
app: string | null, title: string | null, message: string | null, source: StatusSource, at: string, };

/**
 * `POST /api/sessions/{ref}/status`: a report of a program in the session. It replaces the record with its `id`.
 */
export type StatusReport = { 
/**
 * `null` removes the record, and those below it; without an `id`, all records.
 */
state?: ProgramState | null, 
/**
 * Which part of the work: a path such as `deploy/eu-west`. Default: the program itself.
 */
id?: string | null, 
/**
 * Only with `blocked`.
 */
kind?: BlockedKind | null, 
/**
 * In percent; only with `working` and `blocked`.
 */
progress?: number | null, 
/**
 * A name for the program: letters, digits, `_.+-`, up to 32.
 */
app?: string | null, 
/**
 * One line, up to 192 bytes.
 */
title?: string | null, 
/**
 * One line, up to 2,048 bytes.
 */
message?: string | null, };

/**
 * How a report came.
 */
export type StatusSource = "terminal" | "command";

/**
 * `POST /api/daemon/stop`
 */
export type StopDaemon = { 
/**
 * Also kill every session and the tmux server.
 */
kill_sessions: boolean, };

/**
 * What a program inherits from whoever starts or resumes it.
 */
export type Surroundings = { 
/**
 * Variables; those that are not taken from a caller are ignored. A byte that is not UTF-8 is encoded as the character
 * U+10F700 plus the byte.
 */
env?: { [key in string]: string }, umask?: number | null, };

/**
 * `POST /api/sessions/{ref}/model`: switches the model from the agent's next request, for this session only.
 */
export type SwitchModel = { 
/**
 * A name from the agent's own list, a value that its `--model` accepts, in upper or lower case, or a unique prefix.
 */
model: string, };

/**
 * `POST /api/notifications/test`: the device that asks gets a notification; from the command line, all do.
 */
export type TestNotification = { 
/**
 * At most 60.
 */
delay_seconds: number, };

/**
 * `POST /api/policies/test`: what would happen?
 */
export type TestPolicy = { 
/**
 * A shell command, unless `tool` and `input` are given.
 */
command?: string | null, tool?: string | null, input: unknown, 
/**
 * As if it ran in this session; otherwise, as if it ran in a session in `cwd`.
 */
session?: string | null, cwd?: string | null, 
/**
 * Only this policy, as if it were saved.
 */
text?: string | null, };

export type Timeline = { session: SessionId, 
/**
 * Oldest first; each starts where the previous one ends. There is none while the session is not running, or
 * if its state is not known.
 */
states: Array<StateSpan>, 
/**
 * Oldest first.
 */
markers: Array<Marker>, 
/**
 * How much a shell printed lately: its states say little. `null` for agents.
 */
printed: Density | null, };

export type TmuxStatus = { connected: boolean, version: string, socket: string, server_pid: number | null, };

export type ToolCall = { 
/**
 * The provider's id of the call.
 */
id: string, name: string, 
/**
 * What the call is about, on one line: a command, a file, a pattern.
 */
target: string | null, 
/**
 * The complete input: the command, or JSON.
 */
input: string, edits: Array<Edit>, 
/**
 * The subagent that works on the call.
 */
agent: string | null, 
/**
 * `null` while the call is running, and if it was interrupted.
 */
result: ToolResult | null, };

export type ToolResult = { at: string | null, text: string, 
/**
 * The call was refused or failed.
 */
failed: boolean, 
/**
 * `GET /api/sessions/{ref}/conversation/images/{image}`.
 */
images: Array<string>, 
/**
 * The number of lines of the complete text.
 */
lines: number, };

/**
 * An authenticator that is not confirmed yet.
 */
export type TotpChange = { 
/**
 * Identifies the change in [`ConfirmTotp`]. Secret; expires after 30 minutes.
 */
token: string, totp: TotpSecret, };

/**
 * What an authenticator needs.
 */
export type TotpSecret = { 
/**
 * Base32, for typing.
 */
secret: string, 
/**
 * `otpauth://totp/…`
 */
uri: string, 
/**
 * The same as a QR code: an `<svg>` element, dark modules on a light ground.
 */
qr_svg: string, };

export type UnreadableCommand = { at: number, why: string, };

/**
 * A base that a session should have and has not.
 */
export type Unrecorded = { 
/**
 * `start`, or `turn-` and when the prompt was submitted, in ms since 1970.
 */
base: string, why: string, };

/**
 * The query of `POST /api/sessions/{ref}/files`, whose body is the file.
 */
export type UploadFile = { 
/**
 * What the file is called. It is kept under a name like this one.
 */
name: string, };

/**
 * The answer to `POST /api/sessions/{ref}/files`.
 */
export type UploadedFile = { bytes: number, 
/**
 * The path for the program.
 */
path: string, };

/**
 * Tokens.
 */
export type Usage = { 
/**
 * All input tokens, including those read from or written to the cache.
 */
input: number, 
/**
 * Input tokens read from the cache.
 */
cached: number, 
/**
 * Input tokens written to the cache.
 */
cache_written: number, 
/**
 * All output tokens, including reasoning.
 */
output: number, };

/**
 * A usage limit that an agent has reached.
 */
export type UsageLimit = { 
/**
 * `five_hour`, `seven_day` or another name that the agent uses, if it says.
 */
window: string | null, 
/**
 * If the agent says.
 */
resets_at: string | null, 
/**
 * When the agent reached it.
 */
at: string, };

export type Verdict = "fine" | "warning" | "broken";

/**
 * What a waiting program needs from a person.
 */
export type WaitingFor = "permission" | "question" | "plan" | "elicitation" | "trust" | "dialog" | "sign_in" | "usage_limit" | "attention";

/**
 * Why a file can only be staged and discarded as a whole, or not here at all.
 */
export type WholeFile = "binary" | "too_large" | "symlink" | "submodule" | "filter" | "conflicted";

/**
 * What of a rule holds where the hook does not run.
 */
export type WithoutHook = "yes" | "partly" | "no";

/**
 * The worktree of a session, as it was created.
 */
export type Worktree = { 
/**
 * Its root.
 */
path: string, 
/**
 * The root of the work tree it was created from, or the directory of a bare repository.
 */
repository: string, branch: string, 
/**
 * Where its new branch started; `null` for an existing branch.
 */
base: string | null, 
/**
 * The number of uncommitted files in `repository`, which are not in the worktree.
 */
uncommitted: number, 
/**
 * Ignored files and directories in `repository`, up to [`MAX_NAMED_FILES`], which are not in the worktree.
 */
ignored: Array<string>, 
/**
 * Submodules, which are empty in the worktree.
 */
submodules: Array<string>, };

/**
 * What was merged.
 */
export type WorktreeMerged = { 
/**
 * The branch of the worktree.
 */
branch: string, into: string, 
/**
 * The commit that `into` is at now.
 */
commit: string, 
/**
 * How many commits were merged; 0: `into` already had them all.
 */
commits: number, 
/**
 * No commit was made: `into` has only moved forward.
 */
fast_forward: boolean, };

/**
 * The result of the removal.
 */
export type WorktreeRemoved = { path: string, 
/**
 * The branch that was kept; `null` if it was removed or there was none.
 */
kept_branch: string | null, };

/**
 * An entry of `GET /api/worktrees`: the worktree of a session, as it is now.
 */
export type WorktreeState = { 
/**
 * Two words separated by `/`.
 */
id: string, path: string, repository: string | null, 
/**
 * `null`: no branch is checked out.
 */
branch: string | null, 
/**
 * The branch that it is merged into if no other one is named: the one that is checked out in the repository.
 */
into: string | null, 
/**
 * The number of commits that `into` does not have.
 */
ahead: number | null, 
/**
 * The number of commits that only `into` has.
 */
behind: number | null, 
/**
 * Whether its branch stays when the worktree is removed.
 */
keeps_branch: boolean, 
/**
 * Its size on disk, in bytes.
 */
bytes: number, 
/**
 * The number of uncommitted files, including untracked ones.
 */
uncommitted: number, 
/**
 * The number of ignored files and directories.
 */
ignored: number, 
/**
 * The number of commits that are on no other branch, remote branch or tag.
 */
unpushed: number, 
/**
 * Why git cannot read it.
 */
problem: string | null, 
/**
 * Sessions that were started in it.
 */
sessions: Array<SessionId>, 
/**
 * Whether one of them is running.
 */
in_use: boolean, };

/**
 * `POST /api/policies/write`
 */
export type WritePolicy = { form: PolicyForm, 
/**
 * The text that the form was read from.
 */
text: string, };

/**
 * The text that a form stands for.
 */
export type WrittenPolicy = { text: string, 
/**
 * Comments of the earlier text that are not in this one.
 */
lost: Array<PolicyNote>, 
/**
 * What would be said of the text if it were saved.
 */
info: PolicyInfo, };
