import { signal } from "@preact/signals";

/** What was opened is shown: what may be needed later, or without a connection, can be loaded. */
export const settled = signal(false);
