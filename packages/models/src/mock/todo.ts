import type { PlannedCall } from './call.ts';
import { trimEnds } from './words.ts';

const TODO =
  /^(?:create|make|write|start|begin|draft|give me)\s+(?:me\s+)?(?:a|an|my|the)\s+(?:new\s+)?(?:to-?\s?do|task|check|shopping)[ -]?list\b/i;

export function startsTodo(head: string): boolean {
  return TODO.test(head);
}

/** "create a todo list: milk, call Ada": the list as a file of Markdown; without items it is no call. */
export function readTodo(piece: string): PlannedCall | undefined {
  const items = todoItems(piece);
  return (
    items && {
      tool: 'write_file',
      input: { path: 'todo.md', content: items.map((item) => `- [ ] ${item}\n`).join('') },
    }
  );
}

/** The items behind the words that ask for a list; undefined where there are none. */
function todoItems(piece: string): string[] | undefined {
  const asked = TODO.exec(piece);
  if (asked === null) return undefined;
  const rest = piece
    .slice(asked[0].length, 4_000)
    .replace(/^\s*(?:(?:with|of|for|containing)\b(?: the)?(?: items?)?)?\s*:?/i, '');
  const split = rest.includes('\n') ? rest.split('\n') : rest.split(/\s*[,;]\s*(?:and\s+)?|\s+and\s+/);
  const items = split
    .map((item) => trimEnds(item.replace(/^\s*(?:[-*•]|\d{1,3}[.)])\s+/, '')))
    .filter((item) => item !== '');
  return items.length === 0 ? undefined : items.slice(0, 100);
}
