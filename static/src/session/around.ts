// What is around the live screen, in one file to load: it follows the first frame.

import "../styles/around.css";
export { copyText } from "../ui/copy";
export { History, textAfter } from "../terminal/history";
export { Composer } from "./composer";
export { Ended } from "./ended";
export { giveImages } from "./give_images";
export { ImageButton } from "./image_button";
export { KeyStrip } from "./key_strip";
export { SearchBar } from "./search_bar";
export { SizeChip } from "./size_chip";
export { Timeline } from "./timeline";
