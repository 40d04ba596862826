// A live terminal in a tile: scaled into its room, whatever its size is, and never resized.

import type { Session } from "../wire";
import type { Subscription } from "../connection";
import { clipboard, keepAlt, letterSize, option } from "../preferences";
import { isOfPage } from "../shortcuts";
import { copySelection } from "../session/copy_selection";
import { connection } from "../store";
import type { Asked } from "../terminal/asked";
import { modifiedKey } from "../terminal/modified";
import { MAGNIFIED } from "../terminal/fit";
import { asksForSecret, openScreen, type Screen } from "../terminal/screen";
import { letterWidth } from "../terminal/theme";
import { toast } from "../toasts";
import { copyText } from "../ui/copy";
import { command, isMac, isPaste } from "../ui/keys";
import { isLive } from "../words";

/** Smaller letters are only a grey line, in px. */
const TINY = 3;
/** Browsers know so many sizes of letters between two whole ones. */
const STEPS = 64;

export class TileTerminal {
  private readonly screen: Screen;
  private readonly subscription: Subscription;
  private readonly room: ResizeObserver;

  constructor(
    /** As it is now. */
    public session: Session,
    host: HTMLElement,
    private readonly frame: HTMLElement,
    /** Gives the focus to the tile. */
    private readonly leave: () => void,
  ) {
    this.screen = openScreen(host, session.size, letterSize.value, {
      typed: this.type,
      clip: (text) => clipboard.value === "allow" && void copyText(text),
      resized: this.fit,
      link: () => undefined,
      key: this.pressed,
    });
    this.subscription = connection.subscribe(session.id, "live", "latest", (item) => {
      const offset = "at" in item ? item.at.offset : 0;
      this.screen.take(item, () => {
        if (item.kind === "output" || item.kind === "keyframe") this.subscription.consumed(offset);
      });
    });
    frame.addEventListener("paste", this.paste, { capture: true });
    this.room = new ResizeObserver(this.fit);
    this.room.observe(frame);
    // The other renderer has cells of another size.
    const rendered = host.querySelector(".xterm-screen");
    if (rendered) this.room.observe(rendered);
  }

  /**
   * Makes the letters as large as fits. A cell is as wide as whole pixels of the device: WebGL has no others, and the tile that is
   * typed into would have smaller letters than before.
   */
  readonly fit = (): void => {
    const room = { width: this.frame.clientWidth - 12, height: this.frame.clientHeight - 8 };
    if (room.width <= 0 || room.height <= 0) return;
    const { cols, rows, options } = this.screen.terminal;
    const wide = (letterWidth(this.frame, 100) / 100) * devicePixelRatio;
    const high = this.screen.cell().height / (options.fontSize ?? letterSize.value);
    const most = Math.min(
      letterSize.value * MAGNIFIED,
      room.width / cols / (wide / devicePixelRatio),
      room.height / rows / high,
    );
    const least = Math.ceil(TINY * wide);
    // What is rounded may be a pixel too high.
    for (let pixels = Math.max(least, Math.floor(most * wide)); ; pixels--) {
      this.screen.scale(Math.round((pixels / wide) * STEPS) / STEPS);
      if (pixels <= least || this.screen.cell().height * rows <= room.height + 1) return;
    }
  };

  /** Browsers allow few WebGL contexts: only the tile that one types into has one. */
  accelerate(on: boolean): void {
    this.screen.accelerate(on);
    this.fit();
  }

  restyle(): void {
    this.screen.restyle();
    this.fit();
  }

  focus(): void {
    this.screen.terminal.focus();
  }

  private readonly paste = (event: ClipboardEvent): void => {
    event.preventDefault();
    event.stopPropagation();
    const text = event.clipboardData?.getData("text/plain") ?? "";
    import("../session/around").then(
      ({ pasteText }) => pasteText(this.screen.terminal, text),
      () => toast({ text: "Not sent: no connection.", bad: true }),
    );
  };

  close(): void {
    this.frame.removeEventListener("paste", this.paste, { capture: true });
    this.room.disconnect();
    this.subscription.close();
    this.screen.dispose();
  }

  private readonly type = (bytes: Uint8Array): void => {
    if (!isLive(this.session)) toast({ text: "Not sent: the session has ended.", bad: true });
    else if (!this.subscription.type(bytes, asksForSecret(this.screen.terminal)))
      toast({ text: "Not sent: no connection.", bad: true });
  };

  private readonly pressed = (event: KeyboardEvent, asked: Asked): boolean => {
    const done = (run: () => void): false => {
      event.preventDefault();
      event.stopPropagation();
      run();
      return false;
    };
    if (keepAlt.value === "off" ? event.altKey && event.key === "Escape" : event.key === "F6") return done(this.leave);
    if (isOfPage(event)) return false;
    const { terminal } = this.screen;
    if (command(event) && event.code === "KeyC" && terminal.hasSelection()) {
      return done(() => void copySelection(terminal.getSelection()));
    }
    // The browser pastes.
    if (isPaste(event)) return false;
    const key = modifiedKey(event, asked, isMac && option.value === "compose");
    return key === null || done(() => this.type(new TextEncoder().encode(key)));
  };
}
