import type { Cursor } from "./wire";

/** The address of a byte of a session's output, in numbers. */
export interface Position {
  readonly epoch: number;
  /** Bytes since the session began. */
  readonly offset: number;
}

export function position(cursor: Cursor): Position {
  const [epoch, offset] = cursor.split(":").map(Number);
  if (epoch === undefined || offset === undefined || !Number.isSafeInteger(epoch) || !Number.isSafeInteger(offset)) {
    throw new Error(`'${cursor}' is not a cursor`);
  }
  return { epoch, offset };
}

export function cursorOf({ epoch, offset }: Position): Cursor {
  return `${epoch}:${offset}`;
}
