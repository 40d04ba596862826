/** macOS writes its own signs; elsewhere the keys have names. */
const mac = /Mac|iP/.test(navigator.platform);
const NAMES: Record<string, string> = { "⌘": "Ctrl", "⌥": "Alt", "⇧": "Shift" };

/** `⌘ K` as keys; single keys are apart by blanks. */
export function Keys({ keys }: { keys: string }) {
  const shown = mac ? keys : keys.replace(/[⌘⌥⇧]/g, (sign) => `${NAMES[sign]} `);
  return (
    <>
      {shown
        .split(" ")
        .filter(Boolean)
        .map((key) => (
          <kbd key={key}>{key}</kbd>
        ))}
    </>
  );
}

/** Whether ⌘ (elsewhere Ctrl) is held, and nothing else but perhaps shift. */
export function command(event: KeyboardEvent): boolean {
  return mac ? event.metaKey && !event.ctrlKey && !event.altKey : event.ctrlKey && !event.metaKey && !event.altKey;
}

export const isMac = mac;

/** Shift makes no difference. */
export const isPaste = (event: KeyboardEvent): boolean => command(event) && event.code === "KeyV";
