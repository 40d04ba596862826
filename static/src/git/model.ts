// What the Git tab shows and does: the daemon's answers, and what was chosen.

import { batch, computed, signal, type Signal } from "@preact/signals";
import type {
  ChosenFile,
  ChosenLines,
  Comment,
  Discarded,
  DiffHunk,
  DiffLine,
  FileDiff,
  FileLines,
  GitBranches,
  GitDiff,
  GitStatus,
  Marks,
  Review,
  Sent,
  Session,
} from "../wire";
import { Failed, problemOf, request } from "../http";
import "./next_step";
import { sessions } from "../store";
import { toast } from "../toasts";
import { count, foreign, isLive } from "../words";
import { isHeavy, isNested, lineKey, rowsOf, type Item, type Loaded, type Section } from "./rows";
import { Viewed, type SideOf } from "./viewed";

/** What is compared with the files as they are: `uncommitted`, or a base of the API. */
export type Base = string;

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

/** So many branches are offered to compare with. */
const MOST_BRANCHES = 100;

/** How differences are drawn, in every view of them. */
export const split = signal(localStorage.getItem("codepiper.diff") === "split");
/** There is room for two sides beside each other. */
export const wide = signal(true);

/** Two states that stay what they are, such as a commit and its parent. */
export interface Fixed {
  base: string;
  to: string;
}

export class Model {
  readonly status = signal<GitStatus | null>(null);
  readonly base = signal<Base | null>(null);
  readonly items = signal<readonly Item[]>([]);
  /** How many files there are, if not all are listed. */
  readonly more = signal(0);
  readonly loaded = signal<ReadonlyMap<string, Loaded>>(new Map());
  readonly review: Signal<Review>;
  readonly failed = signal<string | null>(null);
  /** Why the last change was refused; with the file, by key, if it has changed since it was shown. */
  readonly refused = signal<{ text: string; key: string | null } | null>(null);
  readonly busy = signal(false);
  /** Not all of the work tree is watched. */
  readonly partial = signal(false);
  /** Files that were opened or closed by hand, by key. */
  private readonly opened = signal<ReadonlyMap<string, boolean>>(new Map());
  private readonly viewed: Viewed;
  /** Lines that were chosen, of one file. */
  readonly chosen = signal<{ key: string; lines: ReadonlySet<string>; last: string } | null>(null);
  readonly writing = signal<{ key: string; side: "old" | "new"; from: number; to: number } | null>(null);
  /** The row that keys act on. */
  readonly at = signal<string | null>(null);
  readonly search = signal("");
  /** What was discarded and can be brought back, newest first. */
  readonly discarded = signal<readonly Discarded[]>([]);
  /** The other branches. */
  readonly branches = signal<readonly string[]>([]);
  /** Files that are too large to be compared. */
  readonly leftOut = signal<readonly string[]>([]);
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
      split: split.value && wide.value,
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

