import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { waysTo, type Directory } from './directory.ts';
import classes from './files.module.css';

interface DirectoryLinkProps {
  readonly sessionId: string;
  readonly directory: Directory;
  readonly className?: string | undefined;
  readonly children: ReactNode;
  /** Set where the link is a row that keys move along. */
  readonly 'data-row'?: boolean;
}

/** The way to a directory of a session. */
export function DirectoryLink({ sessionId, directory, ...link }: DirectoryLinkProps) {
  return (
    <Link
      to="/chat/{-$sessionId}"
      params={{ sessionId }}
      search={(previous) => ({ ...previous, files: directory })}
      {...link}
    />
  );
}

interface DirectoryPathProps {
  readonly sessionId: string;
  readonly directory: Directory;
}

/** Where a directory lies, each part a way back. */
export function DirectoryPath({ sessionId, directory }: DirectoryPathProps) {
  const ways = [{ name: 'All files', directory: '/' }, ...waysTo(directory)];
  return (
    <nav aria-label="Directory" className={classes.path}>
      <ol>
        {ways.map((way, index) => (
          <li key={way.directory}>
            {index === ways.length - 1 ? (
              <strong aria-current="location">{way.name}</strong>
            ) : (
              <DirectoryLink sessionId={sessionId} directory={way.directory}>
                {way.name}
              </DirectoryLink>
            )}
          </li>
        ))}
      </ol>
    </nav>
  );
}
