/** For the `ref` of what has the focus first: `autofocus` counts only while a page loads. */
export function focusFirst(element: HTMLElement | null): void {
  element?.focus();
}
