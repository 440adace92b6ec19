import { Button, Group } from '@mantine/core';
import { routes, type McpServer } from '@reeve/contract';
import { useQuery } from '@tanstack/react-query';
import { Suspense, useState } from 'react';
import { hasKey } from '../../api/connection.ts';
import { useMay } from '../../api/identity.ts';
import { mcpServersQuery } from '../../api/mcp.ts';
import { Empty } from '../../ui/empty.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { PlusIcon } from '../../ui/icons.ts';
import { lazyPart } from '../../ui/lazy-part.ts';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { AdminPage } from '../admin/admin-page.tsx';
import { ToolsTabs } from '../tools/tools-tabs.tsx';
import { DeleteMcp } from './delete-mcp.tsx';
import { McpDrawer } from './mcp-drawer.tsx';
import { McpForm } from './mcp-form.tsx';
import { McpTable } from './mcp-table.tsx';

const McpImport = lazyPart(async () => (await import('./mcp-import.tsx')).McpImport);

export interface McpView {
  /** The server whose details are open. */
  readonly server?: string | undefined;
  /** The server whose form is open. */
  readonly edit?: string | undefined;
  readonly create?: true | undefined;
  /** The dialog that takes another client's servers is open. */
  readonly import?: true | undefined;
}

interface McpPageProps {
  readonly search: McpView;
  readonly onSearch: (search: McpView) => void;
}

/** MCP servers of the tenant: whose tools its agents can be given. */
export function McpPage({ search, onSearch }: McpPageProps) {
  const mayChange = useMay(routes.createMcpServer);
  return (
    <AdminPage
      title="MCP servers"
      lead="Servers whose tools agents can be given, over the Model Context Protocol."
      needs={routes.listMcpServers}
      actions={
        mayChange && (
          <Group gap="xs">
            <Button variant="default" onClick={() => onSearch({ import: true })}>
              Import
            </Button>
            <Button leftSection={<PlusIcon size={16} />} onClick={() => onSearch({ create: true })}>
              New server
            </Button>
          </Group>
        )
      }
    >
      <ToolsTabs />
      <Servers search={search} onSearch={onSearch} mayChange={mayChange} />
    </AdminPage>
  );
}

function Servers({ search, onSearch, mayChange }: McpPageProps & { readonly mayChange: boolean }) {
  const query = useQuery(mcpServersQuery);
  const [deleting, setDeleting] = useState<McpServer>();
  const servers = query.data ?? [];
  const edited = servers.find(({ id }) => id === search.edit);
  const show = ({ id }: McpServer): void => onSearch({ server: id });
  return (
    <>
      {query.isPending && <SkeletonRows rows={4} height={56} label="Loading the servers" />}
      {query.isError && (
        <ErrorPanel
          title={query.data === undefined ? 'The servers could not be loaded' : 'What you see may be old'}
          error={query.error}
          onRetry={() => void query.refetch()}
        />
      )}
      {query.data?.length === 0 && <NoServers onCreate={mayChange ? () => onSearch({ create: true }) : undefined} />}
      {servers.length > 0 && <McpTable servers={servers} mayChange={mayChange} onDelete={setDeleting} />}
      <McpDrawer
        opened={search.server !== undefined}
        server={servers.find(({ id }) => id === search.server)}
        pending={query.isPending}
        mayChange={mayChange}
        onEdit={({ id }) => onSearch({ edit: id })}
        onClose={() => onSearch({})}
      />
      {mayChange && search.create === true && (
        <McpForm server={undefined} onClose={() => onSearch({})} onSaved={show} />
      )}
      {mayChange && search.import === true && query.data !== undefined && (
        <Suspense fallback={null}>
          <McpImport names={servers.map(({ name }) => name)} onClose={() => onSearch({})} />
        </Suspense>
      )}
      {mayChange && edited !== undefined && (
        <McpForm key={edited.id} server={edited} onClose={() => onSearch({})} onSaved={show} />
      )}
      {deleting !== undefined && <DeleteMcp server={deleting} onClose={() => setDeleting(undefined)} />}
    </>
  );
}

function NoServers({ onCreate }: { readonly onCreate: (() => void) | undefined }) {
  const title = 'No MCP server has been added. Each brings its tools, which agents can then be given by name.';
  if (onCreate === undefined) return <Empty title={title} />;
  const key = hasKey() ? ' -H "Authorization: Bearer $REEVE_API_KEY"' : '';
  const body = '{"name": "github", "url": "https://mcp.example.com/mcp"}';
  return (
    <Empty
      title={title}
      command={`curl${key} -H 'content-type: application/json' ${location.origin}${routes.createMcpServer.path} -d '${body}'`}
    >
      <Button variant="default" onClick={onCreate}>
        Add a server
      </Button>
    </Empty>
  );
}
