// What is not at the address of the page.

import { signal } from "@preact/signals";
import { later } from "./later";

/** As a title. */
export const missing = signal<string | null>(null);

export const NotFound = later<{ what?: string; why?: string }>(() =>
  import("./not_found").then(({ NotFound }) => NotFound),
);
