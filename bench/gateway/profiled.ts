// node --import profiled.ts: SIGUSR2 begins a profile of the processor; the next one ends it and writes it to profile.json in the
// working directory.
import { rename, writeFile } from 'node:fs/promises';
import { Session } from 'node:inspector/promises';

let session: Session | undefined;

process.on('SIGUSR2', () => {
  void (session === undefined ? begin() : end(session));
});

async function begin(): Promise<void> {
  session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: 500 });
  await session.post('Profiler.start');
}

async function end(profiling: Session): Promise<void> {
  session = undefined;
  const { profile } = await profiling.post('Profiler.stop');
  profiling.disconnect();
  await writeFile('profile.json.part', JSON.stringify(profile));
  await rename('profile.json.part', 'profile.json');
}
