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
        'Directory with the files of MCP servers that run as programs, which see it as /mcp. Unset: `mcp` in the data directory.',
      ),
  ),
};
