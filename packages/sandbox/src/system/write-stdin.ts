import { Readable, pipeline, type Duplex } from 'node:stream';

/** Gives a program what it reads. One that ends without reading all of it is no error here: its exit says what happened. */
export function writeStdin(channel: Duplex, input: string | Buffer | Readable = ''): void {
  channel.on('error', () => undefined);
  if (input instanceof Readable) pipeline(input, channel, () => undefined);
  else channel.end(input);
}
