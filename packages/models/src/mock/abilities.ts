import type { ToolDefinition } from '../model.ts';

/** What each of Reeve's own tools does, in a reader's words, and how to ask for it. */
const ABILITIES: Readonly<Record<string, readonly [does: string, example: string]>> = {
  calculator: ['calculate', 'what is 12*(3+4)?'],
  run_code: ['run JavaScript', 'run this: 1 + 1'],
  bash_execute: ['run shell commands', 'run this command: ls'],
  remember: ['remember things', 'remember that …'],
  recall: ['recall what I was told', 'what do you know about …'],
  write_file: ['write files', 'write file a.txt with content …'],
  read_file: ['read files', 'read a.txt'],
  edit_file: ['edit files', 'replace X with Y in a.txt'],
  glob_files: ['list files', 'list files matching *.md'],
  current_time: ['tell the time', 'what time is it in Tokyo?'],
  web_crawl: ['read pages of the web', 'fetch https://example.com'],
};
const CONNECT =
  'set LLM_PROVIDER (openai, anthropic, google or openai-compatible) and its key, then start Reeve again.';

/** Says what these calls would take, none of whose tools is offered. */
export function describeLack(tools: ReadonlySet<string>, isRest: boolean): string {
  const all = enumerate([...tools].map((tool) => ABILITIES[tool]?.[0] ?? 'do what you ask'));
  return `${isRest ? 'For the rest' : 'For that'} I would have to ${all}, and no tool for it is offered to me here.`;
}

/** What can be asked of the built-in model with these tools. */
export function describeAbilities(tools: readonly ToolDefinition[]): string {
  return [
    'I am Reeve’s built-in model, a stand-in without a language model. I answer from this session and from what was retrieved for it, and I can:',
    ...abilitiesWith(tools).map(([does, example]) => `- ${does} (“${example}”)`),
    `To connect a language model, ${CONNECT}`,
  ].join('\n');
}

/** The answer where nothing here has one: what the built-in model is, what it can do with these tools, and how to connect another. */
export function describeLimits(tools: readonly ToolDefinition[]): string {
  const all = enumerate(abilitiesWith(tools).map(([does]) => does));
  return `I cannot answer that: I am Reeve’s built-in model, a stand-in without a language model. I can ${all}; “what can you do?” shows how to ask.\nTo connect a language model, ${CONNECT}`;
}

/** What can be asked for with these tools; arithmetic takes none. */
function abilitiesWith(tools: readonly ToolDefinition[]): (readonly [does: string, example: string])[] {
  const names = new Set(['calculator', ...tools.map(({ name }) => name)]);
  return Object.entries(ABILITIES).flatMap(([tool, ability]) => (names.has(tool) ? [ability] : []));
}

function enumerate(items: readonly string[]): string {
  return items.length > 1 ? `${items.slice(0, -1).join(', ')} and ${items.at(-1)}` : items.join('');
}
