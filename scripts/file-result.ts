import type { TestEvent } from './test-events.ts';

/** What came of one test file. */
export interface FileResult {
  passed: number;
  failures: { name: string; text: string }[];
  /** `file: name: reason` of each. */
  skipped: string[];
  /** The end of what the process printed meanwhile. */
  output: string;
  durationMs: number;
}

interface Ended {
  /** What was wrong with the process; undefined where it went well. */
  trouble: string | undefined;
  output: string;
}

/** Counts the events of a file. Trouble with its process is a failure, as is a file that holds no test. */
export function summarize(
  file: string,
  events: TestEvent[],
  { trouble, output }: Ended,
  durationMs: number,
): FileResult {
  const passed = events.filter(({ kind, isTest }) => kind === 'passed' && isTest).length;
  const failures = events
    .filter(({ kind }) => kind === 'failed')
    .map((event) => ({ name: nameOf(event) || file, text: event.text ?? '' }));
  const skipped = events
    .filter(({ kind }) => kind === 'skipped')
    .map((event) => `${file}: ${nameOf(event)}: ${event.text}`);
  if (trouble !== undefined && failures.length === 0) {
    const unfinished = unfinishedTests(events);
    failures.push({
      name: file,
      text: unfinished.length > 0 ? `${trouble} during: ${unfinished.join(', ')}` : trouble,
    });
  } else if (passed + failures.length + skipped.length === 0) {
    failures.push({ name: file, text: 'holds no test' });
  }
  return { passed, failures, skipped, output, durationMs };
}

function unfinishedTests(events: TestEvent[]): string[] {
  const open: string[] = [];
  for (const event of events) {
    if (event.kind === 'begun') open.push(nameOf(event));
    const at = event.kind === 'ended' ? open.lastIndexOf(nameOf(event)) : -1;
    if (at >= 0) open.splice(at, 1);
  }
  return open;
}

function nameOf({ path }: TestEvent): string {
  return path.join(' › ');
}
