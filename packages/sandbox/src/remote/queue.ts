/** Messages on their way to whoever iterates over it, of whom there is one. */
export interface Queue<T> extends AsyncIterable<T> {
  /** Adds one of so many bytes; nothing once it has ended. */
  push(item: T, bytes?: number): void;
  /** Open while more than enough is waiting; undefined where it is not. */
  held(): Promise<void> | undefined;
  /** What has been added is still read. */
  end(): void;
}

/** A queue in which `enoughBytes` may wait before whoever adds to it is asked to wait. */
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
