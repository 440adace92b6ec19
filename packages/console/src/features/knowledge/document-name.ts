import { shortId } from '../../ui/format.ts';

interface Named {
  readonly id: string;
  readonly title: string | null;
  readonly source: string | null;
}

/** What a document is called: its title, else where it comes from, else the end of its id. */
export function nameOf({ id, title, source }: Named): string {
  return title ?? source ?? `Document ${shortId(id)}`;
}
