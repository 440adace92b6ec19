import type { ComponentName, ComponentHealth, Health } from '@reeve/contract';
import type { StatusName } from '../../ui/status.tsx';

export interface HealthState {
  readonly status: Extract<StatusName, 'ok' | 'degraded' | 'unavailable' | 'pending'>;
  /** What the glyph says. */
  readonly text: string;
  readonly components: readonly (ComponentHealth & { readonly name: ComponentName })[];
}

const SEVERITY = ['ok', 'degraded', 'unavailable'] as const;
const TEXTS = { ok: 'Healthy', degraded: 'Degraded', unavailable: 'Unavailable' } as const;

/** The worst of the server's own word and its components', worst component first. */
export function healthState(health: Health | undefined, failure: 'unreachable' | 'unreadable' | null): HealthState {
  const components = Object.entries(health?.components ?? {})
    .map(([name, component]) => ({ name: name as ComponentName, ...component }))
    .sort((a, b) => SEVERITY.indexOf(b.status) - SEVERITY.indexOf(a.status));
  if (failure !== null)
    return { status: 'unavailable', text: failure === 'unreachable' ? 'Unreachable' : 'Health unknown', components };
  if (health === undefined) return { status: 'pending', text: 'Checking', components };
  const worst = Math.max(
    SEVERITY.indexOf(health.status),
    ...components.map((component) => SEVERITY.indexOf(component.status)),
  );
  const status = worst >= 2 ? 'unavailable' : worst === 1 ? 'degraded' : 'ok';
  return { status, text: TEXTS[status], components };
}
