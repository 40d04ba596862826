// What the daemon says of its providers. The dashboard knows none of them by its name.

import { signal } from "@preact/signals";
import type { Provider } from "./wire";

/** Null until they are known. */
export const providers = signal<readonly Provider[] | null>(null);

export function providerOf(name: string): Provider | undefined {
  return providers.value?.find((provider) => provider.name === name);
}

/** What people call it. */
export function providerName(name: string): string {
  return providerOf(name)?.label ?? name;
}

/** It works on prompts, in turns: as most do, while nothing is known of it. */
export function isAgent(name: string): boolean {
  return providerOf(name)?.agent ?? true;
}

/** The one to begin with: an agent that is installed, if there is one. */
export function firstChoice(): Provider | undefined {
  const found = providers.value?.filter((provider) => provider.found !== null) ?? [];
  return found.find((provider) => provider.agent) ?? found[0];
}
