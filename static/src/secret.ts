// The second secret of a login: the cookie alone opens nothing, because cookies ignore ports.

import { SECRET_HEADER } from "./wire";

const KEY = "codepiper.secret";

export function secret(): string | null {
  return localStorage.getItem(KEY);
}

export function keepSecret(value: string | null): void {
  if (value === null) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, value);
}

export function secretHeaders(): Record<string, string> {
  const value = secret();
  return value === null ? {} : { [SECRET_HEADER]: value };
}
