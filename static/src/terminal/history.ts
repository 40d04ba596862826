// Older output, as far back as the log reaches. Pieces are loaded when one scrolls to them; nobody else notices.

import { signal } from "@preact/signals";
import type { Cursor, FoundOutput } from "../wire";
import { cursorOf, position } from "../cursor";
import { download, request } from "../http";
import { hitsIn, isSame, rangeOf, type Hit as FoundHit } from "./hits";
import { lineElement } from "./line_view";
import { records } from "./records";
import { render, textOf, type Line, type Piece } from "./render";

/** Bytes of output in one piece. */
const PIECE = 256 * 1024;
/** The most that one request takes. */
const LARGEST = 4 * 1024 * 1024;
/** More pieces than this are not kept; those on the other side are loaded again. */
const KEPT = 48;
/** A hit that is no further before what is loaded, in bytes, is loaded with all that is between. */
const BESIDE = 4 * PIECE;
/** Loads more when fewer than this many screens are left. */
const AHEAD = 2;

interface Page {
  begin: Cursor;
  end: Cursor;
  lines: readonly Line[];
  times: readonly { line: number; at: number }[];
  element: HTMLElement;
}

export interface Place {
  /** When the first visible line was printed. */
  at: number | null;
  /** Lines below what is visible; null when there are more that are not loaded. */
  below: number | null;
}

export type Hit = FoundHit<Page>;

export class History {
  readonly loading = signal(false);
  readonly place = signal<Place>({ at: null, below: null });
  readonly failed = signal<string | null>(null);
  private pages: Page[] = [];
  private tail: Page | null = null;
  /** Nothing older is kept. */
  private atBeginning = false;
  /** The newest piece ends where the output ended when it was asked for. */
  private atEnd = false;
  private closed = false;
  /** What is loaded now. */
  private last: Promise<void> = Promise.resolve();
  /** It was scrolled up since it was opened. */
  private away = false;
  /** Where the output began that a search has left for older output, and that had hits. */
  private left: Cursor[] = [];
  private searches = 0;

  constructor(
    private readonly root: HTMLElement,
    private readonly session: string,
    /** The end of the output so far. */
    private readonly end: () => Cursor,
    private readonly cellHeight: () => number,
    private readonly on: {
      /** Scrolled down, past the end. */
      leave: () => void;
      key: (event: KeyboardEvent) => void;
    },
  ) {
    root.addEventListener("scroll", this.scrolled, { passive: true });
    root.addEventListener("wheel", this.wheeled, { passive: true });
    root.addEventListener("keydown", on.key);
  }

  close(): void {
    this.closed = true;
    this.root.removeEventListener("scroll", this.scrolled);
    this.root.removeEventListener("wheel", this.wheeled);
    this.root.removeEventListener("keydown", this.on.key);
    this.root.replaceChildren();
  }

  /** Shows the newest output, scrolled up by so many lines. */
  async openAtEnd(up: number): Promise<void> {
    await this.load(async () => {
      const piece = await this.fetch(`bytes=${PIECE}`, null);
      this.begin(piece);
      this.atEnd = true;
      await this.fill();
      this.root.scrollTop = this.root.scrollHeight - this.root.clientHeight - up * this.cellHeight();
    });
    this.measure();
  }

  /** Shows the oldest output that is kept; what follows is loaded when one scrolls to it. */
  async openAtBeginning(): Promise<void> {
    await this.load(async () => {
      if (!this.atBeginning) {
        // Nothing is older than that.
        const { epoch, offset } = position((await this.fetch("at=0&bytes=1", null)).end);
        const before = cursorOf({ epoch, offset: Math.min(offset + PIECE, position(this.end()).offset) });
        this.begin(await this.fetch(`before=${before}&bytes=${PIECE}`, null));
        this.atEnd = false;
      }
      this.root.scrollTop = 0;
    });
    this.measure();
  }

