import type { Step } from '@reeve/contract';

/** Where a step lies in its run's time, as fractions of it. */
export interface StepSpan {
  readonly from: number;
  readonly width: number;
  /** Milliseconds; null while the step is pending. */
  readonly durationMs: number | null;
}

/** The span of each step between the first start and the last end; a pending step reaches to `now`. */
export function stepSpans(steps: readonly Pick<Step, 'started_at' | 'ended_at'>[], now: number): StepSpan[] {
  const times = steps.map((step) => ({
    start: Date.parse(step.started_at),
    end: step.ended_at === null ? null : Date.parse(step.ended_at),
  }));
  const first = Math.min(...times.map((time) => time.start));
  const last = Math.max(...times.map((time) => time.end ?? Math.max(now, time.start)));
  const whole = Math.max(last - first, 1);
  return times.map(({ start, end }) => ({
    from: (start - first) / whole,
    width: Math.max((end ?? Math.max(now, start)) - start, 0) / whole,
    durationMs: end === null ? null : end - start,
  }));
}
