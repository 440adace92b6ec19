import type { Sandbox } from '@reeve/sandbox';
import type { Tool } from '../tool.ts';
import { bashExecute } from './bash-execute.ts';
import { calculator } from './calculator.ts';
import { currentTime } from './current-time.ts';
import { delegateToAgent } from './delegate-to-agent.ts';
import { editFile } from './edit-file.ts';
import { globFiles } from './glob-files.ts';
import { nodeExecute } from './node-execute.ts';
import { pythonExecute } from './python-execute.ts';
import { readFile } from './read-file.ts';
import { recall } from './recall.ts';
import { remember } from './remember.ts';
import { runCode } from './run-code.ts';
import { writeFile } from './write-file.ts';

/** The tools that come with Reeve. */
export function builtinTools(sandbox: Sandbox): Tool[] {
  return [
    calculator,
    currentTime,
    readFile,
    writeFile,
    editFile,
    globFiles,
    runCode(sandbox),
    bashExecute(sandbox),
    pythonExecute(sandbox),
    nodeExecute(sandbox),
    remember,
    recall,
    delegateToAgent,
  ];
}