  /** Shows what was printed at a moment (ms since 1970) or at a place of the output. */
  async openAt(moment: number | Cursor): Promise<void> {
    await this.load(async () => {
      const cursor =
        typeof moment === "string" ? moment : (await this.fetch(`at=${Math.round(moment)}&bytes=1`, null)).end;
      const wanted = position(cursor);
      const end = position(this.end());
      const left = end.offset - wanted.offset;
      const rest =
        left + PIECE <= LARGEST ? await this.fetch(`bytes=${Math.max(PIECE, left + PIECE / 2)}`, wanted.offset) : null;
      // More may have been printed than is known here.
      if (rest !== null && position(rest.begin).offset <= wanted.offset) {
        this.begin(rest);
        this.atEnd = true;
      } else {
        const before = cursorOf({ epoch: wanted.epoch, offset: wanted.offset + PIECE / 2 });
        this.begin(await this.fetch(`before=${before}&bytes=${PIECE}`, wanted.offset));
        this.atEnd = false;
      }
      await this.fill();
      const line = (this.marked ?? 0) + this.linesAbove(this.pages.at(-1));
      // A third from the top: what came before it is seen too.
      this.root.scrollTop = line * this.cellHeight() - this.root.clientHeight / 3;
      const row = this.rowAt(line);
      row?.classList.add("h-moment");
    });
    this.measure();
  }

  /** Everything loaded that has the text, newest first. */
  find(text: string): Hit[] {
    return [...this.allPages()].reverse().flatMap((page) => hitsIn(page, text));
  }

  /** The newest hit before this one, in output that is loaded for it; null without any. */
  async findOlder(text: string, than: Hit | undefined): Promise<Hit | null> {
    let found: Hit | null = null;
    const number = ++this.searches;
    await this.load(async () => {
      // More may have been loaded since one looked.
      const loaded = this.find(text);
      found = loaded[than ? loaded.findIndex((hit) => isSame(hit, than)) + 1 : 0] ?? null;
      let before: Cursor | null = this.pages[0]?.begin ?? null;
      while (before !== null && found === null && number === this.searches && !this.closed) {
        const query = new URLSearchParams({ text, before, limit: "1" }).toString();
        const answer: FoundOutput = await request("GET", `/api/sessions/${this.session}/search?${query}`);
        if (number !== this.searches) return;
        const hit = answer.hits[0];
        before = answer.next;
        // What is drawn here in another way than there is not found here.
        if (hit) found = await this.loadHit(text, position(hit.cursor).offset);
      }
    });
    return found;
  }

  /** Loads output in which the newest hit is that one: it had scrolled off at this offset. */
  private async loadHit(text: string, offset: number): Promise<Hit | null> {
    const first = this.pages[0];
    if (!first) return null;
    const { epoch, offset: begin } = position(first.begin);
    if (begin - offset < BESIDE) {
      while (!this.atBeginning && !this.closed && position(this.pages[0]!.begin).offset >= offset) await this.older();
      const added = this.pages.slice(0, Math.max(0, this.pages.indexOf(first)));
      return added.reverse().flatMap((page) => hitsIn(page, text))[0] ?? null;
    }
    const hadHits = this.find(text).length > 0;
    const piece = await this.fetch(`before=${cursorOf({ epoch, offset: offset + PIECE / 2 })}&bytes=${PIECE}`, offset);
    this.begin(piece);
    this.atEnd = false;
    if (hadHits) this.left.push(first.begin);
    return hitsIn(this.pages[0]!, text).find(({ line }) => line < (piece.mark?.scrolled ?? 0)) ?? null;
  }

