import { openExtensions, type Extensions } from '@reeve/extensions';
import type { Log } from '@reeve/kit';
import type { RemoteSandbox } from '@reeve/tools/remote';
import type { Sandbox } from '@reeve/sandbox';
import { foldersOf, openSkills, promptOf, READ_SKILL, readSkill, type Skill, type Skills } from '@reeve/skills';
import { createToolRegistry, type ToolContext, type ToolRegistry, type Web } from '@reeve/tools';
import { extensionsDirectoryOf, skillsDirectoryOf, type Config } from './config.ts';

/** What agents of every tenant can be given. Disposing stops watching the operator's folders. */
export interface Toolbox extends AsyncDisposable {
  readonly skills: Skills;
  readonly extensions: Extensions;
  /** The tools that come with Reeve. */
  readonly builtin: ToolRegistry;
  /** Those, and the operator's. */
  tools(): Promise<ToolRegistry>;
  /** What skills add to an agent: its prompt, and what they are read with. Those that are gone are left out. */
  skillsOf(names: readonly string[]): { readonly prompt: string; readonly tools: readonly string[] };
  /** What skills add to the calls of an agent; undefined: of nobody, who may read any. */
  skillContext(names: readonly string[] | undefined): Pick<ToolContext, 'skills' | 'readOnly'>;
}

export interface ToolboxOptions {
  readonly config: Config;
  readonly sandbox: Sandbox | RemoteSandbox;
  readonly web: Web;
  /** Of what happens to tools, and of what lies in the operator's folders. */
  readonly log: Log;
  readonly folderLog: Log;
}

export async function openToolbox({ config, sandbox, web, log, folderLog }: ToolboxOptions): Promise<Toolbox> {
  await using stack = new AsyncDisposableStack();
  const skills = stack.use(await openSkills({ directory: skillsDirectoryOf(config), log: folderLog }));
  const builtin = createToolRegistry({ sandbox: 'tools' in sandbox ? sandbox.tools : sandbox, web, config, log }).with([
    readSkill(skills),
  ]);
  const extensions = stack.use(
    openExtensions({
      directory: extensionsDirectoryOf(config),
      sandbox,
      // The tools of MCP servers come later.
      isTaken: (name) => builtin.get(name) !== undefined || name.startsWith('mcp__'),
      config,
      log: folderLog,
    }),
  );
  const named = (names: readonly string[]): Skill[] => names.flatMap((name) => skills.get(name) ?? []);
  const parts = stack.move();
  return {
    skills,
    extensions,
    builtin,
    tools: async () => builtin.with(await extensions.tools()),
    skillsOf(names) {
      const prompt = promptOf(named(names));
      return { prompt, tools: prompt === '' ? [] : [READ_SKILL] };
    },
    skillContext: (names) => ({
      skills: names,
      readOnly: foldersOf(names === undefined ? skills.list() : named(names)),
    }),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}
