import type { Description } from "../wire";
import { Path } from "./path";

/** What happened, with what one could type set as code. */
export function Described({ of: { text, code } }: { of: Description }) {
  return (
    <>
      {text}
      {code !== undefined && (
        <>
          {" "}
          <code>{/^[/~]\S+$/.test(code) ? <Path path={code} /> : code}</code>
        </>
      )}
    </>
  );
}

/** The same as plain text. */
export function describedText({ text, code }: Description): string {
  return code === undefined ? text : `${text} ${code}`;
}
