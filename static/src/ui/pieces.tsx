import type { Piece } from "../describe";

/** A sentence in which code is set as code. */
export function Pieces({ pieces }: { pieces: readonly Piece[] }) {
  return <>{pieces.map(({ text, code }, index) => (code ? <code key={index}>{text}</code> : text))}</>;
}
