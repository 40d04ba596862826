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
export const SHORTEST_PASSWORD = 10;
export const MAX_EVENTS = 10000;
export const MAX_ENV_VALUE = 65536;
export const MAX_ENTRIES = 500;
export const LONGEST_TEXT = 4194304;
export const PROTOCOL_HEADER = "codepiper-protocol";
export const SECRET_HEADER = "codepiper-secret";

/**
 * What a running program is doing, as far as there is evidence.
 */
export type Activity = "working" | "idle" | "waiting" | "unknown";

/**
 * `GET /api/sessions/{ref}/attach`: what a native tmux client needs.
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

export type AuthStage = "setup" | "signed_out" | "signed_in" | "closed";

/**
 * `GET /api/auth`: what a page shows first. Anybody may ask.
 */
export type AuthStatus = { stage: AuthStage, 
/**
 * Who asks, while `stage` is `signed_in`.
 */
login: Login | null, 
/**
 * While `stage` is `setup`: somebody began it; a second one takes it over.
 */
setup_under_way: boolean, 
/**
 * While `stage` is `closed`: why, and what to do.
 */
detail: string | null, 
/**
 * Letters that a password has at least.
 */
shortest_password: number, version: string, protocol: number, };

/**
 * Where a subscription begins.
 */
export type Begin = "live" | "start" | { "cursor": Cursor } | { "lines": number } | { "since": number };

/**
 * `POST /api/auth/setup`: the first step. Nothing is kept before the last one.
 */
export type BeginSetup = { 
/**
 * The one-time password that the daemon printed, or `codepiper auth bootstrap`.
 */
bootstrap: string, 
/**
 * The password that people will sign in with.
 */
password: string, 
/**
 * End the set-up that another browser began.
 */
take_over?: boolean, };

/**
 * Who pays for what an agent uses.
 */
export type Billing = "subscription" | "api";

/**
 * Who did something.
 */
export type By = { "login": LoginId } | { "process": Process };

/**
 * `PATCH /api/env-sets/{name}`: all of it, or nothing.
 */
export type ChangeEnvSet = { 
/**
 * Adds variables, or replaces their values.
 */
set?: { [key in string]: EnvValue }, 
/**
 * Takes these away.
 */
unset?: Array<string>, };

/**
 * `POST /api/auth/password`: ends all other logins.
 */
export type ChangePassword = { current: string, new: string, };

/**
 * One entry of `GET /api/doctor`, and of `codepiper doctor` without a daemon.
 */
export type Check = { name: string, verdict: Verdict, 
/**
 * What was found and, unless it is fine, what to do.
 */
detail: string, };

/**
 * The query of `GET /api/directories`.
 */
export type CheckDirectory = { 
/**
 * Absolute, or beginning with `~/`: what was typed so far.
 */
path: string, };

export type ClientMessage = { "type": "authenticate", 
/**
 * [`super::auth::SignedIn::secret`].
 */
secret: string, } | { "type": "subscribe", 
/**
 * Chosen by the client; comes back in the answer.
 */
request: number, 
/**
 * An id, a unique prefix of one, or a name.
 */
session: string, from?: Begin, delivery?: Delivery, 
/**
 * The session's events too, each at its place in the output: those with a greater `seq`, and
 * none from before the output begins.
 */
events?: number | null, } | { "type": "unsubscribe", channel: number, } | { "type": "ack", channel: number, offset: number, } | { "type": "events", session?: SessionId, after?: number, } | { "type": "conversation", session: SessionId | null, } | { "type": "sessions", } | { "type": "ping", };

/**
 * What kind of error it is: stable, for programs.
 */
export type Code = "invalid" | "not_found" | "ambiguous" | "refused" | "session_ended" | "session_live" | "in_use" | "name_taken" | "unsaved_work" | "launch_failed" | "busy" | "not_taken" | "too_large" | "protocol_mismatch" | "tmux" | "timeout" | "signed_out" | "wrong_credentials" | "too_many_tries" | "not_set_up" | "already_set_up" | "setup_under_way" | "expired" | "web_closed" | "no_image" | "method_not_allowed" | "internal";

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
 * The answer to `GET /api/sessions/{ref}/conversation`.
 */
