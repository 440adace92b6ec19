import { createOutgoing } from '@reeve/http';
import { ReeveError, silentLog } from '@reeve/kit';
import { extensionsDirectoryOf, skillsDirectoryOf, type Config } from '../config.ts';
import { openSandboxOf } from '../roles/sandbox-place.ts';
import { openToolbox } from '../toolbox.ts';
import { ok, warn, type Check } from './check.ts';

/** What operators wrote, skills and tools, can be used. Loads each tool in the sandbox, as the server does. */
export async function checkFolders(config: Config): Promise<Check[]> {
  try {
    return await lookIntoFolders(config);
  } catch (error) {
    // What it takes to reach a sandbox elsewhere is broken, which another check says.
    return [warn('extensions', ReeveError.from(error).message, 'correct it; until then no extension can be loaded')];
  }
}

async function lookIntoFolders(config: Config): Promise<Check[]> {
  await using sandbox = await openSandboxOf(config, silentLog);
  await using outgoing = createOutgoing({ allowPrivate: false });
  const web = { outgoing, configured: outgoing, search: undefined };
  await using toolbox = await openToolbox({ config, sandbox, web, log: silentLog, folderLog: silentLog });
  const tools = await toolbox.extensions.tools();
  const skillFaults = toolbox.skills.problems().map(({ file, line, message }) => `${file}, line ${line}: ${message}`);
  const toolFaults = toolbox.extensions.problems().map(({ file, message }) => `${file}: ${message}`);
  const own = toolbox.skills.list().filter(({ source }) => source === 'user').length;
  return [
    checkOf('skills', skillsDirectoryOf(config), `${own} of your own`, skillFaults),
    checkOf('extensions', extensionsDirectoryOf(config), `${tools.length} of your own`, toolFaults),
  ];
}

function checkOf(name: string, directory: string, found: string, faults: readonly string[]): Check {
  if (faults.length === 0) return ok(name, `${found} in ${directory}`);
  return warn(name, faults.join('; '), `mend it in ${directory}; until then it is left out, and all others work`);
}
