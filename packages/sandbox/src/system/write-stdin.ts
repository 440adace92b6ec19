import { Readable, pipeline, type Duplex } from 'node:stream';

/** Writes a program’s input. A program that exits without reading all of it is no error: its exit code decides. */
export function writeStdin(channel: Duplex, input: string | Buffer | Readable = ''): void {
  channel.on('error', () => undefined);
  if (input instanceof Readable) pipeline(input, channel, () => undefined);
  else channel.end(input);
}
