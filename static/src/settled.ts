import { signal } from "@preact/signals";

let begin: () => void = () => undefined;
const first = new Promise<void>((done) => (begin = done));

/** The first page is drawn, or nothing to draw has come for a while: what is around it can be loaded. */
export const isDrawn = (): void => begin();

/** Waits with the loading of what is around a page until there is a page: it would only take its time. */
export const whenDrawn =
  <T>(load: () => Promise<T>) =>
  (): Promise<T> =>
    first.then(load);

/** What was opened is shown: what may be needed later, or without a connection, can be loaded. */
export const settled = signal(false);
