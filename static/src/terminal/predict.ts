// Typed letters on a slow link: shown at once, dim, where the program will probably echo them, until it does or does not. Nothing
// is shown before a letter typed since the last other key was echoed where it was expected: not in a password, not where letters
// are commands.

/** What of the screen matters: the cursor, and what stands in a cell. */
export interface Grid {
  x: () => number;
  y: () => number;
  cols: () => number;
  cell: (x: number, y: number) => string;
}

export interface Letter {
  x: number;
  y: number;
  text: string;
}

/** A link that is faster needs no predictions, in ms from a key to its echo. */
const SLOW = 30;
/** What is not echoed within this, in ms, was wrong; or within four times what it usually takes. */
const PATIENCE = 1000;

export class Prediction {
  private expected: (Letter & { at: number })[] = [];
  /** A letter was echoed since the last key that was none. */
  private trusted = false;
  /** How long an echo takes, in ms. */
  private delay = 0;

  constructor(
    private readonly grid: Grid,
    private readonly now: () => number,
  ) {}

  /** What is to be shown before the program has. */
  shown(): readonly Letter[] {
    return this.trusted && this.delay >= SLOW ? this.expected : [];
  }

  /** How long the oldest letter may still be expected, in ms; null without any. */
  patience(): number | null {
    const first = this.expected[0];
    return first ? first.at + Math.max(PATIENCE, 4 * this.delay) - this.now() : null;
  }

  typed(text: string): void {
    if (!/^[ -~]$/.test(text)) return this.forget();
    const { grid } = this;
    const last = this.expected.at(-1);
    const [x, y] = last ? [last.x + 1, last.y] : [grid.x(), grid.y()];
    // What comes next to the edge may be wrapped or scrolled: wait for it.
    if (x >= grid.cols() - 1) return this.forget();
    this.expected.push({ x, y, text, at: this.now() });
  }

  /** The screen may be another one. */
  changed(): void {
    const { grid } = this;
    for (let first = this.expected[0]; first; first = this.expected[0]) {
      if (grid.y() !== first.y) return this.forget();
      if (grid.x() <= first.x) break;
      if (grid.cell(first.x, first.y) !== first.text) return this.forget();
      const took = this.now() - first.at;
      this.delay = this.delay === 0 ? took : this.delay * 0.8 + took * 0.2;
      this.trusted = true;
      this.expected.shift();
    }
    const left = this.patience();
    if (left !== null && left <= 0) this.forget();
  }

  forget(): void {
    this.expected = [];
    this.trusted = false;
  }
}
