// What the Git tab shows and does: the daemon's answers, and what was chosen.

import { batch, computed, signal } from "@preact/signals";
import type {
  ChosenFile,
  ChosenLines,
  Comment,
  Discarded,
  DiffHunk,
  DiffLine,
  FileDiff,
  FileLines,
  GitDiff,
  GitStatus,
  Marks,
  Review,
  Sent,
  Session,
} from "../wire";
import { problemOf, request } from "../http";
import "./next_step";
import { toast } from "../toasts";
import { count } from "../words";
import { isHeavy, lineKey, rowsOf, type Item, type Loaded, type Section } from "./rows";

/** What is compared with the files as they are. */
export type Base = "uncommitted" | "head" | "seen" | "start" | "turn" | "merge-base" | `turn-${number}`;

export const BASES: readonly (readonly [Base, string])[] = [
  ["uncommitted", "Uncommitted"],
  // Staged or not.
  ["head", "Since the last commit"],
  ["seen", "Since you looked"],
  ["turn", "Since the last prompt"],
  ["start", "Since the session began"],
  ["merge-base", "On this branch"],
];

const SECTIONS: readonly Section[] = ["conflicted", "staged", "changed", "untracked", "compared"];
/** Files that are loaded at once. */
const AT_ONCE = 4;

export class Model {
  readonly status = signal<GitStatus | null>(null);
  readonly base = signal<Base | null>(null);
  readonly items = signal<readonly Item[]>([]);
  /** How many files there are, if not all are listed. */
  readonly more = signal(0);
  readonly loaded = signal<ReadonlyMap<string, Loaded>>(new Map());
  readonly review = signal<Review>({ comments: [], prompt: "" });
  readonly failed = signal<string | null>(null);
  /** The last change was refused. */
  readonly refused = signal<string | null>(null);
  readonly busy = signal(false);
  /** Not all of the work tree is watched. */
  readonly partial = signal(false);
  readonly split = signal(localStorage.getItem("codepiper.diff") === "split");
  readonly wide = signal(true);
  /** Files that were opened or closed by hand, by key. */
  private readonly opened = signal<ReadonlyMap<string, boolean>>(new Map());
  /** Files that were looked at, by path: their version then. */
  readonly viewed = signal<ReadonlyMap<string, string>>(new Map());
  /** Lines that were chosen, of one file. */
  readonly chosen = signal<{ key: string; lines: ReadonlySet<string>; last: string } | null>(null);
  readonly writing = signal<{ key: string; side: "old" | "new"; from: number; to: number } | null>(null);
  /** The row that keys act on. */
  readonly at = signal<string | null>(null);
  readonly search = signal("");
  readonly undo = signal<Discarded | null>(null);
  private pages = 1;
  private wanted: Item[] = [];
  private running = 0;
  /** Files that are being read, by key. */
  private readonly reading = new Set<string>();
  private asked = 0;
  private stale = false;
  private refreshing = false;

  readonly rows = computed(() =>
    rowsOf(this.shown.value, {
      split: this.split.value && this.wide.value,
      loaded: (item) => this.loaded.value.get(item.key),
      folded: (item) => this.isFolded(item),
      comments: this.review.value.comments,
      writing: this.writing.value,
    }),
  );
  readonly shown = computed(() => {
    const text = this.search.value.toLowerCase();
    return text === ""
      ? this.items.value
      : this.items.value.filter((item) => item.file.path.toLowerCase().includes(text));
  });

  constructor(readonly session: Session) {
    try {
      this.viewed.value = new Map(
        Object.entries(JSON.parse(localStorage.getItem(this.store) ?? "{}") as Record<string, string>),
      );
    } catch {
      // Somebody else's.
    }
  }

  private get store(): string {
    return `codepiper.viewed.${this.session.id}`;
  }

  private path(rest: string, query: Record<string, string | number | null> = {}): string {
    const given = Object.entries(query).filter(([, value]) => value !== null);
    const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
    return `/api/sessions/${this.session.id}/${rest}${text && "?"}${text}`;
  }

  /** Asks anew for everything that is shown. One at a time. */
  async refresh(): Promise<void> {
    if (this.refreshing) {
      this.stale = true;
      return;
    }
    this.refreshing = true;
    try {
      do {
        this.stale = false;
        await this.read();
      } while (this.stale);
    } finally {
      this.refreshing = false;
    }
  }

