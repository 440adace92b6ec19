import { secret, setting } from '@reeve/kit';
import { z } from 'zod';

/** Settings of the tool executor. */
export const toolSettings = {
  circuitFailureThreshold: setting(
    'TOOL_EXECUTOR_CIRCUIT_FAILURE_THRESHOLD',
    z.coerce
      .number({ message: 'must be a whole number from 1 to 1000' })
      .int('must be a whole number from 1 to 1000')
      .min(1, 'must be a whole number from 1 to 1000')
      .max(1000, 'must be a whole number from 1 to 1000')
      .default(5)
      .describe('Consecutive faults of a tool or MCP server, such as timeouts, after which its circuit breaker opens.'),
  ),
  circuitResetTimeoutSeconds: setting(
    'TOOL_EXECUTOR_CIRCUIT_RESET_TIMEOUT_SECONDS',
    z.coerce
      .number({ message: 'must be a number of seconds from 0.001 to 86400' })
      .min(0.001, 'must be a number of seconds from 0.001 to 86400')
      .max(86_400, 'must be a number of seconds from 0.001 to 86400')
      .default(30)
      .describe('Seconds after which an open circuit breaker lets one call try.'),
  ),
};

/** Settings of the tools that go to the web. */
export const webSettings = {
  webSearchUrl: setting(
    'WEB_SEARCH_URL',
    z
      .string()
      .regex(/^https?:\/\/[^\s/]/, 'it must be an http:// or https:// URL')
      .refine((url) => URL.canParse(url), 'it must be a URL')
      .optional()
      .describe(
        "URL of the SearXNG server that web_search uses, or of another that answers in SearXNG's JSON, with {query} for the query; unset: the tool is not offered.",
      ),
  ),
  webSearchApiKey: secret(
    'WEB_SEARCH_API_KEY',
    z.string().min(1).optional().describe('Bearer token for the search engine.'),
  ),
};
