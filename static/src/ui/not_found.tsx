import { useEffect } from "preact/hooks";
import { missing } from "./missing";

export function NotFound({ what = "Page", why }: { what?: string; why?: string }) {
  const title = `${what} not found`;
  useEffect(() => {
    missing.value = title;
    return () => {
      missing.value = null;
    };
  }, []);
  return (
    <div class="empty">
      <h1 class="visually-hidden">Not found</h1>
      <h2>{title}</h2>
      {why && <p>{why}</p>}
      <a class="button primary large" href="/">
        Go to Sessions
      </a>
    </div>
  );
}
