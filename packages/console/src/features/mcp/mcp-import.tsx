import { Button, Group, Modal } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { createMcpServer, refreshMcp } from '../../api/mcp.ts';
import { Command } from '../../ui/command.tsx';
import { DialogForm } from '../../ui/dialog-form.tsx';
import { JsonInput } from '../../ui/json-input.tsx';
import { messageOf } from '../../ui/message-of.ts';
import { Status } from '../../ui/status.tsx';
import classes from './mcp.module.css';
import { readPasted, type PastedServer } from './pasted-servers.ts';

interface McpImportProps {
  /** Names of the servers that are there. */
  readonly names: readonly string[];
  readonly onClose: () => void;
}

/** What became of a server that was sent. */
type Outcome =
  | { readonly state: 'sending' }
  | { readonly state: 'added'; readonly tools: number; readonly fault: string | null }
  | { readonly state: 'failed'; readonly fault: string };

const EXAMPLE = '{"mcpServers": {"github": {"url": "https://mcp.example.com/mcp"}}}';

/** Adds the servers that another client has, from the JSON of its configuration. */
export function McpImport({ names, onClose }: McpImportProps) {
  const [text, setText] = useState('');
  // As they were when the dialog opened: a server that is added here is no other one of its name.
  const [taken] = useState(names);
  const [outcomes, setOutcomes] = useState<Readonly<Record<string, Outcome>>>({});
  const cache = useQueryClient();
  const isOpen = useRef(true);
  useEffect(() => {
    isOpen.current = true;
    return () => void (isOpen.current = false);
  }, []);

  const { servers, fault } = readPasted(text, taken);
  const ready = servers.filter(({ name, body }) => body !== undefined && outcomes[name]?.state !== 'added');
  const tell = (name: string, outcome: Outcome): void => setOutcomes((before) => ({ ...before, [name]: outcome }));

  const add = useMutation({
    mutationFn: async () => {
      for (const { name, body } of ready) {
        // Whoever closes the dialog wants no more of them.
        if (body === undefined || !isOpen.current) continue;
        tell(name, { state: 'sending' });
        try {
          const { tool_count: tools, last_error: fault } = await createMcpServer(body);
          tell(name, { state: 'added', tools, fault });
        } catch (error) {
          tell(name, { state: 'failed', fault: messageOf(error) });
        }
      }
      await refreshMcp(cache);
    },
  });
  const isDone = servers.length > 0 && ready.length === 0;
  const send = (): void => {
    if (ready.length > 0 && !add.isPending) add.mutate();
  };
  return (
    <Modal opened onClose={onClose} title="Import MCP servers" size="lg" closeButtonProps={{ 'aria-label': 'Close' }}>
      <DialogForm onSend={send}>
        <JsonInput
          label="Configuration of another client"
          description={`Its JSON, such as ${EXAMPLE}`}
          value={text}
          fault={fault}
          error={undefined}
          first
          onChange={(next) => {
            setOutcomes({});
            setText(next);
          }}
        />
        {servers.length > 0 && (
          <ul className={classes.pasted} aria-label="Servers">
            {servers.map((server, index) => (
              <li key={index}>
                <div className={classes.pastedName}>
                  <strong>{server.name}</strong>
                  <code>{server.about}</code>
                </div>
                <Pasted server={server} outcome={server.body && outcomes[server.name]} />
              </li>
            ))}
          </ul>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {isDone ? 'Close' : 'Cancel'}
          </Button>
          {!isDone && (
            <Button type="submit" loading={add.isPending} disabled={ready.length === 0}>
              {ready.length > 1 ? `Add ${ready.length} servers` : 'Add server'}
            </Button>
          )}
        </Group>
      </DialogForm>
    </Modal>
  );
}

interface PastedProps {
  readonly server: PastedServer;
  readonly outcome: Outcome | undefined;
}

/** What becomes of a server, or why nothing does. */
function Pasted({ server, outcome }: PastedProps) {
  if (outcome?.state === 'sending') return <Status status="running" text="Adding" />;
  if (outcome?.state === 'failed')
    return (
      <>
        <Status status="failed" text="Not added" />
        <p className={classes.soft}>{outcome.fault}</p>
      </>
    );
  if (outcome?.state === 'added')
    return outcome.fault === null ? (
      <Status status="success" text={`Added, with ${outcome.tools} ${outcome.tools === 1 ? 'tool' : 'tools'}`} />
    ) : (
      <>
        <Status status="degraded" text="Added, but does not answer" />
        <p className={classes.soft}>{outcome.fault}</p>
      </>
    );
  return (
    <>
      {server.note !== undefined && <p className={classes.soft}>{server.note}</p>}
      {server.command !== undefined && <Command label="Where Reeve runs" command={server.command} />}
    </>
  );
}
