import { MAX_ATTACHMENT_BYTES, MAX_ATTACHMENTS } from '@reeve/contract';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { deleteFile, uploadFile } from '../../api/files.ts';
import { sizeRefusal } from '../uploads/size-refusal.ts';
import {
  addUploads,
  dropUpload,
  forgetUploads,
  resumeUpload,
  uploadsQuery,
  type Destination,
  type Upload,
} from '../uploads/uploads.ts';

export interface AttachedFiles {
  readonly files: readonly Upload[];
  /** The session that has the files; undefined where there are none. */
  readonly sessionId: string | undefined;
  readonly add: (files: readonly File[]) => void;
  readonly retry: (id: number) => void;
  readonly remove: (id: number) => void;
  /** Forgets them, since their message is sent. */
  readonly clear: () => void;
}

/**
 * The files of the message being typed. They are uploaded at once: the message only names them. Those of a new conversation make its
 * session, whose id the message then brings along.
 */
export function useAttachedFiles(view: string | undefined): AttachedFiles {
  const cache = useQueryClient();
  const [fresh, setFresh] = useState(newSessionId);
  const sessionId = view ?? fresh;
  const to = attachmentsOf(sessionId);
  const files = useQuery(uploadsQuery(to.key)).data ?? [];
  return {
    files,
    sessionId: files.length === 0 ? undefined : sessionId,
    add: (chosen) =>
      addUploads(
        cache,
        to,
        chosen.map((file) => ({ file, path: `attachments/${randomHex(4)}/${file.name}`, taken: false })),
      ),
    retry: (id) => resumeUpload(cache, to, id),
    remove: (id) => dropUpload(cache, to, id),
    clear() {
      forgetUploads(cache, to);
      if (view === undefined) setFresh(newSessionId());
    },
  };
}

/** What goes with the next message of a session. */
const attachmentsOf = (sessionId: string): Destination => ({
  key: `attachments ${sessionId}`,
  refusal: (file, before) =>
    file.size === 0
      ? 'The file is empty.'
      : before >= MAX_ATTACHMENTS
        ? `A message may carry ${MAX_ATTACHMENTS} files.`
        : sizeRefusal(file, MAX_ATTACHMENT_BYTES),
  afterwards: 'is being stored',
  send: async (sending) => {
    await uploadFile({ sessionId, ...sending });
    return '';
  },
  takeBack: (path) => deleteFile(sessionId, path),
  refresh: async () => undefined,
});

/** A random UUID, also where the page is not served securely, as on a local network. */
function newSessionId(): string {
  const hex = randomHex(16)
    .replace(/^(.{12})./, '$14')
    .replace(/^(.{16})./, '$18');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

function randomHex(bytes: number): string {
  return [...crypto.getRandomValues(new Uint8Array(bytes))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
