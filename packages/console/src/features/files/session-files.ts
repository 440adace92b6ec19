import { MAX_UPLOAD_BYTES } from '@reeve/contract';
import { refreshFiles, uploadFile } from '../../api/files.ts';
import { formatBytes } from '../../ui/format.ts';
import { sizeRefusal } from '../uploads/size-refusal.ts';
import type { Destination } from '../uploads/uploads.ts';

/** The workspace of a session, as a place that takes files. */
export const sessionFiles = (sessionId: string): Destination => ({
  key: sessionId,
  refusal: (file) => sizeRefusal(file, MAX_UPLOAD_BYTES),
  afterwards: 'is being stored',
  send: async (sending) => {
    await uploadFile({ sessionId, ...sending });
    return `Uploaded, ${formatBytes(sending.file.size)}`;
  },
  refresh: (cache) => refreshFiles(cache, sessionId),
});