export type Conversation = { 
/**
 * The provider's id of it; `null` while there is none.
 */
id: string | null, 
/**
 * Another number: the entries that were known are no longer these.
 */
generation: number, 
/**
 * Grows with every change.
 */
revision: number, 
/**
 * So many entries there are.
 */
total: number, usage: Usage, 
/**
 * The one that answered last.
 */
model: string | null, 
/**
 * Lines of the transcript that are longer than what is read, or no JSON.
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
 * Letters, digits, `.`, `_` and `-`, at most [`MAX_ENV_SET_NAME`]; a letter or a digit first.
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
 * Where the dashboard is, if it is served.
 */
web: string | null, tmux: TmuxStatus, sessions: SessionCounts, };

/**
 * What happens when the reader is slower than the program.
 */
export type Delivery = "latest" | "every";

/**
 * The answer to [`CheckDirectory`].
 */
export type Directory = { 
/**
 * Absolute: what `StartSession::dir` takes.
 */
path: string, verdict: DirectoryVerdict, 
/**
 * One sentence when it cannot be used.
 */
detail: string | null, 
/**
 * A directory with nearly this name, when there is none of this one.
 */
suggestion: string | null, git: GitDirectory | null, 
/**
 * Sub-directories that what was typed can become, sorted. Hidden ones only for who types the dot.
 */
completions: Array<string>, 
/**
 * There are more completions than these.
 */
more_completions: boolean, 
/**
 * The home directory, which `~` stands for.
 */
home: string, };

export type DirectoryVerdict = "usable" | "missing" | "not_a_directory" | "forbidden" | "relative";

/**
 * A file that was changed.
 */
export type Edit = { path: string, added: number, removed: number, hunks: Array<Hunk>, };

/**
 * `POST /api/sessions/{ref}/stop`, `/kill` and `/resume`
 */
export type EndSession = { 
/**
 * Answer when it is done (default), or as soon as it is under way.
 */
no_wait?: boolean, };

export type Entry = { number: number, at: string | null, 
/**
 * The revision that it changed in last.
 */
revision: number, 
/**
 * A text of it was longer than asked for, and is cut.
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
 * Why nothing can be started with it, and what to do.
 */
problem: string | null, 
/**
 * Sessions whose launch record names it, ended ones too.
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
 * What the values are encrypted with. Without it they are lost.
 */
key_file: string, };

/**
 * A value that no message, log or answer shows.
 */
export type EnvValue = string;

export type EnvVariable = { name: string, 
/**
 * The bytes of its value.
 */
length: number, changed_at: string, };

/**
 * One event. On the wire: `{seq, at, session, source, kind, data}`.
 */
