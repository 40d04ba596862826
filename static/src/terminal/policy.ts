// The content security policy allows style sheets of scripts, but no style elements and no style attributes in text.
// xterm makes both, and has no option for it.

let given = false;

/** From now on what scripts create as style elements are style sheets, and a span's `style` goes through the CSSOM. */
export function liveWithPolicy(): void {
  if (given) return;
  given = true;
  const create = document.createElement.bind(document) as (
    tag: string,
    options?: ElementCreationOptions,
  ) => HTMLElement;
  document.createElement = ((tag: string, options?: ElementCreationOptions): HTMLElement =>
    tag === "style" ? styleSheet(create) : create(tag, options)) as typeof document.createElement;
  HTMLSpanElement.prototype.setAttribute = function (this: HTMLSpanElement, name: string, value: string): void {
    if (name === "style") this.style.cssText = value;
    else Element.prototype.setAttribute.call(this, name, value);
  };
}

/** Stands for a style element: its text becomes a style sheet of the document, until it is removed. */
function styleSheet(create: (tag: string) => HTMLElement): HTMLElement {
  const sheet = new CSSStyleSheet();
  const element = create("template");
  document.adoptedStyleSheets.push(sheet);
  Object.defineProperty(element, "textContent", { set: (css: string) => sheet.replaceSync(css) });
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet);
    Element.prototype.remove.call(element);
  };
  return element;
}