  /** `fixed` is all that it ever compares; it then shares comments and marks with the `other` model of the session. */
  constructor(
    readonly session: Session,
    private readonly fixed: Fixed | null = null,
    other?: Model,
  ) {
    this.review = other?.review ?? signal<Review>({ comments: [], prompt: "" });
    this.viewed = other?.viewed ?? new Viewed(`codepiper.viewed.${session.id}`);
    this.base.value = fixed && `${fixed.base} ${fixed.to}`;
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
        this.fixed ? null : request<GitStatus>("GET", this.path("git")),
        request<Review>("GET", this.path("review")),
      ]);
      // What opens first: what changed since somebody looked, when somebody did.
      if (this.base.value === null) {
        const opens = (await this.has("seen")) ? "seen" : "uncommitted";
        // Somebody may have chosen meanwhile.
        this.base.value ??= opens;
      }
      const base = this.base.value;
      const items = await this.list(base);
      await this.settle(items);
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

  private async list(base: Base): Promise<Item[]> {
    const beyond = (found: GitDiff): number => (found.next === null ? 0 : found.total - found.next);
    if (base !== "uncommitted") {
      const states = this.fixed ?? { base, to: "work" };
      const found = await this.differing({ ...states });
      this.more.value = beyond(found);
      this.leftOut.value = found.left_out ?? [];
      return found.files.map((file) => ({ key: `compared ${file.path}`, section: "compared", file, ...states }));
    }
    const [staged, changed] = await Promise.all([
      this.differing({ base: "head", to: "index" }),
      this.differing({ base: "index", to: "work" }),
    ]);
    this.more.value = beyond(staged) + beyond(changed);
    this.leftOut.value = [];
    const items: Item[] = [
      ...staged.files
        .filter((file) => !file.conflicted)
        .map((file): Item => ({ key: `staged ${file.path}`, section: "staged", file, base: "head", to: "index" })),
      ...changed.files.map((file): Item => {
        const section = file.conflicted ? "conflicted" : file.change === "added" ? "untracked" : "changed";
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

  /** Opens it and makes it the current one. */
  reveal(item: Item): void {
    if (this.isFolded(item)) this.fold(item, false);
    this.at.value = item.key;
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
      void this.settle([item]);
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
  versionOf(item: Item, listed = false): string | null {
    const shown = this.loaded.value.get(item.key)?.diff?.version ?? null;
    return (listed ? item.file.version : shown) ?? shown ?? item.file.version;
  }

  isViewed(item: Item): boolean {
    return this.viewed.has(item, this.versionOf(item));
  }

  /** It was viewed, and is another one now. */
  isChanged(item: Item): boolean {
    return this.viewed.isChanged(item, this.versionOf(item));
  }

  view(item: Item): void {
    const version = this.versionOf(item);
    if (version === null) return;
    batch(() => {
      if (this.isViewed(item)) this.viewed.remove(item);
      else {
        this.viewed.add(item, version);
        void this.keepSide(item, version);
      }
      const opened = new Map(this.opened.value);
      opened.delete(item.key);
      this.opened.value = opened;
    });
  }

  private async keepSide(item: Item, version: string): Promise<void> {
    if (this.fixed) return;
    const side = (await this.sides(item.to))(item.file.path);
    // It may have changed since it was viewed.
    const now = await this.versionNow(item).catch(() => null);
    if (side === null || now !== version) return;
    this.viewed.know(item, version, side);
    await this.settle(this.items.value);
  }

  /** Marks of files that have another version: whether what was viewed has changed, or what it is compared with. */
  private async settle(items: readonly Item[]): Promise<void> {
    const versionOf = (item: Item): string | null => this.versionOf(item, true);
    const open = items.filter((item) => this.viewed.isOpen(item, versionOf(item)));
    for (const to of new Set(open.map((item) => item.to))) {
      const own = open.filter((item) => item.to === to);
      this.viewed.settle(own, versionOf, await this.sides(to));
    }
  }

  /** What files are in a state: their versions, compared with the session's start. */
  private async sides(to: string): Promise<SideOf> {
    try {
      const { files, next } = await this.differing({ base: "start", to });
      const versions = new Map(files.map((file) => [file.path, file.version]));
      // What is not listed is as it was then.
      return (path) => (versions.has(path) || next !== null ? (versions.get(path) ?? null) : "");
    } catch {
      // The start is not known.
      return () => null;
    }
  }

  /** The version of a file as it is now, under the names that it has. */
  private async versionNow(
    { file, base, to }: Item,
    path: string = file.path,
    old_path: string | null = file.old_path,
  ): Promise<string> {
    const query = { path, old_path, base, to, limit: 1 };
    return (await request<FileDiff>("GET", this.path("git/file", query))).version;
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

  /** `items` are the files that it is about. */
  private async doing(run: () => Promise<void>, items: readonly Item[] = []): Promise<void> {
    if (this.busy.value) return;
    this.busy.value = true;
    this.refused.value = null;
    try {
      await run();
    } catch (error) {
      const problem = problemOf(error);
      const key = problem.code === "changed" ? this.movedOn(items, problem.diff ?? null) : null;
      this.refused.value = { text: problem.detail, key };
    } finally {
      this.busy.value = false;
      await this.refresh();
    }
  }

  /** The file that has changed since it was shown, by key. Its new difference may be known already. */
  private movedOn(items: readonly Item[], diff: FileDiff | null): string | null {
    const item = diff ? items.find((each) => each.file.path === diff.file.path) : items.length === 1 && items[0];
    if (!item) return null;
    if (diff && item.file.old_path === null) {
      this.put(item, { diff, failed: null, unfolded: new Map() });
      if (this.chosen.value?.key === item.key) this.chosen.value = null;
    } else this.load(item, { again: true });
    return item.key;
  }

  /** What can be done to a file, or to its hunks and lines. A renamed one is taken as a whole. */
  verb(item: Item, part = false): "stage" | "unstage" | null {
    const whole = this.loaded.peek().get(item.key)?.diff?.whole ?? null;
    const fits = part ? whole === null && item.file.old_path === null : whole !== "filter";
    return fits ? verbOf(item) : null;
  }

  canDiscard(item: Item, part = false): boolean {
    return this.verb(item, part) === "stage" && item.section !== "conflicted";
  }

  /** Whole files as they are shown: none is taken that has changed since. */
  private async files(items: readonly Item[]): Promise<ChosenFile[]> {
    const chosen: ChosenFile[] = [];
    for (const item of items) {
      const { path, old_path } = item.file;
      if (old_path === null) chosen.push({ path, version: this.versionOf(item) });
      else chosen.push(...(await this.names(item, [path, old_path])));
    }
    return chosen;
  }

  /** A renamed file has two names with a version each. What is shown is the version of both. */
  private async names(item: Item, names: readonly string[]): Promise<ChosenFile[]> {
    const shown = this.versionOf(item);
    const files = await Promise.all(
      names.map(async (path) => ({ path, version: await this.versionNow(item, path, null) })),
    );
    // Looked at last: if it is the same, so were the two before.
    if (shown !== null && (await this.versionNow(item)) !== shown)
      throw new Failed({
        code: "changed",
        status: 409,
        title: "Changed",
        detail: `${item.file.path} has changed since you chose; nothing was done`,
      });
    return files;
  }

  private change(verb: "stage" | "unstage", items: readonly Item[], chosen?: ChosenFile[]): Promise<void> {
    return this.doing(async () => {
      const seen = chosen ? [] : items.filter((item) => this.isViewed(item));
      await request("POST", this.path(`git/${verb}`), { files: chosen ?? (await this.files(items)) });
      this.chosen.value = null;
      for (const item of seen) this.viewed.carry(item);
    }, items);
  }

  /** Into the index, or out of it: whichever is possible here. */
  toggleFiles(items: readonly Item[]): void {
    const able = items.filter((item) => this.verb(item));
    const verb = able[0] && verbOf(able[0]);
    if (verb) void this.change(verb, able);
  }

  toggleHunk(item: Item, hunk: DiffHunk): void {
    const verb = this.verb(item, true);
    if (verb) void this.change(verb, [item], [{ path: item.file.path, hunks: [{ name: hunk.name }] }]);
  }

  toggleLines(): void {
    const found = this.chosenFile();
    const verb = found && this.verb(found.item, true);
    if (verb) void this.change(verb, [found.item], [found.file]);
  }

  discard(item: Item, hunk?: DiffHunk): Promise<void> {
    return this.discardFiles(item, hunk && { path: item.file.path, hunks: [{ name: hunk.name }] });
  }

  async discardLines(): Promise<void> {
    const found = this.chosenFile();
    if (found) await this.discardFiles(found.item, found.file);
  }

  private discardFiles(item: Item, chosen?: ChosenFile): Promise<void> {
    return this.doing(async () => {
      const files = chosen ? [chosen] : await this.files([item]);
      const discarded = await request<Discarded>("POST", this.path("git/discard"), { files });
      this.chosen.value = null;
      this.discarded.value = [discarded, ...this.discarded.value];
      toast({
        text: `Discarded in ${count(discarded.paths.length, "file")}. Kept for 30 days.`,
        about: discarded.id,
        action: { label: "Undo", run: () => void this.restore(discarded) },
      });
    }, [item]);
  }

  /** What is kept from before. */
  async readDiscarded(): Promise<void> {
    this.discarded.value = await request<Discarded[]>("GET", this.path("git/discarded")).catch(() => []);
  }

  async readBranches(): Promise<void> {
    const found = await request<GitBranches>("GET", this.path("git/branches", { limit: MOST_BRANCHES })).catch(
      () => null,
    );
    if (found) this.branches.value = found.branches.filter((branch) => !branch.current).map((branch) => branch.name);
  }

  /** Brings back what was discarded, last if nothing else is said. */
  async restore(discarded = this.discarded.value[0]): Promise<void> {
    if (!discarded) return;
    await this.doing(async () => {
      await request("POST", this.path(`git/discarded/${discarded.id}/restore`));
      this.discarded.value = this.discarded.value.filter((each) => each.id !== discarded.id);
      toast({ text: `Brought back: ${someOf(discarded.paths)}.`, about: discarded.id });
    });
  }

  /** Whether it was committed. `last`: the commit that is amended. */
  async commit(message: string, amend: boolean, last: string | null): Promise<boolean> {
    let done = false;
    await this.doing(async () => {
      await request("POST", this.path("git/commit"), { message, amend, last: amend ? last : null });
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

  /** Why the comments cannot be sent; null: they can be. */
  get unsendable(): string | null {
    if (!this.review.value.comments.some((comment) => comment.state === "draft")) return "There is no draft";
    return isLive(sessions.value?.get(this.session.id) ?? this.session) ? null : "The session has ended";
  }

  async sendReview(): Promise<void> {
    if (this.unsendable !== null) return;
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
  return item.section === "compared" || isNested(item.file) ? null : "stage";
}

const MOST_NAMED = 3;

/** The first of some paths, and how many more there are. */
export function someOf(paths: readonly string[], total = paths.length): string {
  const named = paths.slice(0, MOST_NAMED);
  const more = total - named.length;
  return named.map((path) => foreign(path)).join(", ") + (more > 0 ? ` and ${more.toLocaleString("en")} more` : "");
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
