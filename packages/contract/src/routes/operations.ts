import { z } from 'zod';
import { JsonObject, Time, text } from '../common.ts';
import { defineRoute } from '../route.ts';
import { ComponentStatus } from './system.ts';

const tag = 'Operations';

export const echo = defineRoute({
  method: 'POST',
  path: '/api/v1/echo',
  tag,
  access: 'viewer',
  summary: 'Says what it was sent',
  description: 'To see that a caller, its credential and everything between reach this server. Nothing is kept.',
  body: z.strictObject({
    ping: z
      .unknown()
      .refine((value) => value !== undefined, 'is required')
      .refine(
        (value) => JsonObject.safeParse({ value }).success,
        'must not contain NUL characters or nest deeper than 64 levels',
      ),
    request_id: z
      .string()
      .regex(/^[A-Za-z0-9._:-]{1,128}$/, 'must be 1 to 128 of A-Z a-z 0-9 . _ : -')
      .optional()
      .describe('Said back in place of the id of the request.'),
  }),
  responses: { 200: z.object({ service: z.string(), received: z.unknown(), request_id: z.string() }) },
});

const counts = z.record(z.string(), z.number().int());
const FailedPart = z.object({ status: z.literal('error'), error: z.string() });
const part = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.discriminatedUnion('status', [z.object({ status: z.literal('ok'), ...shape }), FailedPart]);

export const Dashboard = z
  .object({
    service: z.string(),
    status: z.enum(['ok', 'partial']).describe('`partial`: at least one part could not be had.'),
    request_id: z.string(),
    data: z.object({
      agent: part({
        agents: z.number().int(),
        runs_last_day: counts.describe('Runs that began within 24 hours, by status.'),
      }),
      sandbox: part({ health: ComponentStatus, message: z.string().optional() }),
      memory: part({
        memories: z.number().int().describe('Counted up to 100,000.'),
        sessions: z.number().int().describe('Counted up to 100,000.'),
      }),
      models: part({
        health: ComponentStatus,
        message: z.string().optional(),
        provider: z.string(),
        default_model: z.string(),
        open_circuits: z.object({
          start: z.boolean().describe('No run is started through /execute at the moment.'),
          agents: z.number().int().describe('Agents of all tenants whose runs /execute does not start at the moment.'),
        }),
      }),
      pools: part({ message: z.string() }),
      tasks: part({ by_status: counts }),
    }),
  })
  .meta({ id: 'Dashboard' });
export type Dashboard = z.infer<typeof Dashboard>;

export const getDashboardData = defineRoute({
  method: 'GET',
  path: '/api/v1/agi/dashboard-data',
  tag,
  access: 'viewer',
  summary: 'What a dashboard shows, of every part at once',
  description:
    'The parts are asked side by side, each with 2 s of its own. A part that fails is `{"status": "error", "error": …}`, and the rest still comes.',
  responses: { 200: Dashboard },
});

export const Setting = z
  .object({
    name: z.string().describe('The variable by which it is configured.'),
    value: z.string().describe('As text, secrets as `***`; empty where it is not set.'),
    origin: z
      .enum(['environment', 'file', 'reeve.yaml', 'default', 'override'])
      .describe('Where the value comes from; `override`: set here, for this tenant.'),
    changeable: z.boolean().describe('It may be changed here while the server runs, for this tenant.'),
    description: z.string(),
    configured: z.string().nullable().describe('What holds without the override; null where there is none.'),
    updated_by: z.string().nullable(),
    updated_at: Time.nullable(),
  })
  .meta({ id: 'Setting' });
export type Setting = z.infer<typeof Setting>;

export const getSettings = defineRoute({
  method: 'GET',
  path: '/api/v1/settings',
  tag,
  access: 'admin',
  summary: 'Every setting, its value and where it comes from',
  description:
    'How the server is set up is shown to administrators of the tenant `default`; those of others see what they may change.',
  responses: { 200: z.object({ settings: z.array(Setting) }) },
});

export const putSettings = defineRoute({
  method: 'PUT',
  path: '/api/v1/settings',
  tag,
  access: 'admin',
  summary: 'Changes settings for this tenant while the server runs',
  description:
    'By name; null takes an override away. All or none. They hold at once in this process and within 5 s in others. Only settings that are `changeable` may be given.',
  body: z.strictObject({
    settings: JsonObject.refine(
      (changes) => Object.keys(changes).length >= 1 && Object.keys(changes).length <= 50,
      'must hold 1 to 50 settings',
    ).refine(
      (changes) => Object.keys(changes).every((name) => text(1, 100).safeParse(name).success),
      'has a name that is too long',
    ),
  }),
  responses: { 200: z.object({ settings: z.array(Setting) }) },
});
