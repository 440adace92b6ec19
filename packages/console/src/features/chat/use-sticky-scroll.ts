import { useCallback, useLayoutEffect, useRef, useState, type RefObject } from 'react';

const NEAR_PX = 80;

export interface StickyScroll {
  readonly ref: RefObject<HTMLDivElement | null>;
  /** Whether the end is in view, so that growth keeps it there. */
  readonly atEnd: boolean;
  readonly onScroll: () => void;
  readonly toEnd: () => void;
  /** Scrolls to an element of the transcript and stays there. */
  readonly toElement: (element: Element) => void;
}

/**
 * Keeps a growing transcript at its end while the reader is there, and where the reader is otherwise:
 * what is added above (`head` changes) does not move what is in view. `place` names the transcript; a new one opens at its end.
 */
export function useStickyScroll(place: string, head: string | undefined): StickyScroll {
  const ref = useRef<HTMLDivElement>(null);
  const [atEnd, setAtEnd] = useState(true);
  const sticks = useRef(true);
  const fromEnd = useRef(0);
  const seen = useRef({ place, head });

  const onScroll = useCallback(() => {
    const box = ref.current;
    if (box === null) return;
    fromEnd.current = box.scrollHeight - box.scrollTop;
    sticks.current = fromEnd.current - box.clientHeight < NEAR_PX;
    setAtEnd(sticks.current);
  }, []);

  const toEnd = useCallback(() => {
    const box = ref.current;
    if (box === null) return;
    box.scrollTop = box.scrollHeight;
    sticks.current = true;
    setAtEnd(true);
  }, []);

  const toElement = useCallback((element: Element) => {
    // At once, and not with the scroll's event: what grows before that would go to the end again.
    sticks.current = false;
    element.scrollIntoView({ block: 'start' });
  }, []);

  useLayoutEffect(() => {
    const box = ref.current;
    if (box === null) return;
    if (seen.current.place !== place) toEnd();
    else if (seen.current.head !== undefined && seen.current.head !== head && !sticks.current)
      box.scrollTop = box.scrollHeight - fromEnd.current;
    seen.current = { place, head };
  }, [place, head, toEnd]);

  useLayoutEffect(() => {
    const box = ref.current;
    if (box === null) return undefined;
    const follow = new ResizeObserver(() => {
      if (sticks.current) box.scrollTop = box.scrollHeight;
    });
    follow.observe(box);
    for (const child of box.children) follow.observe(child);
    return () => follow.disconnect();
  }, [place]);

  return { ref, atEnd, onScroll, toEnd, toElement };
}