export type Event = { 
/**
 * Grows with each event, by one as a rule, over all daemons.
 */
seq: number, at: string, session: SessionId | null, source: Source, } & ({ "kind": "session.created", "data": { provider: string, name: string | null, cwd: string, } } | { "kind": "session.started", "data": { pid: number, resumed: boolean, } } | { "kind": "session.adopted", "data": { pid: number | null, } } | { "kind": "session.stop_requested", "data": { kill: boolean, } } | { "kind": "session.ended", "data": { exit: Exit | null, cursor: Cursor, } } | { "kind": "session.renamed", "data": { name: string | null, } } | { "kind": "session.removed", "data": Record<symbol, never> } | { "kind": "session.activity_changed", "data": { activity: Activity, waiting_for: WaitingFor | null, 
/**
 * What it rests on.
 */
proof?: Proof, } } | { "kind": "session.model_switched", "data": { model: string, } } | { "kind": "terminal.resized", "data": { size: Size, cursor: Cursor, } } | { "kind": "terminal.gap_recorded", "data": { cursor: Cursor, reason: GapReason, lost: Lost, } } | { "kind": "terminal.bell_rang", "data": { cursor: Cursor, } } | { "kind": "terminal.notified", "data": { title: string | null, text: string, } } | { "kind": "terminal.client_attached", "data": { clients: number, } } | { "kind": "terminal.client_detached", "data": { clients: number, } } | { "kind": "input.sent", "data": { bytes: number, enter: boolean, cursor: Cursor, } } | { "kind": "input.queued", "data": { bytes: number, queued: number, } } | { "kind": "input.dropped", "data": { texts: number, reason: string, } } | { "kind": "hook.session_started", "data": Hook } | { "kind": "hook.prompt_submitted", "data": Hook } | { "kind": "hook.tool_announced", "data": Hook } | { "kind": "hook.permission_requested", "data": Hook } | { "kind": "hook.tool_used", "data": Hook } | { "kind": "hook.tool_failed", "data": Hook } | { "kind": "hook.notified", "data": Hook } | { "kind": "hook.turn_ended", "data": Hook } | { "kind": "hook.turn_failed", "data": Hook } | { "kind": "hook.subagent_started", "data": Hook } | { "kind": "hook.subagent_ended", "data": Hook } | { "kind": "hook.compaction_announced", "data": Hook } | { "kind": "hook.compacted", "data": Hook } | { "kind": "hook.interrupted", "data": Hook } | { "kind": "hook.session_ended", "data": Hook } | { "kind": "hook.received", "data": Hook } | { "kind": "transcript.conversation_changed", "data": { place: Place, 
/**
 * What it says from before is not the session's own: it was said in one that this one continues.
 */
since: string, } } | { "kind": "transcript.turn_ended", "data": { place: Place, usage: Usage, model: string | null, duration_ms: number | null, } } | { "kind": "transcript.interrupted", "data": { place: Place, usage: Usage, } } | { "kind": "transcript.api_failed", "data": { place: Place, text: string, } } | { "kind": "transcript.compacted", "data": { place: Place, automatic: boolean | null, } } | { "kind": "auth.agent_refused", "data": { pid: number, request: string, } } | { "kind": "auth.shim_refused", "data": { pid: number, reason: string, } } | { "kind": "auth.set_up", "data": { device?: string, address?: string, } } | { "kind": "auth.signed_in", "data": { login: LoginId, device: string, address: string | null, } } | { "kind": "auth.sign_in_failed", "data": { device: string, address: string | null, } } | { "kind": "auth.logins_ended", "data": { logins: number, by?: By, } } | { "kind": "auth.password_changed", "data": { login: LoginId | null, by?: By, } } | { "kind": "auth.mfa_changed", "data": { login: LoginId | null, by?: By, } } | { "kind": "auth.recovery_codes_made", "data": { by?: By, } } | { "kind": "system.daemon_started", "data": { version: string, } } | { "kind": "system.daemon_stopping", "data": Record<symbol, never> } | { "kind": "system.tmux_connected", "data": { version: string, server_pid: number, } } | { "kind": "system.tmux_lost", "data": { reason: string, server_gone: boolean, } } | { "kind": "journal.damaged", "data": { generation: number, what: string, kept: string | null, lost_bytes: number, lost_marks: number, } } | { "kind": "journal.paused", "data": Record<symbol, never> } | { "kind": "journal.resumed", "data": { dropped_bytes: number, } } | { "kind": "journal.writer_replaced", "data": Record<symbol, never> } | { "kind": "journal.failed", "data": { what: string, } });

/**
 * One thing that proved something about a session's state.
 */
export type Evidence = { at: string, source: EvidenceSource, 
/**
 * What was seen, in words.
 */
what: string, 
/**
 * What it made of the state, e.g. `running, working`; empty when it changed nothing.
 */
state: string, };

/**
 * Where evidence comes from, strongest first.
 */
export type EvidenceSource = "life_cycle" | "hook" | "transcript" | "report" | "screen" | "silence";

/**
 * How a session ended.
 */
export type Exit = { 
/**
 * The program's exit status, when it ended by itself.
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
 * Oldest first; the last of a kind is what the state rests on.
 */
evidence: Array<Evidence>, };

/**
 * `POST /api/auth/setup/finish`: the recovery codes are kept. Answers with [`SignedIn`].
 */
export type FinishSetup = { token: string, };

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
 * The `seq` of the newest event of all: what is subscribed to after it misses nothing.
 */
last: number, 
/**
 * Why older events, which are kept, cannot be read at the moment.
 */
unreadable?: string, };

export type GapReason = "evicted" | "unreadable" | "daemon_away" | "paused" | "behind";

/**
 * The work tree that a directory lies in.
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
 * Files that differ from the last commit, untracked ones too; `null` when counting takes too long.
 */
changed: number | null, };

/**
 * What a provider's hook said.
 */
export type Hook = { 
/**
 * The provider's own name of the event, e.g. `PreToolUse`.
 */
event: string, 
/**
 * As the provider sent it.
 */
payload: unknown, };

