import type { Attachment } from '@reeve/contract';
import { useQuery } from '@tanstack/react-query';
import { downloadFile, pictureQuery } from '../../api/files.ts';
import { formatBytes } from '../../ui/format.ts';
import { DownloadIcon, FileIcon } from '../../ui/icons.ts';
import { saveFile } from '../../ui/save-file.ts';
import { tellFailure } from '../files/tell-failure.ts';
import classes from './turn-files.module.css';

/** The files that came with a message: images as they are, all of them to be saved. */
export function TurnFiles({ files }: { readonly files: readonly Attachment[] }) {
  if (files.length === 0) return null;
  return (
    <ul className={classes.files} aria-label="Files">
      {files.map((file) => (
        <li key={file.path}>
          {file.media_type.startsWith('image/') && <Picture file={file} />}
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
  const { data, isError } = useQuery(pictureQuery(file));
  if (isError) return <p className={classes.gone}>The image cannot be shown: it may be deleted.</p>;
  if (data === undefined) return <div className={classes.loading} aria-hidden="true" />;
  return <img className={classes.picture} src={data} alt={nameOf(file)} />;
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
