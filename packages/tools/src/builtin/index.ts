import type { Sandbox } from '@reeve/sandbox';
import type { Tool } from '../tool.ts';
import type { Web } from '../web.ts';
import { applyPatch } from './apply-patch.ts';
import { bashExecute } from './bash-execute.ts';
import { calculator } from './calculator.ts';
import { createTask } from './create-task.ts';
import { currentTime } from './current-time.ts';
import { delegateToAgent } from './delegate-to-agent.ts';
import { editFile } from './edit-file.ts';
import { globFiles } from './glob-files.ts';
import { grepFiles } from './grep-files.ts';
import { httpRequest } from './http-request.ts';
import { nodeExecute } from './node-execute.ts';
import { pythonExecute } from './python-execute.ts';
import { readFile } from './read-file.ts';
import { forget } from './forget.ts';
import { recall } from './recall.ts';
import { remember } from './remember.ts';
import { runCode } from './run-code.ts';
import { webCrawl } from './web-crawl.ts';
import { webSearch } from './web-search.ts';
import { writeFile } from './write-file.ts';

/** The tools that work in a session's workspace: they run where it is. */
export function workspaceTools(sandbox: Pick<Sandbox, 'exec' | 'unavailable'>): Tool[] {
  return [
    readFile,
    writeFile,
    editFile,
    applyPatch,
    globFiles,
    grepFiles,
    runCode(sandbox),
    bashExecute(sandbox),
    pythonExecute(sandbox),
    nodeExecute(sandbox),
  ];
}

/** Those that need nothing but themselves. */
export const bareTools: readonly Tool[] = [calculator, currentTime];

/** The tools that come with Reeve, beside those that work in a workspace. */
export function builtinTools(inWorkspace: readonly Tool[], web: Web): Tool[] {
  return [
    ...bareTools,
    ...inWorkspace,
    httpRequest(web),
    webCrawl(web),
    webSearch(web),
    remember,
    recall,
    forget,
    delegateToAgent,
    createTask,
  ];
}