  /** Goes back to the output that [`findOlder`] has left, and its oldest hit. */
  async findNewer(text: string): Promise<Hit | null> {
    let found: Hit | null = null;
    const from = this.left.at(-1);
    if (from === undefined) return null;
    await this.load(async () => {
      const { epoch, offset } = position(from);
      const before = cursorOf({ epoch, offset: Math.min(offset + PIECE / 2, position(this.end()).offset) });
      const piece = await this.fetch(`before=${before}&bytes=${PIECE}`, offset);
      this.begin(piece);
      this.atEnd = false;
      const scrolled = piece.mark?.scrolled ?? 0;
      const isNewer = ({ page, line }: Hit): boolean => page !== this.pages[0] || line >= scrolled;
      while (found === null && !this.closed) {
        found = this.find(text).filter(isNewer).at(-1) ?? null;
        if (this.atEnd) break;
        if (found === null) await this.newer();
      }
      this.left.pop();
    });
    return found;
  }

  get hasNewerHits(): boolean {
    return this.left.length > 0;
  }

  /** Another text is searched for: from the end. */
  async beginSearch(): Promise<void> {
    this.searches++;
    if (this.atEnd && this.left.length === 0) return;
    this.left = [];
    await this.openAtEnd(0);
  }

  get hasOlder(): boolean {
    return !this.atBeginning;
  }

  reveal(hit: Hit): void {
    const row = rangeOf(hit, 1)?.startContainer.parentElement ?? hit.page.element.children[hit.line];
    row?.scrollIntoView({ block: "center" });
  }

  private marked: number | null = null;

  private *allPages(): Generator<Page> {
    yield* this.pages;
    if (this.tail) yield this.tail;
  }

  /** One after another: each goes on from the pieces that the one before it left. */
  private load(run: () => Promise<void>): Promise<void> {
    this.loading.value = true;
    const done = this.last.then(run).then(
      () => void (this.failed.value = null),
      (error: unknown) => void (this.failed.value = error instanceof Error ? error.message : String(error)),
    );
    this.last = done;
    return done.then(() => {
      if (this.last === done) this.loading.value = false;
    });
  }

  private async fetch(query: string, markAt: number | null): Promise<Piece> {
    const piece = await render(records(await download(`/api/sessions/${this.session}/output?${query}`)), markAt);
    if (markAt !== null) this.marked = piece.mark?.line ?? null;
    return piece;
  }

  private begin(piece: Piece): void {
    if (this.closed) return;
    this.root.replaceChildren();
    const page = pageOf(piece, piece.lines);
    this.pages = [page];
    this.tail = pageOf(piece, piece.screen);
    this.root.append(page.element, this.tail.element);
    this.atBeginning = piece.oldest;
  }

  /** Until there is something to scroll. */
  private async fill(): Promise<void> {
    while (!this.atBeginning && !this.closed && this.root.scrollHeight < this.root.clientHeight * 2) await this.older();
  }

  private async older(): Promise<void> {
    const first = this.pages[0];
    if (!first || this.closed) return;
    const piece = await this.fetch(`before=${first.begin}&bytes=${PIECE}`, null);
    if (this.closed) return;
    // A piece that does not get any further would be asked for again for ever.
    this.atBeginning = piece.oldest || piece.begin === first.begin;
    if (piece.begin === first.begin) return;
    // Its last screen is where the newer piece began: that piece has these lines, and none of their notes.
    const page = pageOf(piece, [...piece.lines, ...piece.screen.filter(({ note }) => note !== undefined)]);
    const top = this.root.scrollTop;
    const height = this.root.scrollHeight;
    this.root.prepend(page.element);
    this.root.scrollTop = top + this.root.scrollHeight - height;
    this.pages.unshift(page);
    if (this.pages.length > KEPT) {
      this.pages.pop()?.element.remove();
      this.tail?.element.remove();
      this.tail = null;
      this.atEnd = false;
    }
  }

