import { KNOWLEDGE_BASES, MAX_SOUL, type KnowledgeBase, type Persona } from '@reeve/contract';
import { formatCount } from '../../ui/format.ts';

/** The knowledge bases of a persona in order, each with its name and what it is for. */
export const BASES = {
  'Soul-KB': {
    name: 'Soul',
    about: `Who the persona is: purpose, principles, voice. It stands whole in every prompt of its agents, is never searched by them, and may have ${formatCount(MAX_SOUL)} characters in all. Operators alone change it.`,
  },
  'Domain-KB': {
    name: 'Domain',
    about: 'What the persona knows about its field. Agents are shown the parts that say most about their task.',
  },
  'Body-KB': {
    name: 'Body',
    about:
      'What the persona works with: its systems, devices and surroundings. Searched for each task, as the Domain is. Reeve itself keeps two documents here up to date: which tools there are, and how models and sandbox do.',
  },
  'Mind-KB': {
    name: 'Mind',
    about: 'How the persona goes about things: methods and worked examples. Searched for each task, as the Domain is.',
  },
} as const satisfies Record<KnowledgeBase, { readonly name: string; readonly about: string }>;

/** How many documents a persona has, and of what: "12: Soul 1, Domain 11". */
export function countsOf({ documents }: Pick<Persona, 'documents'>): {
  readonly total: number;
  readonly words: string;
} {
  const filled = KNOWLEDGE_BASES.filter((base) => documents[base] > 0);
  return {
    total: filled.reduce((sum, base) => sum + documents[base], 0),
    words: filled.map((base) => `${BASES[base].name} ${formatCount(documents[base])}`).join(', '),
  };
}

/** Tags as they are typed, with commas between them. */
export function tagsIn(text: string): string[] {
  return [...new Set(text.split(',').map((tag) => tag.trim()))].filter((tag) => tag !== '');
}

/** The tags that were typed over those before; these stay as they are where nothing was, whatever they have in them. */
export function tagsOver(before: readonly string[], text: string): readonly string[] {
  return text === before.join(', ') ? before : tagsIn(text);
}

/** A media type in a word, for a list. */
export function typeWords(mediaType: string): string {
  return TYPES[mediaType] ?? mediaType.replace(/^(text|application)\/(x-)?/, '');
}

const TYPES: Readonly<Record<string, string>> = {
  'text/markdown': 'Markdown',
  'text/plain': 'Text',
  'text/html': 'HTML',
  'text/csv': 'CSV',
  'application/pdf': 'PDF',
  'application/json': 'JSON',
  'application/x-ndjson': 'JSON Lines',
  'text/x-source': 'Code',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'Word',
};
