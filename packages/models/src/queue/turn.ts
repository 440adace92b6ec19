/** Who waits for a model call: callers come before tasks, tasks before background work. */
export type TurnRank = 'caller' | 'task' | 'background';

/** For whom a model call is made, which decides its turn where a model takes only so many calls at a time. */
export interface ModelTurn {
  readonly tenantId: string;
  readonly rank: TurnRank;
  /** Of a task: higher goes first; 0 where unset. */
  readonly taskPriority?: number;
  /** Called with the position in line, from 1, soon after the call began to wait and when it changes, at most once a second. */
  readonly onWait?: (position: number) => void;
  /** Called with true when the call begins to wait, and with false when it stops: it was sent, or cancelled. */
  readonly onWaiting?: (isWaiting: boolean) => void;
}

/** The turn of a call that names none. */
export const DEFAULT_TURN: ModelTurn = { tenantId: '', rank: 'caller' };
