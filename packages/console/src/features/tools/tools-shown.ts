import type { ToolInfo } from '@reeve/contract';

/** The tools of a source that have all the words of `q` in their name or description. */
export function toolsShown(
  tools: readonly ToolInfo[],
  q: string | undefined,
  source: string | undefined,
): readonly ToolInfo[] {
  const words = (q ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  return tools.filter((tool) => {
    const text = `${tool.name} ${tool.description}`.toLowerCase();
    return (source === undefined || tool.source === source) && words.every((word) => text.includes(word));
  });
}

/** Where some tools come from, in order, the built-in ones first. */
export function sourcesOf(tools: readonly ToolInfo[]): readonly string[] {
  const isOwn = (source: string): number => Number(source === 'builtin');
  return [...new Set(tools.map(({ source }) => source))].sort((a, b) => isOwn(b) - isOwn(a) || a.localeCompare(b));
}
