const TOKEN =
  // oxlint-disable-next-line no-control-regex -- the control characters that JSON does not allow in strings
  /[{}[\],:]|"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

type Next = 'value' | 'item' | 'first item' | 'name' | 'first name' | 'colon' | 'more' | 'nothing';

/**
 * Where a text stops being JSON: the offset of the first token that is not allowed where it stands, or the text's length where
 * something is missing at its end; undefined for JSON. Engines name the place in some of their messages only.
 */
export function faultOffset(text: string): number | undefined {
  const open: string[] = [];
  let next: Next = 'value';
  let at = 0;
  for (;;) {
    while (/[ \t\n\r]/.test(text[at] ?? '')) at += 1;
    if (at === text.length) return next === 'nothing' ? undefined : at;
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(text);
    const after: Next | undefined = token === null ? undefined : follow(next, token[0], open);
    if (token === null || after === undefined) return at;
    next = after;
    at = TOKEN.lastIndex;
  }
}

/** What may come after a token where `next` was expected; undefined where the token may not come there. */
function follow(next: Next, token: string, open: string[]): Next | undefined {
  const inside = open.at(-1);
  const done = (): Next => (open.length === 0 ? 'nothing' : 'more');
  if (token === '}' || token === ']') {
    const closes =
      inside === (token === '}' ? '{' : '[') &&
      (next === 'more' || next === `first ${inside === '{' ? 'name' : 'item'}`);
    open.pop();
    return closes ? done() : undefined;
  }
  if (token === ',') return next === 'more' ? (inside === '{' ? 'name' : 'item') : undefined;
  if (token === ':') return next === 'colon' ? 'value' : undefined;
  if (next === 'name' || next === 'first name') return token.startsWith('"') ? 'colon' : undefined;
  if (next === 'colon' || next === 'more' || next === 'nothing') return undefined;
  if (token !== '{' && token !== '[') return done();
  open.push(token);
  return token === '{' ? 'first name' : 'first item';
}
