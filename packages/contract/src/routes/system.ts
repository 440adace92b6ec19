import { z } from 'zod';
import { defineRoute } from '../route.ts';

const tag = 'Health and documents';

export const ComponentStatus = z.enum(['ok', 'degraded', 'unavailable']);
export const ComponentHealth = z.object({
  status: ComponentStatus,
  latency_ms: z.number().optional(),
  message: z.string().optional(),
  calls: z
    .array(
      z.object({
        model: z.string(),
        limit: z.int().nullable().describe('Calls at a time; null where there is no limit.'),
        running: z.int(),
        waiting: z.int(),
      }),
    )
    .optional()
    .describe('Of `models`: the calls to each model that has a limit, or calls in flight, in this process.'),
});
export type ComponentHealth = z.infer<typeof ComponentHealth>;

export const COMPONENTS = [
  'database',
  'gateway',
  'tenants',
  'broker',
  'cache',
  'models',
  'memory',
  'sandbox',
  'pools',
  'scheduler',
] as const;
export type ComponentName = (typeof COMPONENTS)[number];

export const Health = z
  .object({
    service: z.string(),
    status: z.enum(['ok', 'degraded', 'unavailable']),
    version: z.string(),
    uptime_s: z.number(),
    roles: z.array(z.string()),
    components: z.object(
      Object.fromEntries(COMPONENTS.map((name) => [name, ComponentHealth])) as Record<
        ComponentName,
        typeof ComponentHealth
      >,
    ),
  })
  .meta({ id: 'Health' });
export type Health = z.infer<typeof Health>;

const Ready = z.object({ status: z.string(), reason: z.string().optional() });

export const getHealth = defineRoute({
  method: 'GET',
  path: '/health',
  tag,
  access: 'public',
  summary: 'Health of the server and each component',
  description: 'Amber (`degraded`) where an optional component fails; 503 (`unavailable`) where the database does.',
  responses: { 200: Health, 503: Health },
});
export const getLive = defineRoute({
  method: 'GET',
  path: '/livez',
  tag,
  access: 'public',
  summary: 'The process is up',
  responses: { 200: Ready },
});
export const getReady = defineRoute({
  method: 'GET',
  path: '/readyz',
  tag,
  access: 'public',
  summary: 'Ready to take work',
  description: '503 while starting, migrating or draining.',
  responses: { 200: Ready, 503: Ready },
});
export const getVersion = defineRoute({
  method: 'GET',
  path: '/version',
  tag,
  access: 'viewer',
  summary: 'Version, commit and Node release',
  responses: { 200: z.object({ version: z.string(), commit: z.string(), node: z.string() }) },
});
export const getMetrics = defineRoute({
  method: 'GET',
  path: '/metrics',
  tag,
  access: 'public',
  summary: 'Prometheus metrics',
  responses: { 200: z.string() },
  produces: 'text/plain; version=0.0.4; charset=utf-8',
});
export const getOpenApi = defineRoute({
  method: 'GET',
  path: '/openapi.json',
  tag,
  access: 'public',
  summary: 'This contract as OpenAPI 3.1',
  responses: { 200: z.record(z.string(), z.unknown()) },
});
export const getDocs = defineRoute({
  method: 'GET',
  path: '/docs',
  tag,
  access: 'public',
  summary: 'This contract as a page',
  responses: { 200: z.string() },
  produces: 'text/html; charset=utf-8',
});
