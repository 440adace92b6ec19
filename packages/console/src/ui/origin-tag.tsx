import type { PolicyOrigin, Setting } from '@reeve/contract';
import { Tag } from './tag.tsx';

type Origin = PolicyOrigin | Setting['origin'];

/** Where a value can come from: what to call it, and what that means. */
const ORIGINS: Readonly<
  Record<Origin, { readonly tone: 'set' | 'given' | 'plain'; readonly word: string; readonly meaning: string }>
> = {
  default: { tone: 'plain', word: 'default', meaning: 'What Reeve does where nobody said anything' },
  file: { tone: 'given', word: 'file', meaning: 'From a file of the server' },
  'file:default': { tone: 'given', word: 'file, for all', meaning: 'From the section “default” of the tenants file' },
  'reeve.yaml': { tone: 'given', word: 'reeve.yaml', meaning: 'From the server’s reeve.yaml' },
  environment: { tone: 'given', word: 'environment', meaning: 'From a variable of the server’s environment' },
  override: { tone: 'set', word: 'set here', meaning: 'Set through the API or this console; it goes before the rest' },
};

/** Where a value comes from. */
export function OriginTag({ origin }: { readonly origin: Origin }) {
  const { tone, word, meaning } = ORIGINS[origin];
  return (
    <Tag tone={tone} title={meaning}>
      {word}
    </Tag>
  );
}
