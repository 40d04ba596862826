// How high the entries of a long list are: measured where they were shown, estimated elsewhere.

interface Named {
  key: string;
}

export class Heights {
  private heights: number[] = [];
  /** Where each entry begins, as far as that is known to be right. */
  private tops: number[] = [0];

  /** `estimate`: of an entry that was never shown, in px. */
  constructor(private readonly estimate: number) {}

  get count(): number {
    return this.heights.length;
  }

  /** So many entries there are from now on. */
  resize(count: number): void {
    while (this.heights.length < count) this.heights.push(this.estimate);
    this.heights.length = count;
    this.tops.length = Math.min(this.tops.length, count + 1);
  }

  /** Entries by name: those that are still there are as high as they were. What changes is mostly in one place. */
  carry(before: readonly Named[], after: readonly Named[]): void {
    const shorter = Math.min(before.length, after.length);
    let start = 0;
    while (start < shorter && before[start]?.key === after[start]?.key) start++;
    let end = 0;
    while (end < shorter - start && before.at(-1 - end)?.key === after.at(-1 - end)?.key) end++;
    const heights = this.heights;
    const known = new Map<string, number | undefined>();
    for (let at = start; at < before.length - end; at++) known.set(before[at]!.key, heights[at]);
    const changed = after.slice(start, after.length - end).map(({ key }) => known.get(key) ?? this.estimate);
    this.heights = heights.slice(0, start).concat(changed, heights.slice(before.length - end));
    this.tops.length = Math.min(this.tops.length, start + 1);
  }

  forget(): void {
    this.heights = [];
    this.tops = [0];
  }

  /** By how much it differs from what was thought. */
  measure(index: number, height: number): number {
    const before = this.heights[index];
    if (before === undefined || before === height) return 0;
    this.heights[index] = height;
    this.tops.length = Math.min(this.tops.length, index + 1);
    return height - before;
  }

  /** Where an entry begins; of the count, where the last one ends. */
  top(index: number): number {
    for (let at = this.tops.length; at <= index; at++)
      this.tops[at] = (this.tops[at - 1] ?? 0) + (this.heights[at - 1] ?? 0);
    return this.tops[index] ?? 0;
  }

  get total(): number {
    return this.top(this.count);
  }

  /** The entry at this height. */
  at(y: number): number {
    let low = 0;
    let high = Math.max(0, this.count - 1);
    this.top(this.count);
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.top(middle) <= y) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
