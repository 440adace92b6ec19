// Run after `npm install <package>`: adds to package-lock.json the packages for other platforms that npm left out because
// the registry it asked does not hold them. Without those entries `npm ci` refuses the lockfile on every platform.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface Entry {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  optionalDependencies?: Record<string, string>;
}

const path = join(import.meta.dirname, '../package-lock.json');
const lock = JSON.parse(readFileSync(path, 'utf8')) as { packages: Record<string, Entry> };

for (const [place, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (isLocked(place, name)) continue;
    lock.packages[`node_modules/${name}`] = {
      version,
      ...(entry.dev ? { dev: true } : {}),
      optional: true,
      ...platformOf(name),
    };
    console.log(`added ${name} ${version}`);
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);

/** Whether Node, asked from `place`, would find an entry for `name` there or in a folder further out. */
function isLocked(place: string, name: string): boolean {
  if (lock.packages[`${place === '' ? '' : `${place}/`}node_modules/${name}`]) return true;
  return place !== '' && isLocked(place.slice(0, Math.max(0, place.lastIndexOf('/node_modules/'))), name);
}

/** What the name of a package for one platform says, as in `@oxlint/binding-linux-arm64-musl`. */
function platformOf(name: string): object {
  const [, os, cpu, abi] =
    /\b(android|darwin|freebsd|linux|openharmony|win32)-(arm64|arm|ia32|ppc64|riscv64|s390x|x64)(?:-(gnu|musl))?/.exec(
      name,
    ) ?? [];
  if (os === undefined || cpu === undefined) throw new Error(`${name} does not name its platform: complete it by hand`);
  const libc = os === 'linux' && abi !== undefined ? { libc: [abi === 'gnu' ? 'glibc' : 'musl'] } : {};
  return { os: [os], cpu: [cpu], ...libc };
}
