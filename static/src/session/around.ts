// What is around the live screen, in one file to load: it follows the first frame.

export { History, textAfter } from "../terminal/history";
export { Composer } from "./composer";
export { KeyStrip } from "./key_strip";
export { SearchBar } from "./search_bar";
export { SizeChip } from "./size_chip";
export { Timeline } from "./timeline";
