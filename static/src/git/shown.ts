// What the Git tab shows: the daemon's answers, and what was chosen of them.

import { batch, computed, signal, type Signal } from "@preact/signals";
import type {
  DiffLine,
  FileDiff,
  FileLines,
  GitBranch,
  GitBranches,
  GitDiff,
  GitStatus,
  Review,
  Session,
} from "../wire";
import { problemOf, request } from "../http";
import "./next_step";
import { toast } from "../toasts";
import { isHeavy, lineKey, rowsOf, type Item, type Loaded, type Section } from "./rows";
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

/** A branch's name in full: a tag may have the same, and some mean something else to git. */
export const refOf = ({ name, remote }: GitBranch): string => `refs/${remote ? "remotes" : "heads"}/${name}`;

/** How differences are drawn, in every view of them. */
export const split = signal(localStorage.getItem("codepiper.diff") === "split");
/** There is room for two sides beside each other. */
export const wide = signal(true);

/** Two states that stay what they are, such as a commit and its parent. */
export interface Fixed {
  base: string;
  to: string;
}

/** Whether the files of a base were not recorded, and why. */
export function unrecorded(status: GitStatus | null, base: Base): string | null {
  const last = status?.turns[0];
  const name = base === "turn" && last !== undefined ? `turn-${Date.parse(last)}` : base;
  return status?.unrecorded.find((each) => each.base === name)?.why ?? null;
}

/** Why the daemon need not be asked for a base. */
function whyNot(status: GitStatus | null, base: Base): string | null {
  const why = unrecorded(status, base);
  if (why !== null) return `The files were not recorded then: ${why}.`;
  if (base === "seen" && status?.seen === false) return "Nothing has been marked as seen yet.";
  return base === "turn" && status?.turns.length === 0 ? "This session has had no prompt here yet." : null;
}

export class Shown {
  readonly status = signal<GitStatus | null>(null);
  readonly base = signal<Base | null>(null);
  readonly items = signal<readonly Item[]>([]);
  /** How many files there are, if not all are listed. */
  readonly more = signal(0);
  readonly loaded = signal<ReadonlyMap<string, Loaded>>(new Map());
  readonly review: Signal<Review>;
  readonly failed = signal<string | null>(null);
  /** Why there is nothing to compare with. */
  readonly missing = signal<string | null>(null);
  /** The daemon's name of the files as they are drawn; null: they are not. */
  readonly drawn = signal<string | null>(null);
  /** Not all of the work tree is watched. */
  readonly partial = signal(false);
  /** Files that were opened or closed by hand, by key. */
  private readonly opened = signal<ReadonlyMap<string, boolean>>(new Map());
  protected readonly viewed: Viewed;
  /** Lines that were chosen, of one file. */
  readonly chosen = signal<{ key: string; lines: ReadonlySet<string>; last: string } | null>(null);
  readonly writing = signal<{ key: string; side: "old" | "new"; from: number; to: number } | null>(null);
  /** The row that keys act on. */
  readonly at = signal<string | null>(null);
  readonly search = signal("");
  /** The other branches, as references. */
  readonly branches = signal<readonly string[]>([]);
  /** Files that are too large to be compared. */
  readonly leftOut = signal<readonly string[]>([]);
  private pages = 1;
  private wanted: Item[] = [];
  private running = 0;
  /** Files that are being read, by key. */
  private readonly reading = new Set<string>();
  /** Files of the last list whose lines are drawn as they were before it, by key. */
  protected readonly outdated = new Set<string>();
  private taken = 0;
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
    other?: Shown,
  ) {
    this.review = other?.review ?? signal<Review>({ comments: [], prompt: "" });
    this.viewed = other?.viewed ?? new Viewed(`codepiper.viewed.${session.id}`);
    this.base.value = fixed && `${fixed.base} ${fixed.to}`;
  }

  protected path(rest: string, query: Record<string, string | number | null> = {}): string {
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
        const opens = status?.seen && (await this.has("seen")) ? "seen" : "uncommitted";
        // Somebody may have chosen meanwhile.
        this.base.value ??= opens;
      }
      const base = this.base.value;
      const missing = whyNot(status, base);
      const items = missing === null ? await this.list(base) : [];
      await this.settle(items);
      if (asked !== this.asked || base !== this.base.value) return;
      batch(() => {
        this.status.value = status;
        this.review.value = review;
        this.failed.value = null;
        this.missing.value = missing;
        if (missing !== null) this.more.value = 0;
        this.take(items);
        this.drawn.value = missing === null ? (status?.state ?? null) : null;
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
    this.outdated.clear();
    this.taken++;
    if (this.chosen.value && !keys.has(this.chosen.value.key)) this.chosen.value = null;
    for (const item of items) {
      const known = this.loaded.value.get(item.key);
      const isSame = item.file.version !== null && item.file.version === known?.diff?.version;
      if ((known || this.reading.has(item.key)) && !isSame) {
        this.outdated.add(item.key);
        this.load(item, { again: true });
      }
    }
  }

  choose(base: Base): void {
    this.pages = 1;
    this.wanted = [];
    this.reading.clear();
    batch(() => {
      this.base.value = base;
      this.drawn.value = null;
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

  protected put(item: Item, change: Partial<Loaded>): void {
    const before = this.loaded.value.get(item.key) ?? { diff: null, failed: null, unfolded: new Map() };
    this.loaded.value = new Map(this.loaded.value).set(item.key, { ...before, ...change });
  }

  private async readFile(item: Item, from: number): Promise<void> {
    const before = this.loaded.value.get(item.key)?.diff ?? null;
    const [base, taken] = [this.base.value, this.taken];
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
      if (taken === this.taken) this.outdated.delete(item.key);
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
    if (unrecorded(this.status.value, "start") !== null) return () => null;
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
  protected async versionNow(
    { file, base, to }: Item,
    path: string = file.path,
    old_path: string | null = file.old_path,
  ): Promise<string> {
    const query = { path, old_path, base, to, limit: 1 };
    return (await request<FileDiff>("GET", this.path("git/file", query))).version;
  }

  // ---- branches ----

  async readBranches(): Promise<void> {
    const found = await request<GitBranches>("GET", this.path("git/branches", { limit: MOST_BRANCHES })).catch(
      () => null,
    );
    if (found) this.branches.value = found.branches.filter((branch) => !branch.current).map(refOf);
  }

  // ---- lines that were chosen ----

  isChosen(item: Item, line: DiffLine): boolean {
    return this.chosen.value?.key === item.key && this.chosen.value.lines.has(lineKey(line));
  }
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
