import type { ModelTurn, TurnRank } from './turn.ts';

/** A call in line. */
export interface Waiter {
  readonly turn: ModelTurn;
  /** Lets it go on. */
  readonly admit: () => void;
}

/**
 * Calls that wait for one model, in the order in which they go: callers, then tasks by priority, then background work.
 * Within a rank and priority tenants take turns; a tenant's own calls go in the order of their arrival.
 */
export interface Line {
  readonly size: number;
  add(waiter: Waiter): void;
  remove(waiter: Waiter): void;
  /** Takes the next waiter out of the line; undefined where it is empty. */
  take(): Waiter | undefined;
  /** All waiters in the order in which they would go now. */
  order(): Waiter[];
}

export function createLine(): Line {
  /** Classes by rank and priority, the first to go first; in each the tenants in turn, with their waiters. */
  const classes: { readonly key: number; readonly tenants: Map<string, Waiter[]> }[] = [];
  let size = 0;

  function tenantsOf(key: number): Map<string, Waiter[]> {
    const index = classes.findIndex((one) => one.key >= key);
    const found = classes[index];
    if (found?.key === key) return found.tenants;
    const made = { key, tenants: new Map<string, Waiter[]>() };
    classes.splice(index === -1 ? classes.length : index, 0, made);
    return made.tenants;
  }
  function drop(key: number, tenantId: string): void {
    const index = classes.findIndex((one) => one.key === key);
    const tenants = classes[index]!.tenants;
    tenants.delete(tenantId);
    if (tenants.size === 0) classes.splice(index, 1);
  }

  return {
    get size() {
      return size;
    },
    add(waiter) {
      const tenants = tenantsOf(keyOf(waiter.turn));
      const waiters = tenants.get(waiter.turn.tenantId);
      if (waiters === undefined) tenants.set(waiter.turn.tenantId, [waiter]);
      else waiters.push(waiter);
      size += 1;
    },
    remove(waiter) {
      const key = keyOf(waiter.turn);
      const { tenantId } = waiter.turn;
      const waiters = classes.find((one) => one.key === key)?.tenants.get(tenantId);
      const index = waiters?.indexOf(waiter) ?? -1;
      if (waiters === undefined || index === -1) return;
      waiters.splice(index, 1);
      size -= 1;
      if (waiters.length === 0) drop(key, tenantId);
    },
    take() {
      const [first] = classes;
      const next = first?.tenants.entries().next().value;
      if (first === undefined || next === undefined) return undefined;
      const [tenantId, waiters] = next;
      const waiter = waiters.shift()!;
      size -= 1;
      // The tenant goes behind the others of its class.
      first.tenants.delete(tenantId);
      if (waiters.length > 0) first.tenants.set(tenantId, waiters);
      else if (first.tenants.size === 0) classes.shift();
      return waiter;
    },
    order: () => classes.flatMap(({ tenants }) => interleave([...tenants.values()])),
  };
}

const RANKS: Readonly<Record<TurnRank, number>> = { caller: 0, task: 1, background: 2 };
/** Wider than any priority. */
const RANK_WIDTH = 1e9;

/** Smaller goes first. */
function keyOf({ rank, taskPriority = 0 }: ModelTurn): number {
  return RANKS[rank] * RANK_WIDTH - (rank === 'task' ? taskPriority : 0);
}

function interleave<T>(lists: readonly (readonly T[])[]): T[] {
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, index) => lists.flatMap((list) => list.slice(index, index + 1))).flat();
}
