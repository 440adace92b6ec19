import type { Task } from '@reeve/contract';
import { useRef, useState } from 'react';

export interface Selection {
  /** The chosen tasks by id, each as it was when it was chosen. */
  readonly tasks: ReadonlyMap<string, Task>;
  /** Chooses a task or lets go of it; with `range`, does the same to all rows between this one and the last one touched. */
  toggle(index: number, task: Task, range: boolean): Promise<void>;
  /** Chooses exactly these. */
  choose(tasks: readonly Task[]): void;
}

/** The rows that are chosen. `load` finds the tasks between two rows. */
export function useSelection(load: (from: number, to: number) => Promise<readonly Task[]>): Selection {
  const [tasks, setTasks] = useState<ReadonlyMap<string, Task>>(new Map());
  const anchor = useRef<number | null>(null);
  return {
    tasks,
    async toggle(index, task, range) {
      const on = !tasks.has(task.id);
      const from = range && anchor.current !== null ? anchor.current : index;
      anchor.current = index;
      const touched = from === index ? [task] : await load(Math.min(from, index), Math.max(from, index));
      setTasks((before) => {
        const after = new Map(before);
        for (const each of touched) {
          if (on) after.set(each.id, each);
          else after.delete(each.id);
        }
        return after;
      });
    },
    choose(chosen) {
      anchor.current = null;
      setTasks(new Map(chosen.map((task) => [task.id, task])));
    },
  };
}
