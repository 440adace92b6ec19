import { Button, Group, Modal, NativeSelect, NumberInput, Textarea, TextInput } from '@mantine/core';
import { ClientError } from '@reeve/client';
import type { McpServer } from '@reeve/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { changeMcpServer, createMcpServer, refreshMcp } from '../../api/mcp.ts';
import { Check } from '../../ui/check.tsx';
import { DialogForm } from '../../ui/dialog-form.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { placeFaults } from '../../ui/field-faults.ts';
import {
  changesOf,
  draftOf,
  emptyMcp,
  areLines,
  MCP_FIELDS,
  placeRowFaults,
  rowFaults,
  serverOf,
  type McpDraft,
} from './mcp-draft.ts';
import { ValueFields } from './value-fields.tsx';

interface McpFormProps {
  /** The server to change; a new one where undefined. */
  readonly server: McpServer | undefined;
  readonly onClose: () => void;
  readonly onSaved: (server: McpServer) => void;
}

type FieldName = (typeof MCP_FIELDS)['http' | 'stdio'][number];

/** Adds a server or changes one. The server judges the fields; its findings show beside them. */
export function McpForm({ server: shown, onClose, onSaved }: McpFormProps) {
  // As it was when the form opened: what others change meanwhile is not changed back.
  const [server] = useState(shown);
  const [draft, setDraft] = useState<McpDraft>(server === undefined ? emptyMcp : draftOf(server));
  const [faults, setFaults] = useState<Readonly<Record<number, string>>>({});
  const cache = useQueryClient();
  const save = useMutation({
    mutationFn: () =>
      server === undefined ? createMcpServer(serverOf(draft)) : changeMcpServer(server.id, changesOf(server, draft)),
    onSuccess: async (saved) => {
      await refreshMcp(cache);
      onSaved(saved);
    },
  });
  const change = (part: Partial<McpDraft>): void => {
    setFaults({});
    setDraft({ ...draft, ...part });
  };
  const send = (): void => {
    const found = rowFaults(draft);
    setFaults(found);
    if (Object.keys(found).length === 0) save.mutate();
  };
  const details = save.error instanceof ClientError ? save.error.details : [];
  const ofRows = placeRowFaults(draft, details);
  const { byField, others } = placeFaults<FieldName>(MCP_FIELDS[draft.transport], ofRows.others);
  const isOfLines = areLines(server?.args ?? []);
  const rowsShown = { ...ofRows.byKey, ...faults };
  const placed = details.length > 0 && others.length === 0;
  return (
    <Modal
      opened
      onClose={onClose}
      title={server === undefined ? 'New MCP server' : `MCP server ${server.name}`}
      size="lg"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <DialogForm onSend={send}>
        <TextInput
          label="Name"
          description="A part of the names of its tools: mcp__name__tool"
          required
          data-autofocus
          maxLength={32}
          placeholder="github"
          value={draft.name}
          error={byField.name}
          onChange={(event) => change({ name: event.currentTarget.value })}
        />
        {server === undefined && (
          <NativeSelect
            label="Where it is"
            data={[
              { value: 'http', label: 'At an address (Streamable HTTP)' },
              { value: 'stdio', label: 'A program in the sandbox (stdio)' },
            ]}
            value={draft.transport}
            onChange={(event) => change({ transport: event.currentTarget.value === 'stdio' ? 'stdio' : 'http' })}
          />
        )}
        {draft.transport === 'http' ? (
          <>
            <TextInput
              label="Address"
              description="Where it speaks Streamable HTTP"
              required
              placeholder="https://mcp.example.com/mcp"
              value={draft.url}
              error={byField.url}
              onChange={(event) => change({ url: event.currentTarget.value })}
            />
            <ValueFields
              legend="Headers"
              noun="header"
              about="Sent with every request, such as Authorization."
              examples={{ name: 'Authorization', value: 'Bearer …' }}
              rows={draft.headers}
              faults={rowsShown}
              error={byField.headers}
              onChange={(headers) => change({ headers })}
            />
          </>
        ) : (
          <>
            <TextInput
              label="Command"
              description="Started in the sandbox; the operator's folder of MCP servers is /mcp there"
              required
              placeholder="node"
              spellCheck={false}
              value={draft.command}
              error={byField.command}
              onChange={(event) => change({ command: event.currentTarget.value })}
            />
            <Textarea
              label="Arguments"
              description={
                isOfLines
                  ? 'One a line. They are shown: put secrets into variables'
                  : 'They hold line breaks, and can be changed over the API alone'
              }
              readOnly={!isOfLines}
              placeholder={'/mcp/node_modules/server/index.js\n/workspace'}
              autosize
              minRows={2}
              maxRows={8}
              spellCheck={false}
              value={draft.args}
              error={byField.args}
              onChange={(event) => change({ args: event.currentTarget.value })}
            />
            <ValueFields
              legend="Variables"
              noun="variable"
              about="Given to the program, such as a key."
              examples={{ name: 'API_KEY', value: '…' }}
              rows={draft.env}
              faults={rowsShown}
              error={byField.env}
              onChange={(env) => change({ env })}
            />
          </>
        )}
        <NumberInput
          label="A call may take"
          suffix=" ms"
          thousandSeparator=","
          allowDecimal={false}
          allowNegative={false}
          step={1_000}
          value={draft.timeoutMs}
          error={byField.timeout_ms}
          onChange={(timeoutMs) => change({ timeoutMs })}
        />
        <Check
          label="On: agents can be given its tools"
          checked={draft.enabled}
          onChange={(enabled) => change({ enabled })}
        />
        {save.isError && !placed && <ErrorPanel title="The server was not saved" error={save.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={save.isPending}>
            {server === undefined ? 'Add server' : 'Save server'}
          </Button>
        </Group>
      </DialogForm>
    </Modal>
  );
}
