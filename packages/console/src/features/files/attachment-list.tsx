import type { Attachment } from '@reeve/contract';
import { useQuery } from '@tanstack/react-query';
import { downloadFile, mediaQuery } from '../../api/files.ts';
import { formatBytes } from '../../ui/format.ts';
import { DownloadIcon, FileIcon } from '../../ui/icons.ts';
import { saveFile } from '../../ui/save-file.ts';
import { tellFailure } from './tell-failure.ts';
import classes from './attachment-list.module.css';

interface AttachmentListProps {
  readonly files: readonly Attachment[];
  /** The side on which they stand. */
  readonly side: 'left' | 'right';
}

/** The files that came with a message or that a tool made: images and sounds as they are, all of them to be saved. */
export function AttachmentList({ files, side }: AttachmentListProps) {
  if (files.length === 0) return null;
  return (
    <ul className={classes.files} data-side={side} aria-label="Files">
      {files.map((file) => (
        <li key={file.path}>
          {file.media_type.startsWith('image/') && <Picture file={file} />}
          {file.media_type.startsWith('audio/') && <Sound file={file} />}
          <button type="button" className={classes.save} onClick={() => void save(file)}>
            <FileIcon size={15} />
            <span className={classes.name}>{nameOf(file)}</span>
            <span>{formatBytes(file.size)}</span>
            <DownloadIcon size={15} aria-label="Save" />
          </button>
        </li>
      ))}
    </ul>
  );
}

function Picture({ file }: { readonly file: Attachment }) {
  const { data, isError } = useQuery(mediaQuery(file));
  if (isError) return <p className={classes.gone}>The image cannot be shown: it may be deleted.</p>;
  if (data === undefined) return <div className={classes.loading} aria-hidden="true" />;
  return <img className={classes.picture} src={data} alt={nameOf(file)} />;
}

function Sound({ file }: { readonly file: Attachment }) {
  const { data, isError } = useQuery(mediaQuery(file));
  if (isError) return <p className={classes.gone}>The sound cannot be played: it may be deleted.</p>;
  // eslint-disable-next-line jsx-a11y/media-has-caption -- nobody knows the words of a sound that a tool made
  return <audio className={classes.sound} controls src={data} aria-label={nameOf(file)} />;
}

async function save(file: Attachment): Promise<void> {
  await downloadFile(file.session_id, file.path).then(
    (content) => saveFile(content, nameOf(file)),
    tellFailure('The file was not saved'),
  );
}

function nameOf({ path }: Attachment): string {
  return path.split('/').at(-1) ?? path;
}
