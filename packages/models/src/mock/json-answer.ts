import type { ModelRequest } from '../model.ts';
import { hintsFrom } from './hints.ts';
import { smallestInstance } from './instance.ts';

/**
 * A plain answer as the JSON that the caller asks for: the smallest that fits its schema, with what the user and the answer say
 * of its properties; without a schema an object with the answer. Throws `invalid_request` where no such JSON is found.
 */
export function answerInJson(
  { schema }: NonNullable<ModelRequest['json']>,
  said: readonly string[],
  answer: string,
): string {
  return JSON.stringify(schema === undefined ? { answer } : smallestInstance(schema, hintsFrom(said, answer)));
}
