import { MAX_ATTACHMENT_BYTES, MAX_ATTACHMENTS } from '@reeve/contract';
import { useRef, useState } from 'react';
import { deleteFile, uploadFile } from '../../api/files.ts';
import { formatBytes } from '../../ui/format.ts';
import { messageOf } from '../../ui/message-of.ts';

/** A file that is to go with the message being typed. It is uploaded at once: the message only names it. */
export interface AttachedFile {
  readonly path: string;
  readonly name: string;
  readonly size: number;
  readonly state: 'sending' | 'ready' | 'failed';
  /** Bytes that are sent. */
  readonly sent: number;
  /** Why it failed. */
  readonly error: string | null;
}

export interface AttachedFiles {
  readonly files: readonly AttachedFile[];
  /** The session that has the files; undefined where there are none. */
  readonly sessionId: string | undefined;
  readonly add: (files: readonly File[]) => void;
  readonly remove: (path: string) => void;
  /** Forgets them, since their message is sent. */
  readonly clear: () => void;
}

interface Draft {
  /** The session in view; undefined for a new conversation. */
  readonly view: string | undefined;
  readonly sessionId: string;
  readonly files: readonly AttachedFile[];
}

/** The files of the message being typed. Those of a new conversation make its session, whose id the message then brings along. */
export function useAttachedFiles(view: string | undefined): AttachedFiles {
  const [draft, setDraft] = useState<Draft>();
  const uploads = useRef(new Map<string, AbortController>());
  const current = draft?.view === view ? draft : undefined;

  const change = (path: string, part: Partial<AttachedFile>): void =>
    setDraft(
      (before) =>
        before && { ...before, files: before.files.map((file) => (file.path === path ? { ...file, ...part } : file)) },
    );

  async function upload(sessionId: string, file: File, path: string): Promise<void> {
    const abort = new AbortController();
    uploads.current.set(path, abort);
    try {
      const onSent = (sent: number): void => change(path, { sent });
      await uploadFile({ sessionId, path, file, signal: abort.signal, onSent });
      change(path, { state: 'ready' });
    } catch (error) {
      if (!abort.signal.aborted) change(path, { state: 'failed', error: messageOf(error) });
    } finally {
      uploads.current.delete(path);
    }
  }

  return {
    files: current?.files ?? [],
    sessionId: current === undefined || current.files.length === 0 ? undefined : current.sessionId,
    add(chosen) {
      const sessionId = view ?? current?.sessionId ?? newSessionId();
      const before = current?.files ?? [];
      const added = chosen.map((file, index) => {
        const fault = faultOf(file, before.length + index);
        const path = `attachments/${randomHex(4)}/${file.name}`;
        if (fault === undefined) void upload(sessionId, file, path);
        const state = fault === undefined ? ('sending' as const) : ('failed' as const);
        return { path, name: file.name, size: file.size, state, sent: 0, error: fault ?? null };
      });
      setDraft({ view, sessionId, files: [...before, ...added] });
    },
    remove(path) {
      const file = current?.files.find((one) => one.path === path);
      if (current === undefined || file === undefined) return;
      uploads.current.get(path)?.abort();
      // What is left behind takes room in the workspace and nothing else.
      if (file.state === 'ready') void deleteFile(current.sessionId, path).catch(() => undefined);
      setDraft({ ...current, files: current.files.filter((one) => one !== file) });
    },
    clear: () => setDraft(undefined),
  };
}

function faultOf({ size }: File, place: number): string | undefined {
  if (size === 0) return 'The file is empty.';
  if (size > MAX_ATTACHMENT_BYTES)
    return `A file may have ${formatBytes(MAX_ATTACHMENT_BYTES)}; this one has ${formatBytes(size)}.`;
  return place >= MAX_ATTACHMENTS ? `A message may carry ${MAX_ATTACHMENTS} files.` : undefined;
}

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
