// An answer is deliberate: buttons and keys do nothing for a moment after what they are about has appeared or changed.

import { useEffect, useState } from "preact/hooks";
import { live } from "../store";

const SLEEP = 500;

/** True once `what` has been shown long enough, and while the page knows what is. */
export function useReady(what: string): boolean {
  const [ready, setReady] = useState<string | null>(null);
  const connected = live.value;
  useEffect(() => {
    setReady(null);
    if (!connected) return;
    const timer = setTimeout(() => setReady(what), SLEEP);
    return () => clearTimeout(timer);
  }, [what, connected]);
  return ready === what && connected;
}
