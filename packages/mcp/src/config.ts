import { setting } from '@reeve/kit';
import { z } from 'zod';

/** Settings of MCP servers. */
export const mcpSettings = {
  mcpDirectory: setting(
    'REEVE_MCP_DIR',
    z
      .string()
      .min(1)
      .optional()
      .describe(
        'What MCP servers that are programs are made of, which they see as /mcp; `mcp` in the data directory where it is unset.',
      ),
  ),
};
