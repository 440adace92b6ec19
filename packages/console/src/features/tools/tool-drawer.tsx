import { Drawer } from '@mantine/core';
import type { ToolInfo } from '@reeve/contract';
import { Link } from '@tanstack/react-router';
import { Empty } from '../../ui/empty.tsx';
import { Facts } from '../../ui/facts.tsx';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { Status } from '../../ui/status.tsx';
import { TextBlock } from '../../ui/text-block.tsx';
import { EFFECT_WORDS, sourceWords, stateOf } from './tool-words.ts';
import classes from './tools.module.css';

interface ToolDrawerProps {
  readonly opened: boolean;
  /** Undefined where there is none of that name. */
  readonly tool: ToolInfo | undefined;
  readonly pending: boolean;
  readonly onClose: () => void;
}

/** A tool in full: what a model is told of it, and what it takes. */
export function ToolDrawer({ opened, tool, pending, onClose }: ToolDrawerProps) {
  return (
    <Drawer
      opened={opened}
      onClose={onClose}
      position="right"
      size="min(40rem, 100vw)"
      title="Tool"
      closeButtonProps={{ 'aria-label': 'Close' }}
      keepMounted={false}
    >
      {tool !== undefined ? (
        <Details tool={tool} />
      ) : pending ? (
        <SkeletonRows rows={5} height={48} label="Loading the tool" />
      ) : (
        <Empty title="There is no tool of that name now." />
      )}
    </Drawer>
  );
}

function Details({ tool }: { readonly tool: ToolInfo }) {
  const { name, description, effect, source, breaker, input_schema: schema, unavailable_reason: reason } = tool;
  return (
    <article className={classes.details}>
      <header>
        <h2 className={classes.code}>{name}</h2>
        <Status {...stateOf(tool)} />
      </header>
      {reason !== undefined && <p className={classes.reason}>{reason}</p>}
      <p className={classes.description}>{description || 'Its server says nothing about it.'}</p>
      <Facts
        facts={[
          [
            'Effect',
            <span key="e">
              {effect}
              <span className={classes.meaning}>{EFFECT_WORDS[effect]}</span>
            </span>,
          ],
          [
            'Source',
            source.startsWith('mcp:') ? (
              <Link key="s" to="/admin/tools/mcp">
                {sourceWords(source)}
              </Link>
            ) : (
              sourceWords(source)
            ),
          ],
          ['Circuit', BREAKER_WORDS[breaker]],
        ]}
      />
      <TextBlock label="Input schema" value={schema} />
    </article>
  );
}

const BREAKER_WORDS = {
  closed: 'closed: calls go through',
  open: 'open: calls are refused for a while',
  half_open: 'half open: one call tries it',
} as const satisfies Record<ToolInfo['breaker'], string>;
