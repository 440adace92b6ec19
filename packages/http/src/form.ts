import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { fieldMessage, ReeveError } from '@reeve/kit';
import { readUpload } from './body.ts';

/** A file that came in a form. */
export interface FormFile {
  /** As its sender called it; '' where it has no name. Never a path to open. */
  readonly name: string;
  /** What its sender says it is; undefined where nothing is said. */
  readonly mediaType: string | undefined;
  readonly bytes: Uint8Array;
  /** Of the bytes, in hexadecimal digits. */
  readonly sha256: string;
}

export interface Form {
  /** Fields that stand once are texts, those that are repeated lists of texts. */
  readonly fields: Readonly<Record<string, string | string[]>>;
  readonly file: FormFile;
}

/** What a form may have around its file: names, borders, other fields. */
const FRAME_BYTES = 256 * 1024;

/** What names a form and its border, and nothing else: others would be read differently by whoever reads them. */
const FORM = /^multipart\/form-data\s*;\s*boundary=(?:"([\w'()+,./:=? -]{1,70})"|([\w'()+./:?-]{1,70}))\s*$/i;

export function isForm(header: (name: string) => string | undefined): boolean {
  return /^multipart\/form-data\s*;/i.test(header('content-type') ?? '');
}

/**
 * Reads a form with one file, named `file`. Throws `payload_too_large` past the limit, without reading on, and `invalid_request`
 * for a form that is broken or has no file, more than one, or an empty one.
 */
export async function readForm(
  request: Request,
  incoming: IncomingMessage | undefined,
  maxBytes: number,
): Promise<Form> {
  const parts: Uint8Array[] = [];
  for await (const part of readUpload(request, incoming, maxBytes + FRAME_BYTES)) parts.push(part);
  const form = await parse(Buffer.concat(parts), request.headers.get('content-type')!);
  const fields: Record<string, string | string[]> = {};
  let file: File | undefined;
  for (const [name, value] of form) {
    if (typeof value === 'string') {
      if (name === '__proto__') throw faultOf(name, 'is not a name that a field can have');
      const before = fields[name];
      fields[name] = before === undefined ? value : [before, value].flat();
    } else if (name !== 'file' || file !== undefined) throw faultOf(name, 'must be one file, named file');
    else file = value;
  }
  if (file === undefined) throw faultOf('file', 'must be given');
  if (file.size === 0) throw faultOf('file', 'must not be empty');
  if (file.size > maxBytes) throw new ReeveError('payload_too_large', `the file must have at most ${maxBytes} bytes`);
  const bytes = new Uint8Array(await file.arrayBuffer());
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { fields, file: { name: file.name, mediaType: file.type === '' ? undefined : file.type, bytes, sha256 } };
}

/** Parts of a form; parsing takes time for each. */
const MAX_PARTS = 1_000;

async function parse(body: Buffer<ArrayBuffer>, contentType: string): Promise<FormData> {
  const [, quoted, bare] = FORM.exec(contentType) ?? [];
  const boundary = quoted ?? bare;
  if (boundary === undefined)
    throw new ReeveError(
      'invalid_request',
      'the content type of a form must be multipart/form-data with its boundary alone',
    );
  let borders = 0;
  for (let at = body.indexOf(`--${boundary}`); at !== -1; at = body.indexOf(`--${boundary}`, at + 2))
    if (++borders > MAX_PARTS + 1) throw new ReeveError('invalid_request', `the form has more than ${MAX_PARTS} parts`);
  try {
    return await new Response(body, {
      headers: { 'content-type': `multipart/form-data; boundary="${boundary}"` },
    }).formData();
  } catch (error) {
    throw new ReeveError('invalid_request', 'the body is not a valid form', { cause: error });
  }
}

function faultOf(name: string, message: string): ReeveError {
  const detail = { path: name.slice(0, 100), message };
  return new ReeveError('invalid_request', fieldMessage(detail), { details: [detail] });
}