export type Hunk = { 
/**
 * The number of the first line, before and after; `null` when the transcript does not tell it.
 */
old_start: number | null, new_start: number | null, 
/**
 * Each begins with a blank, `-` or `+`.
 */
lines: Array<string>, };

/**
 * What becomes of a text for an agent that is busy. Programs that are no agents get every text at once.
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
 * Where the agent finds it.
 */
path: string, };

/**
 * What the content is; names and declared types do not count.
 */
export type ImageKind = "png" | "jpeg" | "gif" | "webp";

export type KeyframeReason = "begin" | "resize" | "behind" | "discontinuity" | "healed" | "launch";

/**
 * The query of `GET /api/events`.
 */
export type ListEvents = { session?: SessionId | null, source?: Source | null, 
/**
 * A kind like `session.ended`, or the beginning of kinds up to a dot like `session`.
 */
kind?: string | null, 
/**
 * Milliseconds since 1970.
 */
since?: number | null, 
/**
 * Events with a smaller `seq`: older ones than those that are known.
 */
before?: number | null, 
/**
 * So many of the newest.
 */
limit?: number, };

/**
 * One entry of `GET /api/auth/logins`. `DELETE /api/auth/logins/{id}` ends one,
 * `DELETE /api/auth/logins` all but the one that asks.
 */
export type Login = { id: LoginId, 
/**
 * The browser and its system, e.g. `Firefox on Linux`.
 */
device: string, 
/**
 * Where the last request came from.
 */
address: string | null, created_at: string, 
/**
 * When it was used last, to the minute.
 */
seen_at: string, 
/**
 * How many WebSockets it has open.
 */
open: number, 
/**
 * It is the one that asks.
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

export type Marker = { at: string, kind: MarkerKind, 
/**
 * A few words: the prompt, the tool, the sizes.
 */
text: string | null, 
/**
 * The event that it is made from.
 */
seq: number, 
/**
 * Where in the output it happened, where the event says so. Otherwise ask for the output `at` it.
 */
cursor: Cursor | null, };

export type MarkerKind = "started" | "stopped" | "crashed" | "prompt" | "permission" | "question" | "turn_ended" | "notification" | "resized" | "gap";

/**
 * A worktree of its own for a new session, on a branch of its own or on one that is there.
 */
export type NewWorktree = { 
/**
 * A local branch that is there, and checked out nowhere.
 */
branch?: string | null, 
/**
 * The name of a new branch. Default, without `branch`: `codepiper/` and the session's short id.
 */
create_branch?: string | null, 
/**
 * The commit that a new branch begins at: a branch, a tag, a commit. Default: what is checked out in
 * the directory.
 */
base?: string | null, };

export type OutputPart = { "type": "begin", cursor: Cursor, 
/**
 * Nothing older is kept.
 */
oldest: boolean, } | { "type": "keyframe", cursor: Cursor, size: Size, reason: KeyframeReason, } | { "type": "time", cursor: Cursor, at: string, } | { "type": "gap", cursor: Cursor, reason: GapReason, lost: Lost, } | { "type": "ended", cursor: Cursor, exit: Exit | null, } | { "type": "end", cursor: Cursor, };

/**
 * A place in a transcript: everything before it was told. The last event of a session carries where the
 * next daemon goes on.
 */
export type Place = { 
/**
 * The provider's id of the conversation.
 */
conversation: string, 
/**
 * In bytes, behind a line.
 */
offset: number, 
/**
 * Of all that lies before it, FNV-1a with 64 bits, in hex.
 */
hash: string, };

/**
 * An error of the API. `detail` says what failed, on which thing, and what to do next.
 */
export type Problem = { code: Code, 
/**
 * The HTTP status.
 */
status: number, title: string, detail: string, 
/**
 * Seconds until it may be tried again.
 */
retry_after?: number, 
/**
 * Tries that are left until one has to wait.
 */
tries_left?: number, };

/**
 * A process that connected to the daemon's socket, as it was then.
 */
export type Process = { pid: number, 
/**
 * Its name and those of its parents, nearest first: `codepiper < bash < sshd`.
 */
names: string, };

/**
 * What proved a state.
 */
export type Proof = { source: EvidenceSource, 
/**
 * In words.
 */
what: string, };

/**
 * One entry of `GET /api/providers`.
 */
