/** A fetch that tells how many bytes of its body are sent, which the browser's own does not. The answer comes whole. */
export function sendingFetch(onSent: (bytes: number) => void): (request: Request) => Promise<Response> {
  return async (request) => {
    const body = await request.blob();
    return new Promise((resolve, reject) => {
      const exchange = new XMLHttpRequest();
      exchange.open(request.method, request.url);
      for (const [name, value] of request.headers) exchange.setRequestHeader(name, value);
      exchange.upload.onprogress = ({ loaded }) => onSent(loaded);
      exchange.onload = () => resolve(new Response(exchange.responseText, { status: exchange.status }));
      exchange.onerror = () => reject(new TypeError('the connection broke off'));
      exchange.onabort = () => reject(request.signal.reason as Error);
      request.signal.addEventListener('abort', () => exchange.abort(), { once: true });
      if (request.signal.aborted) exchange.onabort(new ProgressEvent('abort'));
      else exchange.send(body);
    });
  };
}
