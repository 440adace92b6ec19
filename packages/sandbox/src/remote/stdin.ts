import { Readable } from 'node:stream';
import { ReeveError } from '@reeve/kit';
import { PIECE_BYTES, STDIN_WINDOW } from './program-message.ts';

/** The standard input of a remote program, sent as it accepts more. */
export interface RemoteStdin {
  /** Allows more bytes in transit. Throws `upstream_error` for an acknowledgement of more than was sent. */
  taken(bytes: number): void;
  /** Stops sending and destroys the stream, as for a local program. */
  close(): void;
}

/** Sends a program's standard input by `send`, at most so much of it ahead of the program, then `end`. */
export function sendStdin(
  input: string | Readable,
  send: (data: Uint8Array<ArrayBuffer>) => void,
  end: () => void,
): RemoteStdin {
  const source = input instanceof Readable ? input : Readable.from([Buffer.from(input)]);
  let room = STDIN_WINDOW;
  let more = Promise.withResolvers<void>();
  let isClosed = false;
  const pump = async (): Promise<void> => {
    try {
      for await (const chunk of source as AsyncIterable<Buffer | string>) {
        const bytes = Buffer.from(chunk as Buffer);
        for (let at = 0; at < bytes.length;) {
          while (room <= 0 && !isClosed) {
            await more.promise;
            more = Promise.withResolvers();
          }
          if (isClosed) return;
          const piece = bytes.subarray(at, at + Math.min(room, PIECE_BYTES));
          room -= piece.length;
          at += piece.length;
          send(piece);
        }
      }
    } catch {
      // A stream that fails ends the input here; the program reads what came before.
    }
    end();
  };
  void pump();
  return {
    taken(bytes) {
      if (!Number.isSafeInteger(bytes) || bytes < 1 || room + bytes > STDIN_WINDOW)
        throw new ReeveError('upstream_error', `the sandbox elsewhere says that it took ${bytes} bytes of the input`, {
          unsure: true,
        });
      room += bytes;
      more.resolve();
    },
    close() {
      isClosed = true;
      more.resolve();
      source.destroy();
    },
  };
}
