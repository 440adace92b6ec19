import { Button, Group, Modal, NumberInput, TextInput } from '@mantine/core';
import { ClientError } from '@reeve/client';
import type { McpServer } from '@reeve/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { changeMcpServer, createMcpServer, refreshMcp } from '../../api/mcp.ts';
import { Check } from '../../ui/check.tsx';
import { DialogForm } from '../../ui/dialog-form.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { placeFaults } from '../../ui/field-faults.ts';
import { HeaderFields } from './header-fields.tsx';
import {
  changesOf,
  draftOf,
  emptyMcp,
  headerFaults,
  MCP_FIELDS,
  placeHeaderFaults,
  serverOf,
  type McpDraft,
} from './mcp-draft.ts';

interface McpFormProps {
  /** The server to change; a new one where undefined. */
  readonly server: McpServer | undefined;
  readonly onClose: () => void;
  readonly onSaved: (server: McpServer) => void;
}

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
    const found = headerFaults(draft.headers);
    setFaults(found);
    if (Object.keys(found).length === 0) save.mutate();
  };
  const details = save.error instanceof ClientError ? save.error.details : [];
  const ofHeaders = placeHeaderFaults(draft.headers, details);
  const { byField, others } = placeFaults(MCP_FIELDS, ofHeaders.others);
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
        <TextInput
          label="Address"
          description="Where it speaks Streamable HTTP"
          required
          placeholder="https://mcp.example.com/mcp"
          value={draft.url}
          error={byField.url}
          onChange={(event) => change({ url: event.currentTarget.value })}
        />
        <HeaderFields
          headers={draft.headers}
          faults={{ ...ofHeaders.byKey, ...faults }}
          error={byField.headers}
          onChange={(headers) => change({ headers })}
        />
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
