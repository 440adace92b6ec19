import { Button } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import type { Run, Usage } from '@reeve/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { cancelRun, isLive, runQuery } from '../../api/runs.ts';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { messageOf } from '../../ui/message-of.ts';
import { Facts } from '../../ui/facts.tsx';
import { firstLine, formatCost, formatCount, formatDate, formatDuration, shortId } from '../../ui/format.ts';
import { StopIcon } from '../../ui/icons.ts';
import { Identifier } from '../../ui/identifier.tsx';
import { MarkdownBlock } from '../../ui/markdown-block.tsx';
import { Page } from '../../ui/page.tsx';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { TextBlock } from '../../ui/text-block.tsx';
import classes from './run-detail.module.css';
import { RunLink } from './run-link.tsx';
import { RunState, RunWaits } from './run-state.tsx';
import { StepList } from './step-list.tsx';

/** One run: what was asked, what came of it, what it cost, and each of its steps; live until it ends. */
export function RunDetail({ runId }: { readonly runId: string }) {
  const run = useQuery(runQuery(runId));
  if (run.data === undefined) {
    return (
      <Page title="Run">
        {run.isError ? (
          <ErrorPanel title="The run could not be loaded" error={run.error} onRetry={() => void run.refetch()} />
        ) : (
          <SkeletonRows rows={6} height={56} label="Loading the run" />
        )}
      </Page>
    );
  }
  return <LoadedRun run={run.data} stale={run.isError ? run.error : null} />;
}

function LoadedRun({ run, stale }: { readonly run: Run; readonly stale: Error | null }) {
  const cache = useQueryClient();
  const live = isLive(run);
  const cancel = useMutation({
    mutationFn: cancelRun,
    onError: (error) =>
      notifications.show({ color: 'rust', title: 'The run was not stopped', message: messageOf(error) }),
    onSettled: () => cache.invalidateQueries({ queryKey: ['runs'] }),
  });
  return (
    <Page
      title={firstLine(run.input, 120) || 'Run'}
      documentTitle={`Run: ${firstLine(run.input, 60)}`}
      lead={
        <span className={classes.lead}>
          <RunState run={run} /> {run.agent}, version {run.agent_version}
        </span>
      }
      actions={
        live && (
          <Button
            color="rust"
            leftSection={<StopIcon size={16} />}
            loading={cancel.isPending}
            onClick={() => cancel.mutate(run.id)}
          >
            Stop run
          </Button>
        )
      }
    >
      <div className={classes.sections}>
        {stale !== null && <ErrorPanel title="What you see may be old" error={stale} />}
        {run.error !== null && (
          <ErrorPanel title={`The run failed: ${run.error.code}`} error={new Error(run.error.message)} />
        )}
        <RunWaits run={run} />
        <Facts
          facts={[
            ['Duration', run.duration_ms === null ? (live ? 'not over yet' : '–') : formatDuration(run.duration_ms)],
            ...usageFacts(run.usage),
            ['With child runs', run.tree_usage === undefined ? null : treeFact(run.tree_usage)],
            [
              'Forked from',
              run.forked_from === null ? null : (
                <Link key="f" to="/runs/$runId" params={{ runId: run.forked_from }}>
                  run {shortId(run.forked_from)}, step {run.fork_step}
                </Link>
              ),
            ],
            ['Part of', run.parent_run_id === null ? null : <RunLink key="p" runId={run.parent_run_id} />],
            [
              'Gave work to',
              run.children.length === 0
                ? null
                : run.children.map((id) => (
                    <span key={id} className={classes.child}>
                      <RunLink runId={id} />
                    </span>
                  )),
            ],
            ['Source', run.door],
            ['Created', formatDate(run.created_at)],
            ['Started', run.started_at === null ? null : formatDate(run.started_at)],
            ['Ended', run.ended_at === null ? null : formatDate(run.ended_at)],
            [
              'Session',
              <Link key="s" to="/chat/{-$sessionId}" params={{ sessionId: run.session_id }} search={{ run: run.id }}>
                Open in chat
              </Link>,
            ],
            [
              'Files',
              <Link
                key="w"
                to="/chat/{-$sessionId}"
                params={{ sessionId: run.session_id }}
                search={{ run: run.id, files: '/' }}
              >
                Files of the session
              </Link>,
            ],
            [
              'Task',
              <Link key="t" to="/admin/agents/tasks" search={{ task: run.task_id }}>
                Open the task
              </Link>,
            ],
            ['Run', <Identifier key="r" id={run.id} of="run id" />],
            ['Trace', <Identifier key="i" id={run.trace_id} of="trace id" />],
          ]}
        />
        <section className={classes.texts}>
          <TextBlock label="Input" value={run.input} />
          {run.result !== null && <Result text={run.result} />}
        </section>
        <StepList runId={run.id} live={live} />
      </div>
    </Page>
  );
}

/** Tokens and money; what a provider does not tell is left out. */
function usageFacts(usage: Usage): [string, string | null][] {
  const {
    input_tokens: input,
    output_tokens: output,
    cached_tokens: cached = 0,
    reasoning_tokens: reasoning = 0,
  } = usage;
  return [
    ['Tokens', `${formatCount(input)} in · ${formatCount(output)} out`],
    ['Cached', cached === 0 ? null : `${formatCount(cached)} of the input`],
    ['Reasoning', reasoning === 0 ? null : `${formatCount(reasoning)} of the output`],
    ['Cost', usage.cost_usd === null ? 'price not known' : formatCost(usage.cost_usd)],
  ];
}

/** What a run and all that it gave to others used. */
function treeFact({ input_tokens: input, output_tokens: output, cost_usd: cost }: Usage): string {
  const price = cost === null ? 'price not known' : formatCost(cost);
  return `${formatCount(input)} in · ${formatCount(output)} out · ${price}`;
}

/** What an agent answered is markdown, unless it was asked for JSON. */
function Result({ text }: { readonly text: string }) {
  const structure = parseStructure(text);
  return structure === undefined ? (
    <MarkdownBlock label="Result" text={text} />
  ) : (
    <TextBlock label="Result" value={structure} />
  );
}

function parseStructure(text: string): object | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text) as object;
  } catch {
    return undefined;
  }
}
