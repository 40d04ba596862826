import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";

export interface Question {
  title: string;
  /** What is lost, and what stays. */
  text: ComponentChildren;
  /** The verb of its button. */
  verb: string;
  destroys?: boolean;
  /** Enter confirms; otherwise it cancels. */
  confirms?: boolean;
  run: () => Promise<unknown>;
}

export const question = signal<Question | null>(null);

/** Asks before something that cannot be taken back. */
export function ask(asked: Question): void {
  question.value = asked;
}
