import type { JSX } from "preact";
import type { StateIcon } from "../words";

/** States differ in outline, not only in hue; only what waits is filled. */
export function StateMark({ icon, size = 16 }: { icon: StateIcon; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-linecap="round"
      stroke-linejoin="round"
      stroke-width="1.5"
      aria-hidden="true"
    >
      {MARKS[icon]()}
    </svg>
  );
}

const ring = () => <circle cx="8" cy="8" r="5.6" />;
const question = "M6.6 6.6a1.5 1.5 0 1 1 2.2 1.3c-.5.3-.8.6-.8 1.1M8 11h.01";

// Made anew each time: an element that is kept keeps the tree that it was drawn in last.
const MARKS: Record<StateIcon, () => JSX.Element> = {
  starting: () => <circle cx="8" cy="8" r="5.6" stroke-dasharray="2.4 2" />,
  working: () => (
    <>
      <circle cx="8" cy="8" r="5.6" opacity=".38" />
      <path d="M8 2.4a5.6 5.6 0 0 1 5.6 5.6" />
      <circle cx="8" cy="8" r="1.5" fill="currentColor" stroke="none" />
    </>
  ),
  idle: () => (
    <>
      {ring()}
      <path d="M5.8 8h4.4" />
    </>
  ),
  finished: () => (
    <>
      {ring()}
      <path d="M5.6 8.2l1.7 1.7 3.2-3.4" />
    </>
  ),
  unknown: () => (
    <>
      <circle cx="8" cy="8" r="5.6" stroke-dasharray="7.6 1.2" />
      <path d={question} />
    </>
  ),
  permission: () => (
    <>
      <path d="M8 1.2 14.8 8 8 14.8 1.2 8z" fill="currentColor" stroke-width="1" />
      <path d="M8 4.9v3.6M8 10.8h.01" stroke="var(--ink)" stroke-width="1.7" />
    </>
  ),
  question: () => (
    <>
      <path d="M2 2.4h12v9H9.2L6.6 14v-2.6H2z" fill="currentColor" stroke-width="1" />
      <path d="M6.6 5.5a1.5 1.5 0 1 1 2.2 1.3c-.5.3-.8.4-.8.9M8 9.4h.01" stroke="var(--ink)" />
    </>
  ),
  stopped: () => <rect x="3.4" y="3.4" width="9.2" height="9.2" rx="1.4" />,
  crashed: () => <path d="M5.5 2h5L14 5.5v5L10.5 14h-5L2 10.5v-5zM6 6l4 4M10 6l-4 4" />,
};
