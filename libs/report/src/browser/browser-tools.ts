/// <reference lib="dom" />
// What the scripts in the reader's browser share: elements, lists, numbers, stepping through questions. One function without anything
// from outside, since its text goes into the page as it is.

/** What the scripts share. */
export type BrowserTools = ReturnType<typeof browserTools>;

/** Makes them. */
export function browserTools() {
  return { make, select, fill, share, ordinal, control };

  /** An element with attributes and content. */
  function make(
    tag: string,
    attributes: Record<string, string> = {},
    ...content: (Node | string)[]
  ): HTMLElement {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...content);
    return element;
  }

  function select(id: string): HTMLSelectElement {
    const element = document.getElementById(id);
    if (!(element instanceof HTMLSelectElement)) throw new Error(`the page has no ${id}`);
    return element;
  }

  function fill(
    element: HTMLSelectElement,
    options: readonly (readonly [value: string, text: string])[],
  ): void {
    const before = element.value;
    element.replaceChildren(...options.map(([value, text]) => make('option', { value }, text)));
    if (options.some(([value]) => value === before)) element.value = before;
    element.disabled = options.length < 2;
  }

  function share(value: number): string {
    return value
      .toFixed(value < 10 ? 3 : 1)
      .replace(/^(-?)0\./, '$1.')
      .replace('-', '−');
  }

  /** "the ", "the 2nd ". */
  function ordinal(place: number): string {
    if (place === 1) return 'the ';
    const ending =
      place % 100 > 10 && place % 100 < 14 ? 'th' : (['th', 'st', 'nd', 'rd'][place % 10] ?? 'th');
    return `the ${place}${ending} `;
  }

  /** Calls `show` when a control changes; arrows and buttons step through the questions. */
  function control(section: string, ids: readonly string[], show: () => void): void {
    const room = document.querySelector(`[data-browser="${section}"]`);
    const question = select(ids[0] ?? '');
    const step = (by: number): void => {
      const count = question.options.length;
      question.selectedIndex = (question.selectedIndex + by + count) % count;
      show();
    };
    for (const id of ids) select(id).addEventListener('change', show);
    for (const button of room?.querySelectorAll<HTMLElement>('[data-step]') ?? [])
      button.addEventListener('click', () => step(Number(button.dataset['step'])));
    room?.addEventListener('keydown', (event) => {
      if (!(event instanceof KeyboardEvent) || event.altKey || event.ctrlKey || event.metaKey) return;
      // In a list, and in what scrolls, arrows have their own meaning.
      if (event.target instanceof HTMLSelectElement) return;
      if (event.target instanceof HTMLElement && event.target.closest('.scroll') !== null) return;
      if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
      event.preventDefault();
      step(event.key === 'ArrowLeft' ? -1 : 1);
    });
    show();
  }
}