  private async newer(): Promise<void> {
    const last = this.pages.at(-1);
    if (!last || this.closed) return;
    const from = position(last.end);
    const next = `before=${cursorOf({ epoch: from.epoch, offset: from.offset + PIECE })}&`;
    const fetch = async (before: string): Promise<Piece> =>
      render(records(await download(`/api/sessions/${this.session}/output?${before}bytes=${PIECE}`)), from.offset);
    let isLast = from.offset + PIECE >= position(this.end()).offset;
    let piece = await fetch(isLast ? "" : next);
    if (position(piece.begin).offset > from.offset) {
      // More was printed than is known here.
      isLast = false;
      piece = await fetch(next);
    }
    if (this.closed) return;
    const skipped = piece.mark?.scrolled ?? 0;
    const page = pageOf(piece, piece.lines.slice(skipped), skipped);
    page.begin = last.end;
    this.tail?.element.remove();
    this.tail = pageOf(piece, piece.screen);
    this.root.append(page.element, this.tail.element);
    this.pages.push(page);
    this.atEnd = isLast;
    if (this.pages.length > KEPT) {
      const removed = this.pages.shift();
      const top = this.root.scrollTop - (removed?.element.offsetHeight ?? 0);
      removed?.element.remove();
      this.root.scrollTop = top;
      this.atBeginning = false;
    }
  }

  private readonly scrolled = (): void => {
    this.measure();
    if (this.loading.value || this.closed) return;
    const { scrollTop, clientHeight, scrollHeight } = this.root;
    if (scrollTop < clientHeight * AHEAD && !this.atBeginning) void this.load(() => this.older());
    if (scrollTop + clientHeight * (1 + AHEAD) > scrollHeight && !this.atEnd && !this.loading.value)
      void this.load(() => this.newer());
    const atBottom = this.atEnd && scrollTop + clientHeight >= scrollHeight - 1;
    if (atBottom && this.away) this.on.leave();
    this.away = !atBottom;
  };

  private readonly wheeled = ({ deltaY }: WheelEvent): void => {
    const { scrollTop, clientHeight, scrollHeight } = this.root;
    const atEnd = this.place.value.below === 0 && scrollTop + clientHeight >= scrollHeight - 1;
    if (deltaY > 0 && atEnd) this.on.leave();
  };

  private measure(): void {
    const height = this.cellHeight();
    const { scrollTop, clientHeight, scrollHeight } = this.root;
    const top = Math.floor(scrollTop / height);
    const below = Math.max(0, Math.round((scrollHeight - scrollTop - clientHeight) / height));
    this.place.value = { at: this.timeAt(top), below: this.atEnd ? below : null };
  }

  private timeAt(top: number): number | null {
    let above = 0;
    let found: number | null = null;
    for (const page of this.pages) {
      for (const { line, at } of page.times) {
        if (above + line > top) return found ?? at;
        found = at;
      }
      above += page.lines.length;
    }
    return found;
  }

  private linesAbove(wanted: Page | undefined): number {
    let above = 0;
    for (const page of this.pages) {
      if (page === wanted) break;
      above += page.lines.length;
    }
    return above;
  }

  private rowAt(line: number): Element | undefined {
    let left = line;
    for (const page of this.allPages()) {
      if (left < page.lines.length) return page.element.children[left];
      left -= page.lines.length;
    }
    return undefined;
  }
}

function pageOf(piece: Piece, lines: readonly Line[], skipped = 0): Page {
  const element = document.createElement("div");
  element.className = "h-page";
  element.append(...lines.map(lineElement));
  const times = piece.times.map(({ line, at }) => ({ line: line - skipped, at })).filter(({ line }) => line >= 0);
  return { begin: piece.begin, end: piece.end, lines, times, element };
}

/** The text printed after a place, as far as one piece reaches. */
export async function textAfter(session: string, cursor: Cursor): Promise<string> {
  const bytes = await download(`/api/sessions/${session}/output?bytes=${PIECE}`);
  const piece = await render(records(bytes), position(cursor).offset);
  return textOf([...piece.lines, ...piece.screen].slice(piece.mark?.line ?? 0)).replace(/\s+$/, "\n");
}
