import type { McpTool } from '@reeve/contract';
import { useInfiniteQuery } from '@tanstack/react-query';
import { mcpToolsQuery } from '../../api/mcp.ts';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { firstLine, formatCount } from '../../ui/format.ts';
import { ShowMore } from '../../ui/show-more.tsx';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { Tag } from '../../ui/tag.tsx';
import { TextBlock } from '../../ui/text-block.tsx';
import { EFFECT_WORDS } from '../tools/tool-words.ts';
import classes from './mcp.module.css';

/** The tools of a server, as its list was last read. */
export function McpTools({ id }: { readonly id: string }) {
  const query = useInfiniteQuery(mcpToolsQuery(id));
  const tools = query.data?.pages.flatMap((page) => page.tools) ?? [];
  const total = query.data?.pages[0]?.total ?? 0;
  return (
    <section aria-labelledby="mcp-tools" className={classes.tools}>
      <h3 id="mcp-tools">Tools{total > 0 && ` (${formatCount(total)})`}</h3>
      {query.isPending && <SkeletonRows rows={3} height={40} label="Loading its tools" />}
      {query.isError && (
        <ErrorPanel title="Its tools could not be loaded" error={query.error} onRetry={() => void query.refetch()} />
      )}
      {query.data !== undefined && tools.length === 0 && (
        <p className={classes.text}>None is known: it has none, or its list was never read.</p>
      )}
      {tools.map((tool) => (
        <Tool key={tool.name} tool={tool} />
      ))}
      <ShowMore query={query} size="xs" mt="sm" />
    </section>
  );
}

function Tool({ tool }: { readonly tool: McpTool }) {
  const { name, remote_name: remote, description, effect, input_schema: schema } = tool;
  const line = firstLine(description);
  return (
    <details className={classes.tool}>
      <summary>
        <code>{name}</code>
        <Tag title={EFFECT_WORDS[effect]}>{effect}</Tag>
        <span>{line || 'The server says nothing about it.'}</span>
      </summary>
      <div>
        {description !== line && <p className={classes.text}>{description}</p>}
        <p className={classes.soft}>
          The server calls it <code>{remote}</code>. {EFFECT_WORDS[effect]}
        </p>
        <TextBlock label="Input schema" value={schema} />
      </div>
    </details>
  );
}
