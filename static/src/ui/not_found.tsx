import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

/** There is nothing at the address of the page. */
export const missing = signal(false);

export function NotFound() {
  useEffect(() => {
    missing.value = true;
    return () => {
      missing.value = false;
    };
  }, []);
  return (
    <div class="empty">
      <h1 class="visually-hidden">Not found</h1>
      <h2>Page not found</h2>
      <a class="button primary large" href="/">
        Go to Sessions
      </a>
    </div>
  );
}
