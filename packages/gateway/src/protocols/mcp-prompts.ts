import type { McpServer } from '@modelcontextprotocol/server';
import { text } from '@reeve/contract';
import type { Skills } from '@reeve/skills';
import { z } from 'zod';

const Args = z.object({ task: text(0, 200_000).optional().describe('What is to be done by these instructions.') });

/** Adds the skills as prompts: their instructions, and what is to be done by them. */
export function addPrompts(server: McpServer, skills: Skills): void {
  for (const { name, description, body } of skills.list())
    server.registerPrompt(name, { title: name, description, argsSchema: Args }, ({ task }) => ({
      description,
      messages: [
        {
          role: 'user',
          content: { type: 'text', text: task === undefined || task === '' ? body : `${body}\n\n${task}` },
        },
      ],
    }));
}
