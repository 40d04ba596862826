// Older output comes as a row of records: a tag, a length, and that many bytes.

import { OUTPUT_RECORD_OUTPUT, OUTPUT_RECORD_PART, OUTPUT_RECORD_SCREEN, type OutputPart } from "../wire";

export type Record =
  | { kind: "part"; part: OutputPart }
  | { kind: "output"; bytes: Uint8Array }
  /** The screen of the keyframe just before it. */
  | { kind: "screen"; bytes: Uint8Array };

const HEAD = 5;

export function records(answer: Uint8Array): Record[] {
  const view = new DataView(answer.buffer, answer.byteOffset, answer.byteLength);
  const text = new TextDecoder();
  const found: Record[] = [];
  let at = 0;
  while (at < answer.length) {
    if (at + HEAD > answer.length) throw new Error("the output is cut off");
    const end = at + HEAD + view.getUint32(at + 1);
    if (end > answer.length) throw new Error("the output is cut off");
    const bytes = answer.subarray(at + HEAD, end);
    switch (view.getUint8(at)) {
      case OUTPUT_RECORD_PART:
        found.push({ kind: "part", part: JSON.parse(text.decode(bytes)) as OutputPart });
        break;
      case OUTPUT_RECORD_OUTPUT:
        found.push({ kind: "output", bytes });
        break;
      case OUTPUT_RECORD_SCREEN:
        found.push({ kind: "screen", bytes });
        break;
      // Others may come later; they mean nothing here.
    }
    at = end;
  }
  return found;
}
