import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

/** A component that is loaded when it is shown first; until then there is nothing. */
export function later<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let Loaded: ComponentType<P> | null = null;
  return function Later(props: P) {
    const [state, setState] = useState<"loading" | "loaded" | "failed">(Loaded ? "loaded" : "loading");
    useEffect(() => {
      // Another one may have loaded it since this one was drawn.
      if (Loaded) return setState("loaded");
      load().then(
        (component) => {
          Loaded = component;
          setState("loaded");
        },
        () => setState("failed"),
      );
    }, []);
    if (Loaded) return <Loaded {...props} />;
    return state === "failed" ? <Failed /> : null;
  };
}

/** Its file is gone: the daemon was updated, or it does not answer. */
function Failed() {
  return (
    <div class="empty" role="alert">
      <p>This could not be loaded: the daemon was updated, or it is not responding.</p>
      <button class="button" onClick={() => location.reload()}>
        Reload
      </button>
    </div>
  );
}
