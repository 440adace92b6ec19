/** The circles of a graph of imports, one for each group of files that lead to each other: a shortest way around, from its first file by name. */
export function findCircles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const circles: string[][] = [];
  const told = new Set<string>();
  for (const file of [...graph.keys()].sort()) {
    const circle = told.has(file) ? undefined : shortestCircle(graph, file);
    if (circle === undefined) continue;
    circles.push(circle);
    for (const other of reachableFrom(graph, file)) if (reachableFrom(graph, other).has(file)) told.add(other);
  }
  return circles;
}

/** The files from `start` on, the last of which imports it; undefined where no way leads back. */
function shortestCircle(graph: ReadonlyMap<string, readonly string[]>, start: string): string[] | undefined {
  const ways: string[][] = [[start]];
  const seen = new Set<string>();
  for (const way of ways) {
    for (const next of graph.get(way.at(-1)!) ?? []) {
      if (next === start) return way;
      if (seen.has(next)) continue;
      seen.add(next);
      ways.push([...way, next]);
    }
  }
  return undefined;
}

/** What a file imports, by whatever way; itself only where it is in a circle. */
function reachableFrom(graph: ReadonlyMap<string, readonly string[]>, start: string): Set<string> {
  const reached = new Set<string>();
  const open = [start];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    for (const next of graph.get(file) ?? []) {
      if (reached.has(next)) continue;
      reached.add(next);
      open.push(next);
    }
  }
  return reached;
}
