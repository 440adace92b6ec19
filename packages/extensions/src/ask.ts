import { randomBytes } from 'node:crypto';
import type { Egress, ExecResult, Limits, ReadOnlyDirectory, Sandbox } from '@reeve/sandbox';
import { z } from 'zod';
import { PLACES, type Question } from './inside/wire.ts';
import { PARTS } from './parts.ts';

export interface Asking {
  readonly sandbox: Pick<Sandbox, 'exec'>;
  /** The operator's folder. */
  readonly directory: string;
  /** The extension's path in it. */
  readonly file: string;
  readonly call: Question['call'];
  /** One of its own where it is undefined. */
  readonly workspace: string | undefined;
  /** What it sees besides. */
  readonly readOnly: readonly ReadOnlyDirectory[];
  /** What it may add to the workspace. */
  readonly limits?: Pick<Limits, 'diskBytes' | 'files'>;
  /** Hosts that it may reach. */
  readonly egress?: Egress | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** How it ended, and what it answered; undefined where that is nothing that can be read. */
export interface Asked {
  readonly ended: ExecResult;
  readonly answer: Answer | undefined;
}

const Answer = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('tool'), tool: z.unknown() }),
  z.object({ kind: z.literal('result'), value: z.unknown() }),
  z.object({ kind: z.literal('wrong'), issues: z.array(z.string()) }),
  z.object({ kind: z.literal('failed'), message: z.string() }),
]);
type Answer = z.infer<typeof Answer>;

const MAX_OUTPUT_BYTES = 100 * 1024;
export const MAX_ANSWER_BYTES = 2 * 1024 * 1024;

/**
 * Asks an extension in the sandbox, in a process of its own. Its answer comes apart from what it prints, behind a mark that
 * its code is not told. Throws as `Sandbox.exec` does.
 */
export async function ask({ sandbox, directory, file, call, ...where }: Asking): Promise<Asked> {
  const mark = randomBytes(16).toString('hex');
  const question: Question = { mark, file: `${PLACES.extensions}/${file}`, call };
  const ended = await sandbox.exec(
    {
      language: 'node',
      code: `import '${PLACES.inside}/run.ts';`,
      stdin: JSON.stringify(question),
      workspace: where.workspace,
      readOnly: [...PARTS, { path: directory, at: PLACES.extensions }, ...where.readOnly],
      egress: where.egress,
      ...(where.limits && { limits: where.limits }),
      timeoutMs: where.timeoutMs,
      maxOutputBytes: MAX_OUTPUT_BYTES,
      maxAnswerBytes: MAX_ANSWER_BYTES,
    },
    where.signal,
  );
  return { ended, answer: answerIn(ended.answer ?? '', mark) };
}

/** What stands behind the mark. */
function answerIn(text: string, mark: string): Answer | undefined {
  const line = text.split('\n').find((candidate) => candidate.startsWith(mark));
  if (line === undefined) return undefined;
  try {
    return Answer.parse(JSON.parse(line.slice(mark.length)));
  } catch {
    return undefined;
  }
}