  private async read(): Promise<void> {
    const asked = ++this.asked;
    try {
      const [status, review] = await Promise.all([
        request<GitStatus>("GET", this.path("git")),
        request<Review>("GET", this.path("review")),
      ]);
      // What opens first: what changed since somebody looked, when somebody did.
      if (this.base.value === null) {
        const opens = (await this.has("seen")) ? "seen" : "uncommitted";
        // Somebody may have chosen meanwhile.
        this.base.value ??= opens;
      }
      const base = this.base.value;
      const items = await this.list(base, status);
      if (asked !== this.asked || base !== this.base.value) return;
      batch(() => {
        this.status.value = status;
        this.review.value = review;
        this.failed.value = null;
        this.take(items);
      });
    } catch (error) {
      this.failed.value = problemOf(error).detail;
    }
  }

  private async has(base: Base): Promise<boolean> {
    return request<GitDiff>("GET", this.path("git/diff", { base, limit: 1 })).then(
      (found) => found.total > 0,
      () => false,
    );
  }

  /** As many pages of a list as were asked for. */
  private async differing(query: Record<string, string>): Promise<GitDiff> {
    const found = await request<GitDiff>("GET", this.path("git/diff", query));
    for (let page = 1; page < this.pages && found.next !== null; page++) {
      const more = await request<GitDiff>("GET", this.path("git/diff", { ...query, from: found.next }));
      found.files.push(...more.files);
      found.next = more.next;
    }
    return found;
  }

  /** Lists more files. */
  listMore(): void {
    this.pages++;
    void this.refresh();
  }

  private async list(base: Base, status: GitStatus): Promise<Item[]> {
    if (base !== "uncommitted") {
      const found = await this.differing({ base });
      this.more.value = found.next === null ? 0 : found.total - found.next;
      return found.files.map((file) => ({ key: `compared ${file.path}`, section: "compared", file, base, to: "work" }));
    }
    const [staged, changed] = await Promise.all([
      this.differing({ base: "head", to: "index" }),
      this.differing({ base: "index", to: "work" }),
    ]);
    const beyond = (found: GitDiff): number => (found.next === null ? 0 : found.total - found.next);
    this.more.value = beyond(staged) + beyond(changed);
    const conflicted = new Set(status.files.filter((file) => file.conflicted).map((file) => file.path));
    const items: Item[] = [
      ...staged.files
        .filter((file) => !conflicted.has(file.path))
        .map((file): Item => ({ key: `staged ${file.path}`, section: "staged", file, base: "head", to: "index" })),
      ...changed.files.map((file): Item => {
        const section = conflicted.has(file.path) ? "conflicted" : file.change === "added" ? "untracked" : "changed";
        return { key: `changed ${file.path}`, section, file, base: "index", to: "work" };
      }),
    ];
    return items.sort((one, other) => SECTIONS.indexOf(one.section) - SECTIONS.indexOf(other.section));
  }

  /** New files; those that are loaded stay until they were read again. */
  private take(items: Item[]): void {
    const keys = new Set(items.map((item) => item.key));
    this.items.value = items;
    this.loaded.value = new Map([...this.loaded.value].filter(([key]) => keys.has(key)));
    if (this.chosen.value && !keys.has(this.chosen.value.key)) this.chosen.value = null;
    for (const item of items) {
      const known = this.loaded.value.get(item.key);
      const isSame = item.file.version !== null && item.file.version === known?.diff?.version;
      if ((known || this.reading.has(item.key)) && !isSame) this.load(item, { again: true });
    }
  }

  choose(base: Base): void {
    this.pages = 1;
    this.wanted = [];
    this.reading.clear();
    batch(() => {
      this.base.value = base;
      this.items.value = [];
      this.loaded.value = new Map();
      this.chosen.value = null;
    });
    void this.refresh();
  }

  // ---- files ----

  isFolded(item: Item): boolean {
    return (
      this.opened.value.get(item.key) === false ||
      (this.opened.value.get(item.key) === undefined && (isHeavy(item.file) || this.isViewed(item)))
    );
  }

  fold(item: Item, folded = !this.isFolded(item)): void {
    this.opened.value = new Map(this.opened.value).set(item.key, !folded);
  }

