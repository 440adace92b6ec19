import { accessSync, constants, existsSync, realpathSync, statfsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fail, ok, warn, type Check } from './check.ts';

const LEAST_NODE = 24;
const MB = 1_000_000;

/** Node is new enough to run the program as it is. */
export function checkNode(): Check {
  const evidence = `Node ${process.versions.node} at ${process.execPath}`;
  if (Number(process.versions.node.split('.')[0]) >= LEAST_NODE) return ok('node', evidence);
  return fail('node', evidence, `run it with Node ${LEAST_NODE} or newer; "npm run reeve --" does`);
}

/** The dependencies are there, with the Node that comes with them. */
export function checkToolchain(): Check {
  const modules = join(import.meta.dirname, '../../../../node_modules');
  const own = join(modules, '.bin/node');
  if (!existsSync(join(modules, '.package-lock.json')))
    return fail('toolchain', `nothing is installed in ${modules}`, 'run "npm ci"');
  if (!existsSync(own))
    return warn(
      'toolchain',
      `${modules} holds no Node of its own`,
      'run "npm ci" with optional dependencies, or keep to a Node 24',
    );
  if (realpathSync(own) === realpathSync(process.execPath))
    return ok('toolchain', 'dependencies and the pinned Node are installed, and it runs on that');
  return warn(
    'toolchain',
    `the pinned Node is installed, but it runs on ${process.execPath}`,
    'start it by "npm run reeve --"',
  );
}

/** The data directory can be written, or made. */
export function checkDataDirectory(directory: string): Check {
  const name = 'data_directory';
  const place = existingPart(directory);
  try {
    accessSync(place, constants.W_OK | constants.X_OK);
  } catch {
    return fail(
      name,
      `${place} cannot be written by this user`,
      'give the user the right to write it, or choose another with REEVE_DATA_DIR',
    );
  }
  return ok(
    name,
    place === directory ? `${directory} can be written` : `${directory} is not there yet and can be made`,
  );
}

/** There is room for the data. */
export function checkDisk(directory: string): Check {
  const { bavail, bsize } = statfsSync(existingPart(directory));
  const freeMb = Math.floor((bavail * bsize) / MB);
  const evidence = `${freeMb >= 10_000 ? `${Math.floor(freeMb / 1_000)} GB` : `${freeMb} MB`} free`;
  const remedy = 'make room, or move the data to a larger disk with REEVE_DATA_DIR';
  if (freeMb < 100) return fail('disk', evidence, remedy);
  return freeMb < 1_000 ? warn('disk', evidence, remedy) : ok('disk', evidence);
}

function existingPart(directory: string): string {
  return existsSync(directory) || dirname(directory) === directory ? directory : existingPart(dirname(directory));
}