export type Provider = { name: string, description: string, 
/**
 * The program it starts.
 */
program: string, 
/**
 * Where the program was found, with the daemon's `PATH`.
 */
found: string | null, 
/**
 * How `resume` continues a session.
 */
resume: string, 
/**
 * It keeps a transcript: its sessions have a conversation.
 */
transcripts: boolean, 
/**
 * Who may pay for it; empty when it makes no difference.
 */
billing: Array<Billing>, };

/**
 * The query of `GET /api/sessions/{ref}/conversation`.
 */
export type ReadConversation = { 
/**
 * Entries with a smaller number.
 */
before?: number | null, 
/**
 * Entries with a greater number; the oldest of them, not the newest.
 */
after?: number | null, 
/**
 * Entries that changed in a later revision than this one.
 */
changed_after?: number | null, 
/**
 * So many of the newest.
 */
limit?: number, 
/**
 * Longer texts are cut, in bytes; see [`Entry::cut`].
 */
longest?: number, 
/**
 * The conversation of a sub-agent: [`ToolCall::agent`].
 */
agent?: string | null, };

/**
 * The query of `GET /api/sessions/{ref}/output`.
 */
export type ReadOutput = { 
/**
 * Output before this place. Default: before its end.
 */
before?: Cursor | null, 
/**
 * Or output until this moment, to the second; in milliseconds since 1970.
 */
at?: number | null, 
/**
 * At least so many bytes of it, as far as they are kept.
 */
bytes?: number, };

/**
 * The query of `GET /api/sessions/{ref}/timeline` and of `GET /api/timelines`, which answers with the
 * timelines of all sessions, without markers.
 */
export type ReadTimeline = { 
/**
 * Milliseconds since 1970. Default: since the session began.
 */
since?: number | null, };

/**
 * `POST /api/auth/totp`, answered by [`TotpChange`]: the old authenticator counts until the new one is
 * confirmed. `POST /api/auth/recovery-codes`, answered by [`RecoveryCodes`]: the old ones are void.
 */
export type Reauthenticate = { password: string, 
/**
 * Six digits, or a recovery code.
 */
code: string, };

/**
 * How far input is proven to have come.
 */
export type Receipt = "queued" | "written" | "echoed" | "submitted" | "turn_started";

/**
 * Each opens the door once, in the place of a code. They are shown this one time.
 */
export type RecoveryCodes = { codes: Array<string>, };

/**
 * The query of `DELETE /api/worktrees/{id}`.
 */
export type RemoveWorktree = { 
/**
 * Delete what git ignores in it, too: build output, but also an `.env`.
 */
ignored?: boolean, };

/**
 * `PATCH /api/sessions/{ref}`
 */
export type RenameSession = { 
/**
 * `null` takes the name away.
 */
name: string | null, };

/**
 * `POST /api/sessions/{ref}/resume`
 */
export type ResumeSession = { 
/**
 * Answer when it is done (default), or as soon as it is under way.
 */
no_wait?: boolean, 
/**
 * Default: those of the time before.
 */
surroundings?: Surroundings | null, };

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
 * Images that were uploaded for this session: their ids with commas between. They come before the
 * text, the way the provider takes them.
 */
images?: string | null, 
/**
 * What becomes of a text with Enter for an agent that works, waits for a person, or has somebody's draft in
 * its composer. Default: `queue` while it works, otherwise `refuse`.
 */
if_busy?: IfBusy | null, 
/**
 * Refuse a text that the agent may take for anything but a prompt: a command of its own, a part of a draft, an
 * answer. Needs `enter`.
 */
plain?: boolean, };

/**
 * `POST /api/sessions/{ref}/resize` takes a [`crate::Size`].
 *
 * What is known about input that was sent.
 */
export type Sent = { 
/**
 * The end of the output before the text was written: `wait --from` this misses nothing.
 */
cursor: Cursor, receipt: Receipt, 
/**
 * Something the sender should know, e.g. that the terminal cuts long lines.
 */
warning?: string | null, };