  /** Its first lines, unless they are there. What is seen comes before what is not. */
  load(item: Item, { again = false, seen = true } = {}): void {
    const known = this.loaded.value.get(item.key);
    if (!again && (this.reading.has(item.key) || known?.diff || known?.failed)) return;
    const others = this.wanted.filter((other) => other.key !== item.key);
    if (!seen && others.length < this.wanted.length) return;
    this.wanted = seen ? [item, ...others] : [...others, item];
    this.next();
  }

  private next(): void {
    while (this.running < AT_ONCE) {
      const item = this.wanted.shift();
      if (!item) return;
      this.running++;
      void this.readFile(item, 0).finally(() => {
        this.running--;
        this.next();
      });
    }
  }

  private put(item: Item, change: Partial<Loaded>): void {
    const before = this.loaded.value.get(item.key) ?? { diff: null, failed: null, unfolded: new Map() };
    this.loaded.value = new Map(this.loaded.value).set(item.key, { ...before, ...change });
  }

  private async readFile(item: Item, from: number): Promise<void> {
    const before = this.loaded.value.get(item.key)?.diff ?? null;
    const base = this.base.value;
    this.reading.add(item.key);
    const query = { path: item.file.path, old_path: item.file.old_path, base: item.base, to: item.to, from };
    try {
      const diff = await request<FileDiff>("GET", this.path("git/file", query));
      if (base !== this.base.value) return;
      if (from > 0 && before && before.version !== diff.version) return await this.readFile(item, 0);
      if (from === 0 && before?.version === diff.version) return;
      this.put(item, {
        diff: from > 0 && before ? joined(before, diff) : diff,
        failed: null,
        ...(from === 0 ? { unfolded: new Map() } : {}),
      });
      if (from === 0 && this.chosen.value?.key === item.key) this.chosen.value = null;
    } catch (error) {
      if (base === this.base.value) this.put(item, { failed: problemOf(error).detail, diff: null });
    } finally {
      if (base === this.base.value) this.reading.delete(item.key);
    }
  }

  /** Its first lines, or those behind the ones that are known. */
  loadMore(item: Item, seen = true): void {
    const known = this.loaded.value.get(item.key);
    if (!known?.diff) return this.load(item, { seen });
    if (known.diff.next !== null && !this.reading.has(item.key)) void this.readFile(item, known.diff.next);
  }

  async unfold(item: Item, from: number, to: number): Promise<void> {
    const known = this.loaded.value.get(item.key);
    const before = known?.unfolded.get(from) ?? [];
    try {
      const query = {
        path: item.file.path,
        of: item.to,
        from: from + before.length,
        limit: Math.min(to - from - before.length, 200),
      };
      const found = await request<FileLines>("GET", this.path("git/lines", query));
      this.put(item, { unfolded: new Map(known?.unfolded).set(from, [...before, ...found.lines]) });
    } catch (error) {
      toast({ text: problemOf(error).detail, bad: true });
    }
  }

  image(item: Item, of: string): string {
    return this.path("git/image", {
      path: of === item.base && item.file.old_path ? item.file.old_path : item.file.path,
      of,
    });
  }

  // ---- viewed ----

  /** What is shown of it, or what the list says before it is; null while that is not known. */
  versionOf(item: Item): string | null {
    return this.loaded.value.get(item.key)?.diff?.version ?? item.file.version;
  }

  isViewed(item: Item): boolean {
    const version = this.versionOf(item);
    return version !== null && version === this.viewed.value.get(item.file.path);
  }

  /** It was viewed, and is another one now. */
  isChanged(item: Item): boolean {
    const [version, now] = [this.viewed.value.get(item.file.path), this.versionOf(item)];
    return version !== undefined && now !== null && version !== now;
  }

  view(item: Item): void {
    const version = this.versionOf(item);
    if (version === null) return;
    const viewed = new Map(this.viewed.value);
    if (this.isViewed(item)) viewed.delete(item.file.path);
    else viewed.set(item.file.path, version);
    batch(() => {
      this.viewed.value = viewed;
      const opened = new Map(this.opened.value);
      opened.delete(item.key);
      this.opened.value = opened;
    });
    localStorage.setItem(this.store, JSON.stringify(Object.fromEntries(viewed)));
  }

