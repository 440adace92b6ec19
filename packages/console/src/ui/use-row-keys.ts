import { useHotkeys } from '@mantine/hooks';
import { useRef, type RefObject } from 'react';

/** `j` and `k` move the focus along what is marked `data-row` under the returned ref; Enter then opens as it does any link. */
export function useRowKeys<Element extends HTMLElement>(): RefObject<Element | null> {
  const ref = useRef<Element>(null);
  const move = (event: KeyboardEvent, by: number): void => {
    if (isTyping(event.target)) return;
    const rows = [...(ref.current?.querySelectorAll<HTMLElement>('[data-row]') ?? [])];
    const here = document.activeElement?.closest('[role="row"], [data-row]') ?? null;
    const current = rows.findIndex((row) => row === here || here?.contains(row) === true);
    rows[current < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.max(0, Math.min(rows.length - 1, current + by))]?.focus();
  };
  useHotkeys(
    [
      ['j', (event) => move(event, 1), { preventDefault: false }],
      ['k', (event) => move(event, -1), { preventDefault: false }],
    ],
    [],
  );
  return ref;
}

/** Whether a key is text: a box that is ticked is an input too, but takes none. */
function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement
    ? target.type !== 'checkbox'
    : target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}
