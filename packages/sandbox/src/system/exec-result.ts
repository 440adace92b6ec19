import { ReeveError } from '@reeve/kit';
import { MIB } from './program.ts';
import type { ExceededLimit, ExecRequest, ExecResult, Limits } from '../sandbox.ts';

/** Why a program was killed from outside. */
export type KilledBy = ExceededLimit | 'cancelled';

/** A program’s output and duration. */
export interface Captured {
  readonly stdout: string;
  readonly stderr: string;
  readonly truncated: boolean;
  readonly durationMs: number;
  readonly answer?: string;
}

/** The result of a killed program. Throws ReeveError `cancelled` if the caller cancelled it. */
export function killedResult(why: KilledBy, captured: Captured, request: ExecRequest, limits: Limits): ExecResult {
  if (why === 'cancelled') throw cancelled();
  return {
    ...captured,
    status: why === 'time' || why === 'cpu' ? 'timeout' : 'error',
    exitCode: null,
    message: `${what(request)} ${DEEDS[why](request, limits)} and was killed`,
    exceeded: why,
  };
}

/** The result of a program that exited. */
export function exitedResult(exitCode: number, captured: Captured, request: ExecRequest): ExecResult {
  if (exitCode === 0) return { ...captured, status: 'success', exitCode };
  return { ...captured, status: 'error', exitCode, message: `${what(request)} exited with ${exitCode}` };
}

export function cancelled(): ReeveError {
  return new ReeveError('cancelled', 'the run was cancelled');
}

function what({ language }: ExecRequest): string {
  return language === 'bash' ? 'the command' : 'the program';
}

/** Describes the breach for which a program was killed. */
const DEEDS: Record<ExceededLimit, (request: ExecRequest, limits: Limits) => string> = {
  time: ({ timeoutMs }) => `did not end within ${timeoutMs} ms`,
  output: ({ maxOutputBytes }) => `printed more than ${maxOutputBytes} bytes`,
  cpu: (_, { cpuMs }) => `used more than ${cpuMs} ms of CPU time`,
  memory: (_, { memoryBytes }) => `used more than ${Math.round(memoryBytes / MIB)} MiB of memory`,
  disk: (_, { diskBytes }) => `wrote more than ${Math.round(diskBytes / MIB)} MiB`,
  files: (_, { files }) => `made more than ${files} files`,
};
