import type { Setting } from '@reeve/contract';

/** Which settings are shown: those whose value somebody chose, or those that can be changed here. */
export type ShownSettings = 'changed' | 'changeable';

/** The settings that have every word of a search in their name, their description or their value, by name. */
export function settingsShown(
  settings: readonly Setting[],
  q: string | undefined,
  show: ShownSettings | undefined,
): readonly Setting[] {
  const words = (q ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  return settings
    .filter((setting) => show === undefined || (show === 'changed' ? isChosen(setting) : setting.changeable))
    .filter(({ name, description, value }) => {
      const text = `${name} ${description} ${value}`.toLowerCase();
      return words.every((word) => text.includes(word));
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function isChosen({ origin }: Setting): boolean {
  return origin !== 'default';
}
