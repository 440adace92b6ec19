import type { ContentPart } from '@reeve/contract';
import { invalidField } from '@reeve/kit';

/** A file that a client sent in a message. */
export interface SentFile {
  /** As the client calls it; undefined where it has no name. */
  readonly name?: string | undefined;
  /** As the client says. */
  readonly mediaType: string;
  /** Base64. */
  readonly data: string;
  /** Where it is in the request, for errors. */
  readonly path: string;
}

const DATA_URL = /^data:([\w.+-]+\/[\w.+-]+)?(?:;[\w.+-]+=[^;,]*)*;base64,/i;
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

/**
 * The file of a part: an image (`image_url` of Chat Completions, `input_image` of Responses), a file (`file`, `input_file`) or a file of
 * the AI SDK; undefined for a part that is no file, and the address of an image that is only given by it. Throws `invalid_request`.
 */
export function sentFileOf(part: ContentPart, path: string): SentFile | { readonly link: string } | undefined {
  switch (part.type) {
    case 'image_url':
    case 'input_image': {
      const given = typeof part.image_url === 'string' ? part.image_url : part.image_url?.url;
      const at = `${path}.image_url`;
      if (given == null) throw invalidField(at, 'is required: a data: URL with the image in base64');
      return /^https?:\/\//i.test(given) ? { link: at } : ofDataUrl(given, undefined, at);
    }
    case 'file': {
      if (part.url != null) return ofDataUrl(part.url, part.filename ?? undefined, `${path}.url`, part.mediaType);
      const { file_data, filename } = part.file ?? {};
      const at = `${path}.file.file_data`;
      if (file_data == null) throw invalidField(at, 'is required: a data: URL with the file in base64');
      return ofDataUrl(file_data, filename ?? undefined, at);
    }
    case 'input_file': {
      const at = `${path}.file_data`;
      if (part.file_data == null) throw invalidField(at, 'is required: a data: URL with the file in base64');
      return ofDataUrl(part.file_data, part.filename ?? undefined, at);
    }
    default:
      return undefined;
  }
}

function ofDataUrl(url: string, name: string | undefined, path: string, said?: string | null): SentFile {
  const head = DATA_URL.exec(url);
  const data = head === null ? '' : url.slice(head[0].length);
  if (head === null || !BASE64.test(data))
    throw invalidField(path, 'must be a data: URL in base64, as in data:image/png;base64,…; addresses are not fetched');
  return { name, mediaType: (said ?? head[1] ?? 'application/octet-stream').toLowerCase(), data, path };
}
