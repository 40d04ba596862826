import { home } from "../store";
import { foreign, pathParts, tilde } from "../words";

/** A path that is cut in its middle: the last part stays. */
export function Path({ path }: { path: string }) {
  const [first, last] = pathParts(tilde(path, home.value));
  return (
    <span class="path" title={foreign(path)}>
      <span>{foreign(first)}</span>
      <span>{foreign(last)}</span>
    </span>
  );
}
