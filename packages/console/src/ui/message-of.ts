import { ClientError } from '@reeve/client';

/** An error's message for people; says plainly where the server gave no answer. */
export function messageOf(error: unknown): string {
  if (error instanceof ClientError && error.status === 0) return `The server can't be reached: ${error.message}.`;
  return error instanceof Error ? error.message : String(error);
}
