import { isDeepStrictEqual } from 'node:util';
import type { StepRecord, ToolStep } from './run.ts';

/** Turns in which the same call may have the same result before the run goes round in circles. */
const TURNS = 3;

/**
 * The tool that an agent goes on calling with the same input and the same result, in three turns of the model or more; undefined
 * where the latest calls brought something new. Calls of one turn count once.
 */
export function findLoop(steps: readonly StepRecord[]): string | undefined {
  const turns = turnsOf(steps);
  return turns.at(-1)?.find((call) => {
    const same = turns.filter((turn) => turn.some((other) => isSame(call, other)));
    return same.length >= TURNS;
  })?.name;
}

/** The settled tool calls of each turn of the model. */
function turnsOf(steps: readonly StepRecord[]): ToolStep[][] {
  const turns: ToolStep[][] = [];
  for (const step of steps) {
    if (step.kind === 'model') turns.push([]);
    if (step.kind === 'tool' && step.status === 'settled') turns.at(-1)?.push(step);
  }
  return turns.filter((turn) => turn.length > 0);
}

function isSame(one: ToolStep, other: ToolStep): boolean {
  return (
    one.name === other.name &&
    isDeepStrictEqual(one.input, other.input) &&
    one.output?.tool_status === other.output?.tool_status &&
    isDeepStrictEqual(cameTo(one), cameTo(other))
  );
}

/** The result of a call, but for the ids of a child run, which differ each time. */
function cameTo({ output, childRunId }: ToolStep): unknown {
  if (childRunId === null) return output?.result;
  return { ...(output?.result as object), run_id: null, session_id: null };
}