  /** All that is there now was seen: *Since you looked* begins here. */
  async markSeen(): Promise<void> {
    await this.doing(async () => {
      await request("POST", this.path("git/seen"));
      toast({ text: "Seen. From now on, “Since you looked” begins here." });
    });
  }

  /** Whether what this device sees is marked for all of them. */
  chooseMarks(marks: Marks): Promise<void> {
    return this.doing(() => request("POST", this.path("git/marks"), { marks }));
  }

  // ---- choosing lines ----

  isChosen(item: Item, line: DiffLine): boolean {
    return this.chosen.value?.key === item.key && this.chosen.value.lines.has(lineKey(line));
  }

  /** Chooses a line or takes it back; `through`, all changed lines up to it. */
  pick(item: Item, line: DiffLine, through: boolean): void {
    const key = lineKey(line);
    const before =
      this.chosen.value?.key === item.key ? this.chosen.value : { key: item.key, lines: new Set<string>(), last: key };
    const lines = new Set(before.lines);
    if (through) {
      const all = this.changesOf(item).map(lineKey);
      const [from, to] = [all.indexOf(before.last), all.indexOf(key)].sort((one, other) => one - other) as [
        number,
        number,
      ];
      for (const each of all.slice(Math.max(0, from), to + 1)) lines.add(each);
    } else if (!lines.delete(key)) lines.add(key);
    this.chosen.value = lines.size === 0 ? null : { key: item.key, lines, last: key };
  }

  private changesOf(item: Item): DiffLine[] {
    const hunks = this.loaded.value.get(item.key)?.diff?.hunks ?? [];
    return hunks.flatMap((hunk) => hunk.lines).filter((line) => line.old === null || line.new === null);
  }

  /** The lines that were chosen, as the daemon takes them; null without any. */
  private chosenFile(): { item: Item; file: ChosenFile } | null {
    const chosen = this.chosen.value;
    const item = this.items.value.find((each) => each.key === chosen?.key);
    const diff = item && this.loaded.value.get(item.key)?.diff;
    if (!chosen || !item || !diff) return null;
    const hunks = diff.hunks.flatMap((hunk) => {
      const lines: ChosenLines = { removed: [], added: [] };
      for (const line of hunk.lines.filter((each) => chosen.lines.has(lineKey(each)))) {
        if (line.new === null && line.old !== null) lines.removed.push(line.old);
        else if (line.old === null && line.new !== null) lines.added.push(line.new);
      }
      return lines.removed.length + lines.added.length === 0 ? [] : [{ name: hunk.name, lines }];
    });
    return { item, file: { path: item.file.path, version: diff.version, hunks } };
  }

  // ---- changing ----

  private async doing(run: () => Promise<void>): Promise<void> {
    if (this.busy.value) return;
    this.busy.value = true;
    this.refused.value = null;
    try {
      await run();
    } catch (error) {
      this.refused.value = problemOf(error).detail;
    } finally {
      this.busy.value = false;
      await this.refresh();
    }
  }

  /** Whole files; a renamed one has two names. */
  private files(items: readonly Item[]): ChosenFile[] {
    return items.flatMap((item) => {
      const version = this.loaded.value.get(item.key)?.diff?.version ?? null;
      const file =
        item.file.old_path === null
          ? [{ path: item.file.path, version }]
          : [{ path: item.file.path }, { path: item.file.old_path }];
      return file;
    });
  }

  private change(verb: "stage" | "unstage", files: ChosenFile[]): Promise<void> {
    return this.doing(async () => {
      await request("POST", this.path(`git/${verb}`), { files });
      this.chosen.value = null;
    });
  }

  /** Into the index, or out of it: whichever is possible here. */
  toggleFiles(items: readonly Item[]): void {
    const verb = items[0] && verbOf(items[0]);
    if (verb) void this.change(verb, this.files(items));
  }

  toggleHunk(item: Item, hunk: DiffHunk): void {
    const verb = verbOf(item);
    if (verb) void this.change(verb, [{ path: item.file.path, hunks: [{ name: hunk.name }] }]);
  }

  toggleLines(): void {
    const found = this.chosenFile();
    const verb = found && verbOf(found.item);
    if (found && verb) void this.change(verb, [found.file]);
  }

