import { text } from '../common.ts';

/** An agent by id or slug: `assistant`, `LUMINA`, or a UUID. */
export const AgentRef = text(1, 100).regex(
  /^[A-Za-z0-9][A-Za-z0-9_-]*$/,
  'must be an agent id or slug: letters, digits, - and _',
);
export const TaskType = text(1, 100).regex(
  /^[a-z][a-z0-9_.-]*$/i,
  'must be letters, digits, ., - and _, beginning with a letter',
);
