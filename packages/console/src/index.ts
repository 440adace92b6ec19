import { fileURLToPath } from 'node:url';

/** Folder of the built console: `index.html` and hashed files under `assets/`. Absent until `vite build` has run. */
export const consoleDist: string = fileURLToPath(new URL('../dist/', import.meta.url));
