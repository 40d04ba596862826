// The texts that were sent to a session from this browser: ↑ in an empty field brings them back.

import { useRef } from "preact/hooks";

/** As many are kept for a session. */
const MOST = 50;

const keyOf = (session: string): string => `codepiper.sent.${session}`;

function sentTo(session: string): string[] {
  try {
    return JSON.parse(sessionStorage.getItem(keyOf(session)) ?? "[]") as string[];
  } catch {
    return [];
  }
}

/** Remembers a text that was sent. */
export function remember(session: string, text: string): void {
  const others = sentTo(session).filter((sent) => sent !== text);
  sessionStorage.setItem(keyOf(session), JSON.stringify([...others, text].slice(-MOST)));
}

/**
 * Goes through what was sent, as a shell does. It answers with the text for the field, or with null when the key is the
 * field's own: ↑ goes back from an empty field or from a text that was brought back, ↓ forth.
 */
export function useEarlier(session: string): (key: string, text: string) => string | null {
  const shown = useRef<{ at: number; text: string } | null>(null);
  return (key, text) => {
    const step = key === "ArrowUp" ? -1 : key === "ArrowDown" ? 1 : 0;
    if (step === 0) return null;
    const sent = sentTo(session);
    // What was changed is not left for another text.
    const at = shown.current?.text === text ? shown.current.at : text === "" ? sent.length : null;
    if (at === null || at + step < 0 || at + step > sent.length) return null;
    const next = sent[at + step] ?? "";
    shown.current = { at: at + step, text: next };
    return next;
  };
}
