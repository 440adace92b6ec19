import { useNavigate } from '@tanstack/react-router';
import { useEffect } from 'react';

const WITHIN_MS = 1_200;
const PLACES = {
  c: '/chat/{-$sessionId}',
  r: '/runs',
  t: '/admin/agents/tasks',
  a: '/admin/agents/approvals',
  s: '/admin/agents/schedules',
  u: '/admin/usage',
  k: '/admin/keys',
  n: '/admin/tenants',
  l: '/admin/audit',
  o: '/admin/tools',
  m: '/admin/tools/mcp',
  i: '/admin/tools/skills',
  b: '/admin/knowledge',
  y: '/admin/memory',
  p: '/admin/memory/playbooks',
  e: '/admin/settings',
} as const;

/** `g` and then a letter goes to a page, unless something is being typed. */
export function useGoKeys(): void {
  const navigate = useNavigate();
  useEffect(() => {
    let pressedAt = -WITHIN_MS;
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const place = PLACES[event.key as keyof typeof PLACES];
      if (place !== undefined && event.timeStamp - pressedAt < WITHIN_MS) {
        // The page may have its own meaning for the letter alone.
        event.preventDefault();
        event.stopPropagation();
        void navigate({ to: place, params: { sessionId: undefined }, search: {} });
      }
      pressedAt = event.key === 'g' ? event.timeStamp : -WITHIN_MS;
    };
    addEventListener('keydown', onKey, true);
    return () => removeEventListener('keydown', onKey, true);
  }, [navigate]);
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName))
  );
}
