/** Messages for one consumer, which iterates over them. */
export interface Queue<T> extends AsyncIterable<T> {
  /** Adds one of so many bytes; nothing once it has ended. */
  push(item: T, bytes?: number): void;
  /** Pending while more than enough is queued; else undefined. */
  held(): Promise<void> | undefined;
  /** Ends the queue; messages already added are still delivered. */
  end(): void;
}

/** Creates a queue; producers are asked to wait while more than `enoughBytes` are queued. */
export function createQueue<T>(enoughBytes = Infinity): Queue<T> {
  const items: { readonly item: T; readonly bytes: number }[] = [];
  let waitingBytes = 0;
  let hasEnded = false;
  let changed = Promise.withResolvers<void>();
  let room: PromiseWithResolvers<void> | undefined;
  const makeRoom = () => {
    room?.resolve();
    room = undefined;
  };
  return {
    push(item, bytes = 0) {
      if (hasEnded) return;
      items.push({ item, bytes });
      waitingBytes += bytes;
      changed.resolve();
    },
    held() {
      if (hasEnded || waitingBytes <= enoughBytes) return undefined;
      return (room ??= Promise.withResolvers()).promise;
    },
    end() {
      hasEnded = true;
      changed.resolve();
      makeRoom();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const next = items.shift();
        if (next !== undefined) {
          waitingBytes -= next.bytes;
          if (waitingBytes <= enoughBytes) makeRoom();
          yield next.item;
        } else if (hasEnded) return;
        else {
          await changed.promise;
          changed = Promise.withResolvers();
        }
      }
    },
  };
}
