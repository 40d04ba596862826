// What leaves the screen is history in tmux, wherever a scroll region stands and however it is moved or cleared.
// xterm.js keeps only what a line feed pushes off its first row.

import type { Terminal } from "@xterm/xterm";

/** The parts of xterm.js that scroll; its public interface has none. */
interface Core {
  readonly _bufferService: {
    readonly buffer: Rows;
    scroll: (look: unknown, wrapped?: boolean) => void;
  };
  readonly _inputHandler: {
    _eraseAttrData: () => unknown;
    eraseInDisplay: (params: { params: number[] }) => boolean;
  };
}

interface Rows {
  readonly x: number;
  readonly y: number;
  ybase: number;
  ydisp: number;
  scrollTop: number;
  scrollBottom: number;
  readonly lines: {
    get: (y: number) => { clone: () => unknown } | undefined;
    splice: (from: number, removed: number, ...added: unknown[]) => void;
  };
}

const ERASE_ALL = 2;
const ERASE_SCROLLBACK = 3;

export function keepScrolled(terminal: Terminal): void {
  const { _bufferService: buffers, _inputHandler: input } = (terminal as unknown as { _core: Core })._core;
  const isMain = (): boolean => terminal.buffer.active.type === "normal";
  const scroll = buffers.scroll.bind(buffers);
  buffers.scroll = (look, wrapped) => {
    const { buffer } = buffers;
    const line = buffer.scrollTop > 0 && isMain() ? buffer.lines.get(buffer.ybase + buffer.scrollTop) : undefined;
    if (line) {
      buffer.lines.splice(buffer.ybase, 0, line.clone());
      buffer.ybase++;
      buffer.ydisp++;
    }
    scroll(look, wrapped);
  };
  terminal.parser.registerCsiHandler({ final: "S" }, ([count]) => {
    if (!isMain()) return false;
    const { scrollTop, scrollBottom } = buffers.buffer;
    const most = scrollBottom - scrollTop + 1;
    for (let left = Math.min(Number(count) || 1, most); left > 0; left--) buffers.scroll(input._eraseAttrData());
    return true;
  });
  terminal.parser.registerCsiHandler({ final: "J" }, ([what = 0]) => {
    // The log forgets nothing, also when a program clears its scrollback.
    if (what === ERASE_SCROLLBACK) return true;
    const { buffer } = buffers;
    const all = what === ERASE_ALL || (what === 0 && buffer.x === 0 && buffer.y === 0);
    if (!all || !isMain()) return false;
    const { scrollTop, scrollBottom } = buffer;
    [buffer.scrollTop, buffer.scrollBottom] = [0, terminal.rows - 1];
    input.eraseInDisplay({ params: [ERASE_ALL] });
    [buffer.scrollTop, buffer.scrollBottom] = [scrollTop, scrollBottom];
    return true;
  });
}