export type ServerMessage = { "type": "hello", protocol: number, version: string, } | { "type": "subscribed", request: number, channel: number, 
/**
 * The offset of the next output byte, unless a keyframe or gap comes first.
 */
cursor: Cursor, size: Size, session: Session, } | { "type": "keyframe", channel: number, cursor: Cursor, size: Size, reason: KeyframeReason, } | { "type": "gap", channel: number, cursor: Cursor, reason: GapReason, lost: Lost, } | { "type": "caught_up", channel: number, cursor: Cursor, } | { "type": "ended", channel: number, cursor: Cursor, exit: Exit | null, } | { "type": "session", channel: number, session: Session, } | { "type": "event", event: Event, } | { "type": "sessions", sessions: Array<Session>, } | { "type": "session_changed", session: Session, } | { "type": "session_removed", id: SessionId, } | { "type": "conversation_changed", session: SessionId, } | { "type": "pong", } | { "type": "error", request: number | null, problem: Problem, };

/**
 * One session, as every surface shows it.
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
 * `null` while it runs, or when nobody can know.
 */
exit: Exit | null, size: Size, 
/**
 * Who chose the size with `fit`, until they give it back.
 */
lease: SizeLease | null, 
/**
 * Who pays for it; `null` for a provider that knows no difference.
 */
billing: Billing | null, 
/**
 * The env sets whose variables its program gets; a later one counts before an earlier one.
 */
env_sets: Array<string>, 
/**
 * Its program asks for no permission.
 */
dangerous: boolean, 
/**
 * The worktree that was made for it.
 */
worktree: Worktree | null, 
/**
 * The model that it was told to use, or says that it uses.
 */
model: string | null, 
/**
 * What the program set as its window's title.
 */
title: string | null, 
/**
 * The process group of the program, while it runs.
 */
pid: number | null, 
/**
 * How many people are attached natively.
 */
attached: number, 
/**
 * How many texts wait until the agent has nothing to do.
 */
queued: number, 
/**
 * The end of the output so far.
 */
cursor: Cursor, created_at: string, 
/**
 * When its program was started last.
 */
started_at: string, 
/**
 * Since when `status`, `activity` and `waiting_for` are as they are, as far as the daemon knows.
 */
state_since: string, updated_at: string, };

export type SessionCounts = { live: number, ended: number, 
/**
 * Sessions whose launch record cannot be read: they are left alone. Missing when there are none.
 */
unreadable?: number, };

/**
 * A session's id: a random UUID (v4). People see and type its first 8 hex digits.
 */
export type SessionId = string;

/**
 * The answer to [`BeginSetup`].
 */
export type SetupBegun = { 
/**
 * Names this set-up in the steps that follow. A secret; ends after half an hour.
 */
token: string, totp: TotpSecret, };

/**
 * `POST /api/auth/sign-in`
 */
export type SignIn = { password: string, 
/**
 * Six digits, or a recovery code.
 */
code: string, };

/**
 * The answer to [`SignIn`] and [`FinishSetup`]; the cookies come with it.
 */
export type SignedIn = { 
/**
 * Goes with every request: see [`SECRET_HEADER`].
 */
secret: string, login: Login, recovery_codes_left: number, };

/**
 * The size of a terminal in cells. tmux takes 1 to 10,000 each way (`WINDOW_MAXIMUM` in tmux.h);
 * we take 2 to 1,000, since a grid larger than that is a mistake and costs memory for every cell.
 */
export type Size = { cols: number, rows: number, };

/**
 * Who chose a session's size. `POST /api/sessions/{ref}/fit` takes a [`Size`] and the lease;
 * `DELETE` gives it back, and the size with it.
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
 * The size to go back to.
 */
size_before: Size, };

export type Source = "hook" | "transcript" | "terminal" | "session" | "policy" | "input" | "git" | "auth" | "system";

export type SpanState = "starting" | "working" | "idle" | "waiting" | "unknown" | "away";

/**
 * `POST /api/sessions`
 */
