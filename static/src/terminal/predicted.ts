// Draws what is predicted over the terminal, a letter a cell.

import type { Terminal } from "@xterm/xterm";
import { Prediction } from "./predict";

export interface Predicted {
  /** It was sent to the program. */
  typed: (bytes: Uint8Array) => void;
  dispose: () => void;
}

export function predict(terminal: Terminal): Predicted {
  const grid = {
    x: () => terminal.buffer.active.cursorX,
    y: () => terminal.buffer.active.cursorY,
    cols: () => terminal.cols,
    cell: (x: number, y: number) => {
      const { active } = terminal.buffer;
      return (
        active
          .getLine(active.baseY + y)
          ?.getCell(x)
          ?.getChars() || " "
      );
    },
  };
  const prediction = new Prediction(grid, () => performance.now());
  const layer = document.createElement("div");
  layer.className = "predicted";
  layer.ariaHidden = "true";
  let timer: ReturnType<typeof setTimeout> | undefined;
  const draw = (): void => {
    const letters = prediction.shown();
    if (letters.length === 0 && !layer.hasChildNodes()) return;
    const screen = terminal.element?.querySelector<HTMLElement>(".xterm-screen");
    if (!screen) return;
    if (layer.parentElement !== screen) screen.append(layer);
    const { width, height } = screen.getBoundingClientRect();
    const cell = { width: width / terminal.cols, height: height / terminal.rows };
    const { foreground = "", background = "" } = terminal.options.theme ?? {};
    layer.style.color = `color-mix(in srgb, ${foreground} 60%, ${background})`;
    layer.style.setProperty("--behind", background);
    layer.style.font = `${terminal.options.fontSize}px/${cell.height}px ${terminal.options.fontFamily}`;
    layer.replaceChildren(
      ...letters.map(({ x, y, text }) => {
        const letter = document.createElement("span");
        letter.textContent = text;
        Object.assign(letter.style, {
          left: `${x * cell.width}px`,
          top: `${y * cell.height}px`,
          width: `${cell.width}px`,
          height: `${cell.height}px`,
        });
        return letter;
      }),
    );
  };
  const changed = (): void => {
    prediction.changed();
    draw();
    // What is not shown is forgotten when it is looked at next.
    if (!layer.hasChildNodes()) return;
    clearTimeout(timer);
    timer = setTimeout(changed, (prediction.patience() ?? 0) + 1);
  };
  const parsed = terminal.onWriteParsed(changed);
  return {
    typed: (bytes) => {
      // More than a key is a paste, a sequence or a letter of another script.
      prediction.typed(bytes.length === 1 ? String.fromCharCode(bytes[0]!) : "");
      changed();
    },
    dispose: () => {
      clearTimeout(timer);
      parsed.dispose();
      layer.remove();
    },
  };
}
