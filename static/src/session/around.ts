// What is around the live screen, in one file to load: it follows the first frame.

import "../styles/around.css";
export { copySelection } from "./copy_selection";
export { History } from "../terminal/history";
export { historyKey } from "../terminal/history_keys";
export { Composer } from "./composer";
export { Consent, writeClip } from "./consent";
export { Ended } from "./ended";
export { give, giveImages } from "./give";
export { copyLastOutput } from "./last_output";
export { pasteText } from "./paste_text";
export { paste } from "./pasting";
export { SearchBar } from "./search_bar";
export { NewerPill } from "./newer_pill";
export { Timeline } from "./timeline";
export { actionsOf } from "./terminal_actions";
export { ToolBar } from "./tool_bar";
export { fitOrRestore } from "./window_size";
export { predict } from "../terminal/predicted";
