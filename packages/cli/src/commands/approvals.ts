import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { APPROVAL_KINDS, APPROVAL_STATUSES, routes, type Approval, type BodyInputOf } from '@reeve/contract';
import { isRecord } from '@reeve/kit';
import { Option, type Command } from 'commander';
import { APPROVAL_COLUMNS, DECIDED_COLUMNS, printApproval, shownDecision } from '../runs/approval-view.ts';
import { connect } from '../connect.ts';
import { EXIT, UsageError } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import { addOnId, examples, exitWith, JSON_OPTION, withListOptions, type ListOptions } from '../options.ts';
import { printJson, printList, printText, wantsJson, type OutputOptions } from '../output.ts';

interface ApprovalsOptions extends ListOptions {
  readonly status: Approval['status'];
  readonly kind?: Approval['kind'];
  readonly agent?: string;
  readonly run?: string;
  readonly task?: string;
}

interface DecisionOptions extends OutputOptions {
  readonly reason?: string;
  readonly input?: string;
  readonly result?: string;
}

const ID = '01994d6e-7c1b-7a35-8d0c-0f2f6b3a9c11';

const APPROVE_HELP = `
What it does depends on the kind:
  task          the task goes on
  tool_call     the call is made, with --input with that input instead; the agent is told that it was changed
  tool_outcome  the process stopped while the call ran, and nobody knows whether it took effect: the call is made again.
                With --result it is not, and that is what it came to`;
const REJECT_HELP = `
What it does depends on the kind:
  task          the task ends as failed
  tool_call     the call is not made, and the agent is told so, with the reason
  tool_outcome  the call is not made again, and the agent is told that its outcome is unknown, with the reason`;

export function define(command: Command, io: CommandIo): void {
  withListOptions(
    command
      .command('list')
      .description('pending approvals, oldest first, or decided ones, newest first')
      .addOption(new Option('--status <status>', 'with this status').choices(APPROVAL_STATUSES).default('pending'))
      .addOption(new Option('--kind <kind>', 'of this kind').choices(APPROVAL_KINDS))
      .option('--agent <agent>', 'of this agent')
      .option('--run <id>', 'of this run')
      .option('--task <id>', 'of this task'),
  )
    .addHelpText('after', examples('reeve approvals list', 'reeve approvals list --status rejected --agent assistant'))
    .action(exitWith(io, list));
  addOnId(io, command, 'show', 'one approval, and what each answer to it does', show);
  withDecision(command.command('approve <id>').description('let it happen'))
    .option('--input <json>', 'of a tool call: the input to use instead; @file reads it from a file')
    .option('--result <json>', 'the result of a call with unknown outcome; @file reads it from a file')
    .addHelpText('after', APPROVE_HELP)
    .addHelpText(
      'after',
      examples(
        `reeve approvals approve ${ID} --reason "checked with Ada"`,
        `reeve approvals approve ${ID} --input '{"path": "report-2.md"}'`,
        `reeve approvals approve ${ID} --result @result.json`,
      ),
    )
    .action(exitWith(io, approve));
  withDecision(command.command('reject <id>').description('do not let it happen'))
    .addHelpText('after', REJECT_HELP)
    .addHelpText('after', examples(`reeve approvals reject ${ID} --reason "too risky"`))
    .action(exitWith(io, reject));
}

function withDecision(command: Command): Command {
  return command.option('--reason <text>', 'why; kept with the decision').option(...JSON_OPTION);
}

async function list(io: CommandIo, options: ApprovalsOptions): Promise<number> {
  const { status, kind, agent, run, task, limit, offset } = options;
  await using connection = await connect(io, 'approvals list');
  const answer = await connection.client.call(routes.listApprovals, {
    query: { status, kind, agent_id: agent, run_id: run, task_id: task, limit, offset },
  });
  const isDecided = status === 'approved' || status === 'rejected';
  printList(io, answer, answer.approvals, isDecided ? DECIDED_COLUMNS : APPROVAL_COLUMNS, options);
  return EXIT.done;
}

async function show(io: CommandIo, id: string, options: OutputOptions): Promise<number> {
  await using connection = await connect(io, 'approvals show');
  const approval = await connection.client.call(routes.getApproval, { params: { id } });
  if (wantsJson(io, options)) printJson(io, approval);
  else printApproval(io, approval);
  return EXIT.done;
}

function approve(io: CommandIo, id: string, options: DecisionOptions): Promise<number> {
  const { input, result } = options;
  if (input !== undefined && result !== undefined) throw new UsageError('give either --input or --result');
  const edited_input = input === undefined ? undefined : jsonOf(io, '--input', input);
  if (edited_input !== undefined && !isRecord(edited_input))
    throw new UsageError('--input must be a JSON object, such as \'{"path": "report-2.md"}\'');
  return decide(io, id, options, {
    decision: 'approve',
    edited_input,
    ...(result !== undefined && { result: jsonOf(io, '--result', result) }),
  });
}

function reject(io: CommandIo, id: string, options: DecisionOptions): Promise<number> {
  return decide(io, id, options, { decision: 'reject' });
}

async function decide(
  io: CommandIo,
  id: string,
  options: DecisionOptions,
  decision: BodyInputOf<typeof routes.decideApproval>,
): Promise<number> {
  await using connection = await connect(io, `approvals ${decision.decision}`);
  const body = { ...decision, reason: options.reason };
  const approval = await connection.client.call(routes.decideApproval, { params: { id }, body });
  if (wantsJson(io, options)) printJson(io, approval);
  else printText(io, `${approval.id}  ${approval.status}: ${shownDecision(approval)}`);
  return EXIT.done;
}

/** JSON that was given as it is, or in a file behind an `@`. */
function jsonOf({ directory }: CommandIo, option: string, text: string): unknown {
  const [, path] = /^@(.+)$/s.exec(text) ?? [];
  try {
    return JSON.parse(path === undefined ? text : readFileSync(resolve(directory, path), 'utf8'));
  } catch (error) {
    const why = (error as Error).message;
    if (path !== undefined) throw new UsageError(`${option}: ${path} does not hold JSON: ${why}`);
    throw new UsageError(`${option} must be JSON, such as '{"sent": true}' or '"sent"', or @file: ${why}`);
  }
}
