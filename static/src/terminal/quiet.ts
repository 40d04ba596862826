// A viewer never answers: tmux has answered every question that a program asks its terminal.

import type { IDisposable, Terminal } from "@xterm/xterm";

/** Reports of the terminal itself that no handler below can prevent: focus. */
const FOCUS = /^\x1b\[[IO]$/;

/** Whether data that xterm wants to send was caused by a person. */
export function isTyped(data: string): boolean {
  return !FOCUS.test(data);
}

/** Takes away xterm's answers to questions in the output. */
export function silence(terminal: Terminal): IDisposable[] {
  const { parser } = terminal;
  const swallow = (): boolean => true;
  const asks = (data: string): boolean => data.split(";").includes("?");
  return [
    parser.registerCsiHandler({ final: "c" }, swallow),
    parser.registerCsiHandler({ prefix: ">", final: "c" }, swallow),
    parser.registerCsiHandler({ prefix: "=", final: "c" }, swallow),
    parser.registerCsiHandler({ final: "n" }, swallow),
    parser.registerCsiHandler({ prefix: "?", final: "n" }, swallow),
    parser.registerCsiHandler({ intermediates: "$", final: "p" }, swallow),
    parser.registerCsiHandler({ prefix: "?", intermediates: "$", final: "p" }, swallow),
    parser.registerCsiHandler({ prefix: ">", final: "q" }, swallow),
    parser.registerCsiHandler({ prefix: "?", final: "u" }, swallow),
    parser.registerCsiHandler({ final: "t" }, ([what]) => typeof what === "number" && what >= 11 && what <= 21),
    parser.registerDcsHandler({ intermediates: "$", final: "q" }, swallow),
    parser.registerDcsHandler({ intermediates: "+", final: "q" }, swallow),
    ...[4, 10, 11, 12].map((code) => parser.registerOscHandler(code, asks)),
  ];
}
