// Puts tasks into the queue of a running Reeve and waits until all have ended: how many completed, with how many attempts, in what
// time. Meant for a model server that takes fewer calls at once than Reeve has workers; kill either in between, and start it again.
//
//   LLM_PROVIDER=openai-compatible LLM_BASE_URL=http://127.0.0.1:8081/v1 LLM_MODEL=smollm2 npm start
//   node load/model-tasks.ts
//
// REEVE_URL (http://127.0.0.1:8080), TASKS (60), MINUTES (20). Ends with code 1 unless all completed.
import { createClient } from '@reeve/client';
import { routes, type Task } from '@reeve/contract';

const client = createClient({ baseUrl: process.env['REEVE_URL'] ?? 'http://127.0.0.1:8080' });
const count = Number(process.env['TASKS'] ?? 60);
const minutes = Number(process.env['MINUTES'] ?? 20);
const startedAt = Date.now();

const ids: string[] = [];
for (let number = 1; number <= count; number += 1) {
  const body = {
    agent_id: 'assistant',
    task_type: 'query',
    title: `Say one short sentence about the number ${number}.`,
  };
  ids.push((await client.call(routes.createTask, { body })).task.id);
}

let tasks: Task[] = [];
while (Date.now() - startedAt < minutes * 60_000) {
  // Reeve may be dead for a while.
  tasks = await Promise.all(ids.map(async (id) => (await client.call(routes.getTask, { params: { id } })).task)).catch(
    () => tasks,
  );
  if (tasks.length === count && tasks.every(({ completed_at: end }) => end !== null)) break;
  await new Promise((next) => setTimeout(next, 2_000));
}

const byStatus = Object.groupBy(tasks, ({ status }) => status);
const attempts = Object.groupBy(tasks, (task) => task.attempts);
console.log(
  JSON.stringify({
    seconds: Math.round((Date.now() - startedAt) / 1000),
    by_status: Object.fromEntries(Object.entries(byStatus).map(([status, some]) => [status, some.length])),
    by_attempts: Object.fromEntries(Object.entries(attempts).map(([number, some]) => [number, some.length])),
    errors: [...new Set(tasks.flatMap(({ error_message: error }) => error ?? []))],
  }),
);
process.exitCode = byStatus.completed?.length === count ? 0 : 1;
