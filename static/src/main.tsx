import "./styles/tokens.css";
import "./styles/base.css";
import { render } from "preact";
import { App } from "./app";
import { startLogin } from "./login";
import { startTheme } from "./theme";

startTheme();
startLogin();
render(<App />, document.body);

if (import.meta.env.PROD && "serviceWorker" in navigator) {
  // Without it the page works as well; it is for opening it while the daemon is away.
  void navigator.serviceWorker.register("/sw.js").catch(() => undefined);
}
