import type { TaskInput } from '@reeve/contract';
import { inTenant, isTransient, type Database, type Tx } from '@reeve/db';
import { createBatcher, ReeveError } from '@reeve/kit';

/*
 * Resolves the agents of new tasks to their stored names. Results are cached for a second, or until a notification says that an
 * agent changed, so that a busy caller does not repeat the same query for each task. Until the notification arrives, a task can still
 * be given to a deleted agent; it then fails, as tasks do that waited while their agent was deleted.
 */

/**
 * Checks that an agent can do a type of task and returns the agent's stored name; throws `unknown_agent` or
 * `unknown_task_type`. The queue itself does not know what a task means.
 */
export type CheckTask = (tx: Tx, tenantId: string, agentId: string, taskType: string) => Promise<string>;

export interface AgentNames {
  /** A task with its agent's stored name. Those that come while others are checked are checked together. Throws what the check does. */
  fill(tenantId: string, input: TaskInput): Promise<TaskInput>;
  /** The same for several tasks, as `checkInputs` does it. */
  fillAll(tenantId: string, inputs: readonly TaskInput[]): Promise<TaskInput[]>;
}

const KNOWN_MS = 1_000;
/** Most answers that are remembered, and most tasks that are checked together. */
const KNOWN = 10_000;
const TOGETHER = 500;

export function createAgentNames(database: Database, check: CheckTask): AgentNames {
  const known = new Map<string, { name: string; until: number }>();
  let changes = 0;
  database.listen('reeve_agents', () => {
    changes += 1;
    known.clear();
  });

  async function ask(asked: readonly Asked[]): Promise<Checked[]> {
    const before = changes;
    const answers = await checkAgents(database, check, asked);
    // What was read before a change that is heard of already may be what was changed.
    if (before !== changes) return answers;
    if (known.size + asked.length > KNOWN) known.clear();
    const until = performance.now() + KNOWN_MS;
    for (const [index, answer] of answers.entries())
      if ('name' in answer) known.set(keyOf(asked[index]!), { name: answer.name, until });
    return answers;
  }
  function recall(asked: Asked): Checked | undefined {
    const found = known.get(keyOf(asked));
    return found !== undefined && performance.now() < found.until ? found : undefined;
  }
  const askTogether = createBatcher(ask, { limit: TOGETHER, together: isTransient });

  return {
    async fill(tenantId, input) {
      const asked = { tenantId, input };
      const answer = recall(asked) ?? (await askTogether(asked));
      if ('error' in answer) throw answer.error;
      return { ...input, agent_id: answer.name };
    },
    async fillAll(tenantId, inputs) {
      const asked = inputs.map((input) => ({ tenantId, input }));
      const recalled = asked.map(recall).filter((answer) => answer !== undefined);
      return named(inputs, recalled.length === asked.length ? recalled : await ask(asked));
    },
  };
}

/** The same tasks with their agents' stored names. Throws what `check` does, saying of which task. */
export async function checkInputs(
  database: Database,
  check: CheckTask,
  tenantId: string,
  inputs: readonly TaskInput[],
): Promise<TaskInput[]> {
  const asked = inputs.map((input) => ({ tenantId, input }));
  return named(inputs, await checkAgents(database, check, asked));
}

interface Asked {
  readonly tenantId: string;
  readonly input: TaskInput;
}

/** What a check answered, or why it refused. */
type Checked = { readonly name: string } | { readonly error: ReeveError };

function keyOf({ tenantId, input }: Asked): string {
  return JSON.stringify([tenantId, input.agent_id, input.task_type]);
}

/** Checks the agents of tasks, each once with a type, in one transaction a tenant. Throws only what is no refusal. */
async function checkAgents(database: Database, check: CheckTask, asked: readonly Asked[]): Promise<Checked[]> {
  const answers = new Map<string, Checked>();
  for (const [tenantId, own] of Map.groupBy(asked, (one) => one.tenantId))
    await inTenant(database.db, tenantId, async (tx) => {
      for (const one of own) {
        const key = keyOf(one);
        if (answers.has(key)) continue;
        const checking = check(tx, tenantId, one.input.agent_id, one.input.task_type);
        answers.set(key, await checking.then((name) => ({ name }), refusalOf));
      }
    });
  return asked.map((one) => answers.get(keyOf(one))!);
}

/** A failure of the database has ended the transaction, and so is not one task's alone. */
function refusalOf(thrown: unknown): Checked {
  if (thrown instanceof ReeveError) return { error: thrown };
  throw thrown;
}

function named(inputs: readonly TaskInput[], answers: readonly Checked[]): TaskInput[] {
  return inputs.map((input, index) => {
    const answer = answers[index]!;
    if ('error' in answer) throw ofListed(index, answer.error);
    return { ...input, agent_id: answer.name };
  });
}

/** Says of a refused task of several which it is. */
function ofListed(index: number, error: ReeveError): ReeveError {
  if (error.details.length === 0) return error;
  return new ReeveError(error.reason, `tasks.${index}: ${error.message}`, {
    cause: error,
    details: error.details.map(({ path, message }) => ({ path: `tasks.${index}.${path}`, message })),
  });
}
