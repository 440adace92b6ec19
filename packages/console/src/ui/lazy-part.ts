import { lazy, type ComponentType, type LazyExoticComponent } from 'react';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

/**
 * A part of a page whose code is fetched once it is to be shown; needs a `Suspense` around it. While the server is out of reach
 * the fetch is made again, so that the page around it stays as it is.
 */
export function lazyPart<Props>(load: () => Promise<ComponentType<Props>>): LazyExoticComponent<ComponentType<Props>> {
  return lazy(async () => ({ default: await loadAgain(load) }));
}

/** Fetches code, again and again with longer pauses while that fails. */
export async function loadAgain<Part>(load: () => Promise<Part>): Promise<Part> {
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    try {
      return await load();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}
