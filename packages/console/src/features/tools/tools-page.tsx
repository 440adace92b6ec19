import { Button, Select, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { routes } from '@reeve/contract';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { toolsQuery } from '../../api/tools.ts';
import { Empty } from '../../ui/empty.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { formatCount } from '../../ui/format.ts';
import { SearchIcon } from '../../ui/icons.ts';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { useValueOf } from '../../ui/use-value-of.ts';
import { AdminPage } from '../admin/admin-page.tsx';
import { ToolDrawer } from './tool-drawer.tsx';
import { ToolTable } from './tool-table.tsx';
import { sourceWords } from './tool-words.ts';
import { sourcesOf, toolsShown } from './tools-shown.ts';
import { ToolsTabs } from './tools-tabs.tsx';
import classes from './tools.module.css';
import type { ToolsView } from './view.ts';

interface ToolsPageProps {
  readonly search: ToolsView;
  readonly onSearch: (change: ToolsView, replace?: boolean) => void;
}

/** What agents can call. */
export function ToolsPage({ search, onSearch }: ToolsPageProps) {
  return (
    <AdminPage
      title="Tools"
      lead="What agents can be given, and whether it can be used now. An agent has those that its configuration names."
      needs={routes.listTools}
    >
      <ToolsTabs />
      <Tools search={search} onSearch={onSearch} />
    </AdminPage>
  );
}

/** Servers can bring thousands of tools, which no one reads through. */
const SHOWN = 100;

function Tools({ search, onSearch }: ToolsPageProps) {
  const { q, source } = search;
  const query = useQuery(toolsQuery);
  const [most, setMost] = useState(SHOWN);
  const field = useValueOf(q);
  const later = useDebouncedCallback((text: string) => onSearch({ q: text.trim() || undefined }, true), 150);
  const tools = query.data ?? [];
  const found = toolsShown(tools, q, source);
  const sources = [...new Set([...sourcesOf(tools), ...(source === undefined ? [] : [source])])];
  return (
    <>
      <div className={classes.filters}>
        <TextInput
          className={classes.search}
          aria-label="Search tools"
          placeholder="Search names and descriptions"
          type="search"
          leftSection={<SearchIcon size={15} />}
          ref={field}
          defaultValue={q ?? ''}
          onChange={(event) => later(event.currentTarget.value)}
        />
        <Select
          aria-label="Source"
          placeholder="From anywhere"
          clearable
          searchable
          clearButtonProps={{ 'aria-label': 'From anywhere' }}
          data={sources.map((value) => ({ value, label: sourceWords(value) }))}
          value={source ?? null}
          onChange={(chosen) => onSearch({ source: chosen ?? undefined })}
        />
        {query.data !== undefined && (
          <span className={classes.count} role="status">
            {found.length === tools.length
              ? `${formatCount(tools.length)} tools`
              : `${formatCount(found.length)} of ${formatCount(tools.length)} tools`}
          </span>
        )}
      </div>
      {query.isPending && <SkeletonRows rows={8} height={52} label="Loading the tools" />}
      {query.isError && (
        <ErrorPanel
          title={query.data === undefined ? 'The tools could not be loaded' : 'What you see may be old'}
          error={query.error}
          onRetry={() => void query.refetch()}
        />
      )}
      {query.data !== undefined && found.length === 0 && (
        <Empty title={q === undefined ? 'No tool comes from there now.' : `No tool here has “${q}” in it.`}>
          <Link to="/admin/tools" search={{}}>
            Show all tools
          </Link>
        </Empty>
      )}
      {found.length > 0 && <ToolTable tools={found.slice(0, most)} search={search} />}
      {found.length > most && (
        <Button variant="default" mt="md" onClick={() => setMost(most + SHOWN)}>
          Show more
        </Button>
      )}
      <ToolDrawer
        opened={search.tool !== undefined}
        tool={tools.find(({ name }) => name === search.tool)}
        pending={query.isPending}
        onClose={() => onSearch({ tool: undefined })}
      />
    </>
  );
}
