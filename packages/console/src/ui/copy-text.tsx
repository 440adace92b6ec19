import { useClipboard } from '@mantine/hooks';
import { CheckIcon, CopyIcon } from './icons.ts';
import { SmallAction } from './small-action.tsx';

interface CopyTextProps {
  readonly text: string;
  readonly label: string;
}

/** A small button that copies a text and says that it did. */
export function CopyText({ text, label }: CopyTextProps) {
  const clipboard = useClipboard({ timeout: 1500 });
  const said = clipboard.copied ? 'Copied' : label;
  return (
    <SmallAction label={said} title={said} onClick={() => clipboard.copy(text)}>
      {clipboard.copied ? <CheckIcon size={14} /> : <CopyIcon size={14} />}
    </SmallAction>
  );
}
