import { Button } from '@mantine/core';
import type { McpTest as TestResult } from '@reeve/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { refreshMcp, testMcpServer } from '../../api/mcp.ts';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { formatCount, formatDuration } from '../../ui/format.ts';
import { Status } from '../../ui/status.tsx';
import classes from './mcp.module.css';

/** Connects to a server and reads its tools, and says what came of it. */
export function McpTest({ id }: { readonly id: string }) {
  const cache = useQueryClient();
  const test = useMutation({ mutationFn: () => testMcpServer(id), onSettled: () => refreshMcp(cache) });
  return (
    <section className={classes.test} aria-label="Test">
      <div className={classes.ask}>
        <Button variant="default" size="xs" loading={test.isPending} onClick={() => test.mutate()}>
          Test it now
        </Button>
        <span>Connects and reads its tools, whatever its circuit says.</span>
      </div>
      <div role="status">{test.data !== undefined && !test.isPending && <Result result={test.data} />}</div>
      {test.isError && <ErrorPanel title="The test was not made" error={test.error} />}
    </section>
  );
}

function Result({ result }: { readonly result: TestResult }) {
  const { ok, error, latency_ms: latency, tool_count: tools, protocol_version: revision } = result;
  const took = formatDuration(latency);
  return (
    <div className={classes.result} data-ok={ok}>
      <Status status={ok ? 'success' : 'failed'} text={ok ? `It answered in ${took}` : `It failed after ${took}`} />
      <span>
        {ok
          ? `${tools === 1 ? '1 tool' : `${formatCount(tools)} tools`}${revision === null ? '' : `, MCP ${revision}`}`
          : error}
      </span>
    </div>
  );
}
