// What the Git tab does: marks, stages, discards, commits, and sends comments.

import { signal } from "@preact/signals";
import type { ChosenFile, ChosenLines, Comment, Discarded, DiffHunk, DiffLine, FileDiff, Marks, Sent } from "../wire";
import { Failed, problemOf, request } from "../http";
import { isAgent } from "../providers";
import { sessions } from "../store";
import { toast } from "../toasts";
import { count, foreign, isLive } from "../words";
import { isNested, lineKey, type Item } from "./rows";
import { Shown } from "./shown";

export class Model extends Shown {
  /** Why the last change was refused; with the file, by key, if it has changed since it was shown. */
  readonly refused = signal<{ text: string; key: string | null } | null>(null);
  readonly busy = signal(false);
  /** What was discarded and can be brought back, newest first. */
  readonly discarded = signal<readonly Discarded[]>([]);

  /** What is drawn was seen: *Since you looked* begins here. */
  async markSeen(): Promise<void> {
    const state = this.drawn.value;
    if (state === null) return;
    await this.doing(async () => {
      if (this.outdated.size > 0) throw changed(CHANGED);
      await request("POST", this.path("git/seen"), { state }).catch((error: unknown) => {
        throw problemOf(error).code === "changed" ? changed(CHANGED) : error;
      });
      toast({ text: "Seen. From now on, “Since you looked” begins here." });
    });
  }

  /** Whether what this device sees is marked for all of them. */
  chooseMarks(marks: Marks): Promise<void> {
    return this.doing(() => request("POST", this.path("git/marks"), { marks }));
  }

  // ---- choosing lines ----

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
      throw changed(`${item.file.path} has changed since you chose; nothing was done`);
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

  get drafts(): readonly Comment[] {
    return this.review.value.comments.filter((comment) => comment.state === "draft");
  }

  /** Nobody takes the comments where no agent runs. */
  get hasAgent(): boolean {
    return isAgent(this.session.provider);
  }

  /** Why the comments cannot be sent; null: they can be. */
  get unsendable(): string | null {
    if (!this.hasAgent) return "No agent runs in this session";
    if (this.drafts.length === 0) return "There is no draft";
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

const CHANGED = "Files have changed since they were shown, so nothing was marked. Look at them, then mark again.";

function changed(detail: string): Failed {
  return new Failed({ code: "changed", status: 409, title: "Changed", detail });
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
