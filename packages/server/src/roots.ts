import { join, resolve } from 'node:path';
import { PARTS } from '@reeve/extensions/parts';
import type { Roots } from '@reeve/sandbox';
import { BUILTIN } from '@reeve/skills';
import { extensionsDirectoryOf, mcpDirectoryOf, skillsDirectoryOf, type Config } from './config.ts';

/** Where sessions have their files. */
export function workspacesDirectoryOf({ dataDirectory }: Config): string {
  return join(resolve(dataDirectory), 'workspaces');
}

/** Where MCP servers that are programs have theirs. */
export function mcpFilesDirectoryOf({ dataDirectory }: Config): string {
  return join(resolve(dataDirectory), 'mcp-files');
}

/** What programs are given to read, by the names that a process and its sandbox elsewhere know: the operator's folders, and parts of Reeve. */
export function foldersOf(config: Config): Roots {
  return {
    skills: skillsDirectoryOf(config),
    extensions: extensionsDirectoryOf(config),
    mcp: mcpDirectoryOf(config),
    'reeve-skills': BUILTIN,
    ...Object.fromEntries(PARTS.map(({ path, at }) => [at.slice(1).replaceAll('/', '-'), path])),
  };
}

/** Every directory that a program may be given, by name. */
export function rootsOf(config: Config): Roots {
  return { workspaces: workspacesDirectoryOf(config), 'mcp-files': mcpFilesDirectoryOf(config), ...foldersOf(config) };
}
