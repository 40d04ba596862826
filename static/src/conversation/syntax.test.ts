import { expect, it } from "vitest";
import { runs } from "./syntax";

it("finds what the words of a program are", () => {
  expect(runs('// two\nconst a = new Map(f("x", 1));', "ts")?.filter(([, kind]) => kind !== null)).toEqual([
    ["// two", "com"],
    ["const", "key"],
    ["new", "key"],
    ["Map", "type"],
    ["f", "fn"],
    ['"x"', "str"],
    ["1", "num"],
  ]);
  expect(runs("-one\n+two", "diff")?.map(([, kind]) => kind)).toEqual(["del", null, "add"]);
  expect(runs("`a${b}c`", "js")?.map(([text, kind]) => [text, kind])).toEqual([
    ["`a", "str"],
    ["${b}", null],
    ["c`", "str"],
  ]);
});

it("changes no character, whatever the language and however wrong the program", () => {
  const code = `</span><span class="hljs-x"><script>alert('1')</script> &amp; &#x27; "a \${b} # { [section]\n$ echo é 🙂 \\\n  'open`;
  for (const language of "bash c cpp css diff dockerfile go ini java js jsx json makefile md py rs sh console sql toml ts tsx html svg xml yml".split(
    " ",
  )) {
    expect(
      runs(code, language)
        ?.map(([text]) => text)
        .join(""),
      language,
    ).toBe(code);
  }
});

it("leaves a language that it does not know", () => {
  for (const language of ["", "brainfuck", "constructor", "__proto__"]) expect(runs("x", language)).toBeNull();
});