  discard(what: { item: Item; hunk?: DiffHunk | undefined }): Promise<void> {
    const { item, hunk } = what;
    return this.discardFiles(hunk ? [{ path: item.file.path, hunks: [{ name: hunk.name }] }] : this.files([item]));
  }

  discardLines(): Promise<void> {
    const found = this.chosenFile();
    return found ? this.discardFiles([found.file]) : Promise.resolve();
  }

  private discardFiles(files: ChosenFile[]): Promise<void> {
    return this.doing(async () => {
      const discarded = await request<Discarded>("POST", this.path("git/discard"), { files });
      this.chosen.value = null;
      this.undo.value = discarded;
      toast({
        text: `Discarded in ${count(discarded.paths.length, "file")}. Kept for 30 days.`,
        action: { label: "Undo", run: () => void this.restore() },
      });
    });
  }

  /** Brings back what was discarded last. */
  async restore(): Promise<void> {
    const discarded = this.undo.value;
    if (!discarded) return;
    await this.doing(async () => {
      await request("POST", this.path(`git/discarded/${discarded.id}/restore`));
      this.undo.value = null;
      toast({ text: "Brought back." });
    });
  }

  /** Whether it was committed. */
  async commit(message: string, amend: boolean): Promise<boolean> {
    let done = false;
    await this.doing(async () => {
      await request("POST", this.path("git/commit"), { message, amend });
      done = true;
      toast({ text: amend ? "The last commit was replaced." : "Committed." });
    });
    return done;
  }

  // ---- comments ----

  /** Begins a comment: on the lines that were chosen, or on this one. */
  write(item: Item, line: DiffLine): void {
    const side = line.new === null ? "old" : "new";
    const number = (line.new ?? line.old)!;
    let from = number;
    if (this.chosen.value?.key === item.key) {
      const numbers = this.changesOf(item)
        .filter((each) => this.chosen.value?.lines.has(lineKey(each)))
        .map((each) => (side === "new" ? each.new : each.new === null ? each.old : null))
        .filter((each) => each !== null);
      if (numbers.includes(number)) from = Math.min(...numbers);
    }
    this.writing.value = { key: item.key, side, from, to: number };
  }

  async comment(text: string): Promise<boolean> {
    const at = this.writing.value;
    const item = this.items.value.find((each) => each.key === at?.key);
    if (!at || !item) return false;
    let done = false;
    await this.doing(async () => {
      const of = at.side === "new" ? item.to : item.base;
      const path = at.side === "old" ? (item.file.old_path ?? item.file.path) : item.file.path;
      await request("POST", this.path("review"), { path, side: at.side, of, from: at.from, to: at.to, text });
      done = true;
      this.writing.value = null;
      this.chosen.value = null;
    });
    return done;
  }

  editComment(comment: Comment, text: string): Promise<void> {
    return this.doing(async () => void (await request("PATCH", this.path(`review/${comment.id}`), { text })));
  }

  removeComment(comment: Comment): Promise<void> {
    return this.doing(async () => void (await request("DELETE", this.path(`review/${comment.id}`))));
  }

  addressComment(comment: Comment): Promise<void> {
    return this.doing(async () => void (await request("POST", this.path(`review/${comment.id}/address`))));
  }

  sendReview(): Promise<void> {
    return this.doing(async () => {
      const sent = await request<Sent>("POST", this.path("review/send"));
      toast({
        text:
          sent.receipt === "queued"
            ? "The comments will be sent when the agent is idle."
            : "The comments were sent to the agent.",
      });
    });
  }
}

/** What a file, a hunk or a line can become. */
export function verbOf(item: Item): "stage" | "unstage" | null {
  if (item.section === "staged") return "unstage";
  return item.section === "compared" ? null : "stage";
}

/** A page and the one behind it; a hunk may have been cut between them. */
export function joined(before: FileDiff, after: FileDiff): FileDiff {
  const hunks = [...before.hunks];
  for (const hunk of after.hunks) {
    const last = hunks.at(-1);
    if (last?.name === hunk.name) hunks[hunks.length - 1] = { ...last, lines: [...last.lines, ...hunk.lines] };
    else hunks.push(hunk);
  }
  return { ...after, hunks };
}
