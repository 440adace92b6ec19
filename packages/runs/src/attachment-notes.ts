import type { Attachment } from '@reeve/contract';

/** One line about each file that came with a message, by which the agent's tools find it. */
export function attachmentNotes(attachments: readonly Attachment[]): string[] {
  return attachments.map(
    ({ path, media_type, size }) =>
      `[Attached to this message: ${path} (${media_type}, ${size} bytes), a file of this session]`,
  );
}
