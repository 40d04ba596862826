// What is around the live screen, in one file to load: it follows the first frame.

import "../styles/around.css";
export { copyText } from "../ui/copy";
export { History } from "../terminal/history";
export { historyKey } from "../terminal/history_keys";
export { Composer } from "./composer";
export { Consent, writeClip } from "./consent";
export { Ended } from "./ended";
export { clipboardImages, giveImages } from "./give_images";
export { KeyStrip } from "./key_strip";
export { copyLastOutput } from "./last_output";
export { SearchBar } from "./search_bar";
export { NewerPill } from "./newer_pill";
export { Timeline } from "./timeline";
export { ToolBar } from "./tool_bar";
