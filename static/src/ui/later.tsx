import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

export type Later<P> = ComponentType<P> & {
  /** Loads it before it is shown: without a connection it could not be. */
  load: () => Promise<void>;
};

/**
 * A component that is loaded when it is shown first; until then there is nothing. Where that fails, `failed` is called,
 * or it says so in its place. Shown again, it tries again.
 */
export function later<P extends object>(load: () => Promise<ComponentType<P>>, failed?: () => void): Later<P> {
  let Loaded: ComponentType<P> | null = null;
  const get = async (): Promise<void> => {
    Loaded ??= await load();
  };
  function Later(props: P) {
    const [state, setState] = useState<"loading" | "loaded" | "failed">(Loaded ? "loaded" : "loading");
    const tryIt = (): void => {
      setState("loading");
      get().then(
        () => setState("loaded"),
        () => (failed ? failed() : setState("failed")),
      );
    };
    useEffect(tryIt, []);
    if (Loaded) return <Loaded {...props} />;
    return state === "failed" ? <Failed again={tryIt} /> : null;
  }
  return Object.assign(Later, { load: get });
}

/** Its file is gone: the daemon was updated, or it does not answer. */
function Failed({ again }: { again: () => void }) {
  return (
    <div class="empty" role="alert">
      <p>This could not be loaded: the daemon was updated, or it is not responding.</p>
      <div class="row-of">
        <button class="button" onClick={again}>
          Try again
        </button>
        <button class="button" onClick={() => location.reload()}>
          Reload
        </button>
      </div>
    </div>
  );
}
