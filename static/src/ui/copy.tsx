import { useEffect, useState } from "preact/hooks";
import { Icon } from "./icon";
import { toast } from "../toasts";

/** False when the browser refused. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    toast({ text: "The browser did not allow copying.", bad: true });
    return false;
  }
}

/** Turns into a tick for two seconds. */
export function CopyButton({
  text,
  label = "Copy",
  word = false,
  class: name = "ghost",
}: {
  text: string;
  label?: string;
  word?: boolean;
  class?: string;
}) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async (): Promise<void> => setCopied(await copyText(text));
  return (
    <button
      type="button"
      class={`button ${name} ${word ? "" : "icon"}`}
      aria-label={word ? undefined : copied ? "Copied" : label}
      onClick={() => void copy()}
    >
      <Icon name={copied ? "tick" : "copy"} size={word ? 14 : 16} />
      {word && (copied ? "Copied" : label)}
    </button>
  );
}

/** A command that can be copied. */
export function Command({ text }: { text: string }) {
  return (
    <div class="command">
      <span class="dollar" aria-hidden="true">
        $
      </span>
      {/* It may be longer than its box. */}
      <code tabIndex={0}>{text}</code>
      <CopyButton text={text} label={`Copy ${text}`} />
    </div>
  );
}
