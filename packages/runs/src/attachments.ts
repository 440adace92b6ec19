import type { Attachment } from '@reeve/contract';
import type { ModelImage, ModelRequest } from '@reeve/models';
import type { RunMessage, RunModelRequest } from './run.ts';

/** Reads the first bytes of a file that came with a message; undefined where it is gone or not in reach. */
export type ReadAttachment = (
  tenantId: string,
  attachment: Attachment,
  maxBytes: number,
) => Promise<Uint8Array | undefined>;

/** Files that a model is shown, the newest ones; older ones are only named. */
const SHOWN_FILES = 20;
/** Bytes of all the images that a model call carries. */
const IMAGE_BYTES = 24 * 1024 * 1024;
/** Bytes of a text that a model is shown. */
const TEXT_BYTES = 32 * 1024;

/** Images that models take. */
export const IMAGE_TYPES: ReadonlySet<string> = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp']);

/**
 * The request with the contents of the files that came with its messages: images as images, the beginnings of texts as text. The
 * newest files go first where there is not room for all; of one that is gone, and of one of another kind, the model knows what its
 * message says of it.
 */
export async function withAttachments(
  request: RunModelRequest,
  read: (attachment: Attachment, maxBytes: number) => Promise<Uint8Array | undefined>,
): Promise<ModelRequest> {
  if (request.messages.every(({ attachments }) => attachments === undefined)) return request;
  let files = SHOWN_FILES;
  let bytes = IMAGE_BYTES;
  const messages: RunMessage[] = [];
  for (const message of request.messages.toReversed()) {
    if (message.role !== 'user' || message.attachments === undefined) {
      messages.push(message);
      continue;
    }
    const images: ModelImage[] = [];
    const texts: string[] = [];
    for (const attachment of message.attachments.slice(0, Math.max(0, files))) {
      files -= 1;
      const { media_type: mediaType, size } = attachment;
      if (IMAGE_TYPES.has(mediaType) && size <= bytes) {
        const content = await read(attachment, size);
        // Gone, or another file by now.
        if (content?.length !== size) continue;
        bytes -= content.length;
        images.push({ mediaType, data: Buffer.from(content).toString('base64') });
      } else if (mediaType.startsWith('text/')) {
        const content = await read(attachment, TEXT_BYTES);
        if (content !== undefined) texts.push(quotedText(attachment, content));
      }
    }
    const { role, text } = message;
    messages.push({ role, text: [text, ...texts].join('\n\n'), ...(images.length > 0 && { images }) });
  }
  return { ...request, messages: messages.reverse() };
}

/** A text as a model is shown it: with its name, and what is left out. */
function quotedText({ path, size }: Attachment, content: Uint8Array): string {
  // The cut may have gone through a character.
  const text = new TextDecoder().decode(content, { stream: true });
  const rest = size > content.length ? `\n[… ${size - content.length} more bytes: read the file for them]` : '';
  return `--- ${path}\n${text}${rest}\n--- end of ${path}`;
}
