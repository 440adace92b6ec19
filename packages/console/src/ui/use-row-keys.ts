import { useHotkeys } from '@mantine/hooks';
import { useRef, type RefObject } from 'react';

/** `j` and `k` move the focus along the links marked `data-row` under the returned ref; Enter then opens as it does any link. */
export function useRowKeys<Element extends HTMLElement>(): RefObject<Element | null> {
  const ref = useRef<Element>(null);
  const move = (by: number): void => {
    const rows = [...(ref.current?.querySelectorAll<HTMLElement>('[data-row]') ?? [])];
    const current = rows.findIndex((row) => row === document.activeElement);
    rows[current < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.max(0, Math.min(rows.length - 1, current + by))]?.focus();
  };
  useHotkeys([
    ['j', () => move(1)],
    ['k', () => move(-1)],
  ]);
  return ref;
}
