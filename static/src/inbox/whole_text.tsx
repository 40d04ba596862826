import { useEffect, useRef } from "preact/hooks";

interface Props {
  text: string;
  /** What it is, for a screen reader. */
  label: string;
  /** Told whether all of it has been on the screen. */
  onRead: (read: boolean) => void;
}

/** A text of others, whole; where it is longer than its box it has to be scrolled to its end. */
export function WholeText({ text, label, onRead }: Props) {
  const box = useRef<HTMLPreElement>(null);
  const look = (): void => {
    const { current } = box;
    if (!current) return;
    const { scrollTop, clientHeight, scrollHeight, scrollLeft, clientWidth, scrollWidth } = current;
    if (scrollTop + clientHeight >= scrollHeight - 2 && scrollLeft + clientWidth >= scrollWidth - 2) onRead(true);
  };
  useEffect(() => {
    onRead(false);
    look();
  }, [text]);
  return (
    <pre ref={box} class="whole-text" role="region" aria-label={label} tabIndex={0} onScroll={look}>
      {text}
    </pre>
  );
}
