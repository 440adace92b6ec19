import { CONCURRENCY_STRATEGIES, routes, type ConcurrencyStrategy } from '@reeve/contract';
import { Option, type Command } from 'commander';
import { connect } from '../connect.ts';
import { EXIT } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import { collect, examples, exitWith, jsonObject, wholeNumber } from '../options.ts';
import { printJson, printText, wantsJson, note } from '../output.ts';

interface CreateTaskOptions {
  readonly agent: string;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly payload?: Record<string, unknown>;
  readonly priority?: number;
  readonly runAt?: string;
  readonly maxAttempts?: number;
  readonly dependsOn?: string[];
  readonly requiresApproval?: true;
  readonly concurrencyKey?: string;
  readonly concurrencyLimit?: number;
  readonly concurrencyStrategy?: ConcurrencyStrategy;
  readonly session?: string;
  readonly json?: true;
}

export function define(command: Command, io: CommandIo): void {
  command
    .requiredOption('--agent <agent>', 'agent by id or slug')
    .requiredOption('--type <type>', 'type of task: letters, digits, . - and _')
    .requiredOption('--title <title>', 'what to do')
    .option('--description <text>', 'more about it')
    .option('--payload <json>', 'a JSON object for the agent', jsonObject)
    .option('--priority <number>', 'higher runs first, -100 to 100', wholeNumber(-100, 100))
    .option('--run-at <time>', 'not before this time, such as 2030-01-31T08:00:00Z')
    .option('--max-attempts <number>', 'how often it is tried, 1 to 20', wholeNumber(1, 20))
    .option('--depends-on <id>', 'a task that must be completed first; repeatable', collect)
    .option('--requires-approval', 'wait for a decision first, whatever the policy of its type')
    .option('--concurrency-key <key>', 'at most --concurrency-limit tasks of one key run at once')
    .option('--concurrency-limit <number>', 'how many of the key, 1 unless given', wholeNumber(1, 1_000))
    .addOption(
      new Option(
        '--concurrency-strategy <strategy>',
        'where the key is in use: wait in the queue, be rejected, or cancel those that came before',
      ).choices(CONCURRENCY_STRATEGIES),
    )
    .option('--session <id>', 'the conversation it belongs to')
    .option('--json', 'print the task as JSON')
    .addHelpText('after', '\nOn a terminal stdout gets the id of the task alone.')
    .addHelpText(
      'after',
      examples(
        'reeve create-task --agent assistant --type sums --title "What is 6 * 7?" --payload \'{"unit": "kg"}\'',
        'reeve create-task --agent assistant --type deploy --title "Deploy" --requires-approval --concurrency-key production',
      ),
    )
    .action(exitWith(io, createTask));
}

async function createTask(io: CommandIo, options: CreateTaskOptions): Promise<number> {
  await using connection = await connect(io, 'create-task');
  const answer = await connection.client.call(routes.createTask, {
    body: {
      agent_id: options.agent,
      task_type: options.type,
      title: options.title,
      description: options.description,
      payload: options.payload,
      priority: options.priority,
      run_at: options.runAt,
      max_attempts: options.maxAttempts,
      depends_on: options.dependsOn,
      requires_approval: options.requiresApproval,
      concurrency_key: options.concurrencyKey,
      concurrency_limit: options.concurrencyLimit,
      concurrency_strategy: options.concurrencyStrategy,
      session_id: options.session,
    },
  });
  if (wantsJson(io, options)) {
    printJson(io, answer);
    return EXIT.done;
  }
  printText(io, answer.task.id);
  if (answer.task.waiting_for === 'approval') note(io, `it awaits a decision: reeve tasks approve ${answer.task.id}`);
  else if (connection.server === undefined)
    note(io, 'it waits in the queue; work on it with "reeve run-once", or start "reeve serve"');
  return EXIT.done;
}