export type StartSession = { provider: string, 
/**
 * Absolute, or beginning with `~/`.
 */
dir: string, name?: string | null, 
/**
 * Given to the agent as its first prompt.
 */
prompt?: string | null, size?: Size | null, 
/**
 * Default: `subscription`, for providers that know the difference.
 */
billing?: Billing | null, 
/**
 * The model for this session; later ones and the agent's own settings are left alone.
 */
model?: string | null, args?: Array<string>, 
/**
 * Env sets whose variables the program gets; a later one counts before an earlier one.
 */
env_sets?: Array<string>, 
/**
 * Works in a worktree of its own, made from the repository that `dir` lies in.
 */
worktree?: NewWorktree | null, 
/**
 * Asks for no permission.
 */
dangerous?: boolean, 
/**
 * The caller's `PATH`: the provider's program is looked up in it, and the program gets it.
 * Default: the daemon's. What stands in `surroundings` counts before it.
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
 * `POST /api/daemon/stop`
 */
export type StopDaemon = { 
/**
 * Kill every session first, and the tmux server with them.
 */
kill_sessions: boolean, };

/**
 * What a program gets from whoever starts or resumes it.
 */
export type Surroundings = { 
/**
 * Variables; those that the rule does not take from a caller are passed over. A byte that is no UTF-8 is the character
 * U+10F700 and the byte.
 */
env?: { [key in string]: string }, umask?: number | null, };

/**
 * `POST /api/sessions/{ref}/model`: another model from the agent's next request on, for this session alone.
 */
export type SwitchModel = { 
/**
 * As the agent's own list calls it or `--model` knows it, in any case, or a beginning that fits only one.
 */
model: string, };

export type Timeline = { session: SessionId, 
/**
 * Oldest first; each begins where the one before ends. While a session does not run, or nobody
 * knows, there is none.
 */
states: Array<StateSpan>, 
/**
 * Oldest first.
 */
markers: Array<Marker>, };

export type TmuxStatus = { connected: boolean, version: string, socket: string, server_pid: number | null, };

export type ToolCall = { 
/**
 * The provider's id of the call.
 */
id: string, name: string, 
/**
 * What it is about in one line: a command, a file, a pattern.
 */
target: string | null, 
/**
 * All that it was given: the whole command, or JSON.
 */
input: string, edits: Array<Edit>, 
/**
 * The sub-agent that works on it.
 */
agent: string | null, 
/**
 * `null` while it runs, and for ever when it was interrupted.
 */
result: ToolResult | null, };

export type ToolResult = { at: string | null, text: string, 
/**
 * It was refused, or ended with an error.
 */
failed: boolean, 
/**
 * `GET /api/sessions/{ref}/conversation/images/{image}`.
 */
images: Array<string>, 
/**
 * Lines of the whole text.
 */
lines: number, };

/**
 * An authenticator that is not confirmed yet.
 */
export type TotpChange = { 
/**
 * Names the change in [`ConfirmTotp`]. A secret; ends after half an hour.
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

/**
 * Tokens.
 */
export type Usage = { 
/**
 * All that went in, with what came from the cache or was written to it.
 */
input: number, 
/**
 * Of these, read from the cache.
 */
cached: number, 
/**
 * Of these, written to the cache.
 */
cache_written: number, 
/**
 * All that came out, with what was thought.
 */
output: number, };

export type Verdict = "fine" | "warning" | "broken";

export type WaitingFor = "permission" | "question";

/**
 * The worktree that a session was started in, as it was made.
 */
export type Worktree = { 
/**
 * Its root.
 */
path: string, 
/**
 * The root of the work tree that it was made from; of a bare repository, its directory.
 */
repository: string, branch: string, 
/**
 * What its new branch began at; `null` on a branch that was there.
 */
base: string | null, 
/**
 * Files that were changed and not committed in `repository`; they are not in the worktree.
 */
uncommitted: number, 
/**
 * Files and directories that git ignores in `repository`, at most [`MAX_NAMED_FILES`]; they are not in
 * the worktree.
 */
ignored: Array<string>, 
/**
 * Submodules, which are empty in the worktree.
 */
submodules: Array<string>, };

/**
 * What became of the branch.
 */
export type WorktreeRemoved = { path: string, 
/**
 * The branch that is still there; `null` when it was removed, or there was none.
 */
kept_branch: string | null, };

/**
 * `GET /api/worktrees`: one that was made for a session, as it is now.
 */
export type WorktreeState = { 
/**
 * Two words with a `/` between.
 */
id: string, path: string, repository: string | null, 
/**
 * `null`: no branch is checked out.
 */
branch: string | null, 
/**
 * What it takes on the disk, in bytes.
 */
bytes: number, 
/**
 * Files with changes that are not committed, untracked ones too.
 */
uncommitted: number, 
/**
 * Files and directories that git ignores.
 */
ignored: number, 
/**
 * Commits that are on no other branch, remote ones and tags included.
 */
unpushed: number, 
/**
 * Why git cannot tell about it.
 */
problem: string | null, 
/**
 * Sessions that were started in it.
 */
sessions: Array<SessionId>, 
/**
 * One of them runs.
 */
in_use: boolean, };
