// An image of the API. The page's policy shows only what it has in memory: the request needs the page's second secret.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { download } from "../http";

export function Picture({ path, label }: { path: string; label: string }) {
  const url = useSignal<string | null>(null);
  const failed = useSignal(false);
  useEffect(() => {
    let made: string | null = null;
    let gone = false;
    download(path).then(
      (bytes) => {
        if (gone) return;
        made = URL.createObjectURL(new Blob([bytes as BlobPart]));
        url.value = made;
      },
      () => (failed.value = true),
    );
    return () => {
      gone = true;
      if (made) URL.revokeObjectURL(made);
    };
  }, [path]);
  if (failed.value) return <span class="meta">This image cannot be shown.</span>;
  return url.value ? <img src={url.value} alt={label} /> : <span class="bone" />;
}
