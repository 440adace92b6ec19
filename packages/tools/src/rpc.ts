import { ExecuteToolInput, type ToolOutcome } from '@reeve/contract';
import { Sandbox } from '@reeve/contract/proto/reeve/v1/sandbox';
import { parseJson, requireAccess, validate } from '@reeve/http';
import { idOf, invalidField, isUuidShaped, Signal } from '@reeve/kit';
import { callerOf, isRole, type RpcService } from '@reeve/rpc';
import type { OutputStream } from '@reeve/sandbox';
import { callTool, type ToolCalls } from './call.ts';

/** Metadata by which one of Reeve's roles says that it has kept the tenant's rules for this call. */
export const RULES_KEPT = 'x-reeve-rules-kept';

/** The `Sandbox` service over calls of tools. */
export function sandboxService(calls: ToolCalls): RpcService {
  return {
    service: Sandbox,
    routes: (router) =>
      router.service(Sandbox, {
        async listTools(_, context) {
          const { principal } = callerOf(context);
          requireAccess(principal, 'viewer');
          const tools = (await calls.toolsOf(principal.tenantId)).list();
          return {
            tools: tools.map(({ input_schema, unavailable_reason, ...tool }) => ({
              ...tool,
              inputSchemaJson: JSON.stringify(input_schema),
              unavailableReason: unavailable_reason ?? '',
            })),
          };
        },
        async executeTool(request, context) {
          return toResponse(await execute(calls, request, context));
        },
        async *executeStream(request, context) {
          const pieces: { readonly case: OutputStream; readonly value: string }[] = [];
          const changed = new Signal();
          let ended = false;
          const outcome = execute(calls, request, context, (stream, text) => {
            pieces.push({ case: stream, value: text });
            changed.raise();
          }).finally(() => {
            ended = true;
            changed.raise();
          });
          // It is awaited below, when its output has been told.
          outcome.catch(() => undefined);
          while (!ended || pieces.length > 0) {
            for (const event of pieces.splice(0)) yield { event };
            if (!ended) await changed.wait(LOOK_MS);
          }
          yield { event: { case: 'result' as const, value: toResponse(await outcome) } };
        },
      }),
  };
}

/** An end that nobody was told of is seen by then. */
const LOOK_MS = 60_000;

interface Asked {
  readonly toolName: string;
  readonly argsJson: string;
  readonly sessionId: string;
}

async function execute(
  calls: ToolCalls,
  asked: Asked,
  call: Parameters<typeof callerOf>[0] & { readonly signal: AbortSignal; readonly requestHeader: Headers },
  onOutput?: (stream: OutputStream, text: string) => void,
): Promise<ToolOutcome> {
  const { principal, context } = callerOf(call);
  requireAccess(principal, 'member');
  const { tenantId, userId } = principal;
  const hasKeptRules = call.requestHeader.get(RULES_KEPT) === 'true' && isRole({ principal });
  const body = bodyOf(tenantId, asked);
  return callTool(calls, { tenantId, userId, context, hasKeptRules, onOutput }, body, call.signal);
}

/** The same as the body of `POST /api/v1/execute_tool`; a session may have any plain name, which stands for an id of its own. */
function bodyOf(tenantId: string, { toolName, argsJson, sessionId }: Asked) {
  if (sessionId !== '' && !SESSION.test(sessionId))
    throw invalidField('session_id', 'must be a UUID, or 1 to 128 letters, digits, ., - and _');
  const named = isUuidShaped(sessionId) ? sessionId : idOf(`${tenantId} ${sessionId}`);
  return validate(
    ExecuteToolInput,
    { tool_name: toolName, args: argsOf(argsJson), ...(sessionId !== '' && { session_id: named }) },
    'body',
  );
}

const SESSION = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

function argsOf(json: string): unknown {
  const args = json.trim() === '' ? {} : parseJson(json, 'args_json');
  if (typeof args !== 'object' || args === null || Array.isArray(args))
    throw invalidField('args_json', 'must be a JSON object');
  return args;
}

function toResponse({ tool_status, result, exit_code, duration_ms, ...output }: ToolOutcome) {
  return {
    ...output,
    status: tool_status,
    resultJson: JSON.stringify(result ?? null),
    durationMs: duration_ms,
    ...(exit_code !== null && { exitCode: exit_code }),
  };
}
