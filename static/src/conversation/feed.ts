// The entries of a conversation: loaded in blocks where one looks, and kept right as they change.

import { signal } from "@preact/signals";
import type { Conversation, Entry, Usage } from "../wire";
import { problemOf, request } from "../http";

/** Entries in one request. */
const BLOCK = 100;
/** More changes than this at once: everything is asked for anew. */
const CHANGES = 500;
/** A text that was asked for whole, in bytes. */
const WHOLE = 4 * 1024 * 1024;

export class Feed {
  /** Counts what was learned: whoever shows something looks again. */
  readonly learned = signal(0);
  readonly loaded = signal(false);
  readonly failed = signal<string | null>(null);
  id: string | null = null;
  total = 0;
  usage: Usage | null = null;
  model: string | null = null;
  private generation: number | null = null;
  private revision = 0;
  private readonly entries = new Map<number, Entry>();
  private readonly asked = new Set<number>();
  private refreshing = false;
  private again = false;

  constructor(
    private readonly session: string,
    private readonly agent: string | null = null,
  ) {}

  entry(number: number): Entry | undefined {
    return this.entries.get(number);
  }

  /** What changed since it was asked last. Several at once are one request more. */
  async refresh(): Promise<void> {
    if (this.refreshing) {
      this.again = true;
      return;
    }
    this.refreshing = true;
    do {
      this.again = false;
      try {
        const known = this.generation;
        const answer = await this.ask(
          known === null ? `limit=${BLOCK}` : `changed_after=${this.revision}&limit=${CHANGES}`,
        );
        const stale = known !== null && (answer.generation !== known || answer.entries.length === CHANGES);
        if (stale) {
          this.entries.clear();
          this.asked.clear();
          this.generation = null;
          this.again = true;
        } else {
          this.take(answer);
          this.revision = answer.revision;
        }
      } catch (error) {
        this.failed.value = problemOf(error).detail;
      }
    } while (this.again);
    this.refreshing = false;
    this.loaded.value = true;
    this.learned.value += 1;
  }

  /** Asks for what is missing between two entries. */
  need(from: number, to: number): void {
    for (let block = Math.floor(from / BLOCK); block * BLOCK < Math.min(to, this.total); block++) {
      const first = block * BLOCK;
      const last = Math.min(first + BLOCK, this.total);
      let missing = false;
      for (let number = Math.max(first, from); number < Math.min(last, to); number++)
        missing ||= !this.entries.has(number);
      if (missing && !this.asked.has(block)) void this.load(block, last);
    }
  }

  /** An entry with all of its texts. */
  async whole(number: number): Promise<void> {
    this.take(await this.ask(`before=${number + 1}&limit=1&longest=${WHOLE}`));
    this.learned.value += 1;
  }

  private async load(block: number, before: number): Promise<void> {
    this.asked.add(block);
    try {
      const answer = await this.ask(`before=${before}&limit=${BLOCK}`);
      if (answer.generation === this.generation) this.take(answer);
    } catch (error) {
      this.failed.value = problemOf(error).detail;
    }
    this.asked.delete(block);
    this.learned.value += 1;
  }

  private take(answer: Conversation): void {
    this.failed.value = null;
    this.generation = answer.generation;
    this.id = answer.id;
    this.total = answer.total;
    this.usage = answer.usage;
    this.model = answer.model;
    for (const entry of answer.entries) {
      const known = this.entries.get(entry.number);
      // What was asked for whole stays whole.
      if (!known || known.revision < entry.revision || known.cut) this.entries.set(entry.number, entry);
    }
  }

  private ask(query: string): Promise<Conversation> {
    const agent = this.agent === null ? "" : `&agent=${encodeURIComponent(this.agent)}`;
    return request<Conversation>("GET", `/api/sessions/${this.session}/conversation?${query}${agent}`);
  }
}
