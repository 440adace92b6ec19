import type { QueueWorkerOptions } from './queue-process.ts';

/* Loaded into a worker before it starts (`node --import`): moves the clock that it sees. */
const { clockOffMs = 0 } = JSON.parse(process.argv[2]!) as QueueWorkerOptions;
const RealDate = Date;

globalThis.Date = class extends RealDate {
  constructor(...given: unknown[]) {
    if (given.length === 0) super(RealDate.now() + clockOffMs);
    else super(...(given as [string]));
  }
  static override now(): number {
    return RealDate.now() + clockOffMs;
  }
} as DateConstructor;

const sinceStart = performance.now.bind(performance);
performance.now = () => sinceStart() + clockOffMs;
