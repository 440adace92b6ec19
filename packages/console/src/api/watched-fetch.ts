interface StreamWatch {
  readonly onOpen: () => void;
  readonly onClose: () => void;
}

/** The server sends something every 15 s, if only a comment: a stream that is silent for longer than this is dead. */
const SILENCE_MS = 40_000;

/** A fetch that tells when an event stream opens and when it ends, and that ends one which has fallen silent. */
export function watchedFetch({ onOpen, onClose }: StreamWatch): (request: Request) => Promise<Response> {
  return async (request) => {
    const response = await fetch(request);
    if (!response.ok || response.body === null || !isEventStream(response)) return response;
    const source = response.body.getReader();
    onOpen();
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        try {
          const chunk = await inTime(source.read());
          if (!chunk.done) return controller.enqueue(chunk.value);
          onClose();
          controller.close();
        } catch (error) {
          onClose();
          controller.error(error);
          void source.cancel().catch(() => undefined);
        }
      },
      cancel(reason) {
        onClose();
        return source.cancel(reason);
      },
    });
    return new Response(body, { status: response.status, headers: response.headers });
  };
}

function isEventStream(response: Response): boolean {
  return response.headers.get('content-type')?.startsWith('text/event-stream') === true;
}

function inTime<T>(read: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the stream has fallen silent')), SILENCE_MS);
    read.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
