import type { TaskFilter } from '../../api/tasks.ts';

/** What the board shows, all of it from the address. */
export interface BoardSearch extends TaskFilter {
  readonly task?: string | undefined;
  readonly create?: true | undefined;
}
