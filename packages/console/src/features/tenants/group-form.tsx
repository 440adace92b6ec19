import { ActionIcon, Button, Group, Modal, Select, Textarea, TextInput } from '@mantine/core';
import { ClientError } from '@reeve/client';
import type { Tenant } from '@reeve/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { changeTenant, type TenantChange } from '../../api/tenants.ts';
import { DialogForm } from '../../ui/dialog-form.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { PlusIcon, ResetIcon } from '../../ui/icons.ts';
import { OriginTag } from '../../ui/origin-tag.tsx';
import { changesOf, draftOf, pathOfFault, type DraftValue } from './policy-draft.ts';
import { budgetFields, originAt, type PolicyField, type PolicyGroup } from './policy-groups.ts';
import classes from './tenants.module.css';

interface GroupFormProps {
  readonly group: PolicyGroup;
  readonly tenant: Tenant;
  readonly onClose: () => void;
}

/** Sets values of one group for a tenant, or gives them back to the file. */
export function GroupForm({ group, tenant, onClose }: GroupFormProps) {
  const [added, setAdded] = useState<readonly string[]>([]);
  const fields = [...group.fieldsOf(tenant), ...added.flatMap(budgetFields)];
  // What the form began with: what others change meanwhile is not taken for a change of this one.
  const [initial] = useState(() => draftOf(tenant, group.fieldsOf(tenant)));
  const [draft, setDraft] = useState(initial);
  const [faults, setFaults] = useState<Readonly<Record<string, string>>>({});
  const cache = useQueryClient();
  const save = useMutation({
    mutationFn: (overrides: NonNullable<TenantChange['overrides']>) => changeTenant(tenant.id, { overrides }),
    onSuccess: (changed) => {
      cache.setQueryData(['tenants', 'one', tenant.id], changed);
      onClose();
    },
    onSettled: () => cache.invalidateQueries({ queryKey: ['tenants'] }),
  });
  const change = (path: string, value: DraftValue): void => {
    const { [path]: _mended, ...others } = faults;
    setFaults(others);
    setDraft({ ...draft, [path]: value });
  };
  const send = (): void => {
    const read = changesOf(fields, initial, draft);
    setFaults('faults' in read ? read.faults : {});
    if ('faults' in read) return;
    if (Object.keys(read.overrides).length === 0) onClose();
    else save.mutate(read.overrides);
  };
  const details = save.error instanceof ClientError ? save.error.details : [];
  const told = new Map(details.map(({ path, message }) => [pathOfFault(path), message]));
  const placed = details.length > 0 && [...told.keys()].every((path) => fields.some((field) => field.path === path));
  return (
    <Modal opened onClose={onClose} title={group.title} size="lg" closeButtonProps={{ 'aria-label': 'Close' }}>
      <DialogForm onSend={send}>
        <p className={classes.lead}>{group.lead}</p>
        {fields.map((field, index) => (
          <Field
            key={field.path}
            field={field}
            first={index === 0}
            value={draft[field.path] ?? { text: '', own: false }}
            origin={draft[field.path]?.own === true ? 'override' : originOf(tenant, field, draft[field.path])}
            error={faults[field.path] ?? told.get(field.path)}
            onChange={(value) => change(field.path, value)}
          />
        ))}
        {group.id === 'budgets' && <AddPersona taken={fields} onAdd={(persona) => setAdded([...added, persona])} />}
        {save.isError && !placed && <ErrorPanel title="The values were not saved" error={save.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={save.isPending}>
            Save
          </Button>
        </Group>
      </DialogForm>
    </Modal>
  );
}

/** Undefined where an override was taken away in the form: what holds then is known once it is saved. */
function originOf(tenant: Tenant, { path }: PolicyField, draft: DraftValue | undefined) {
  const origin = originAt(tenant, path);
  return origin === 'override' || draft === undefined ? undefined : origin;
}

interface FieldProps {
  readonly field: PolicyField;
  readonly first: boolean;
  readonly value: DraftValue;
  readonly origin: ReturnType<typeof originAt> | undefined;
  readonly error: string | undefined;
  readonly onChange: (value: DraftValue) => void;
}

const BELOW: ('label' | 'input' | 'description' | 'error')[] = ['label', 'input', 'description', 'error'];
const LINES = {
  globs: 'One a line, with * for any text and ? for any character',
  patterns: 'A regular expression a line, 20 at most',
} as const;
const HINTS = { tokens: '0: no limit', count: '0: no limit', usd: 'Such as 250 or 0.50; 0: no limit' } as const;

function Field({ field, first, value: { text, own }, origin, error, onChange }: FieldProps) {
  const { label } = field;
  const typed = (typedText: string): void => onChange({ text: typedText, own: true });
  const common = {
    label,
    error,
    inputWrapperOrder: BELOW,
    'data-autofocus': first || undefined,
    placeholder: own ? undefined : 'not set here',
  };
  return (
    <div className={classes.field}>
      {field.kind === 'choice' ? (
        <Select
          {...common}
          allowDeselect={false}
          data={field.choices.map((choice) => ({ value: String(choice.value), label: choice.label }))}
          value={text === '' ? null : text}
          onChange={(chosen) => chosen !== null && typed(chosen)}
        />
      ) : field.kind === 'globs' || field.kind === 'patterns' ? (
        <Textarea
          {...common}
          description={LINES[field.kind]}
          classNames={{ input: classes.names ?? '' }}
          autosize
          minRows={2}
          maxRows={10}
          spellCheck={false}
          value={text}
          onChange={(event) => typed(event.currentTarget.value)}
        />
      ) : (
        <TextInput
          {...common}
          description={HINTS[field.kind]}
          inputMode={field.kind === 'usd' ? 'decimal' : 'numeric'}
          autoComplete="off"
          value={text}
          onChange={(event) => typed(event.currentTarget.value)}
        />
      )}
      <div className={classes.beside}>
        {origin !== undefined && <OriginTag origin={origin} />}
        {own && (
          <ActionIcon
            variant="default"
            aria-label={`Reset ${label}`}
            title="Reset: what the file says holds again"
            onClick={() => onChange({ text: '', own: false })}
          >
            <ResetIcon size={15} />
          </ActionIcon>
        )}
      </div>
    </div>
  );
}

interface AddPersonaProps {
  readonly taken: readonly PolicyField[];
  readonly onAdd: (persona: string) => void;
}

/** Makes room for the budgets of one more persona. */
function AddPersona({ taken, onAdd }: AddPersonaProps) {
  const [name, setName] = useState('');
  const [fault, setFault] = useState<string>();
  const add = (): void => {
    const persona = name.trim();
    if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/.test(persona)) return setFault('letters, digits, - and _');
    if (taken.some(({ path }) => path === `budgets.${persona}`)) return setFault('is there already');
    onAdd(persona);
    setName('');
  };
  return (
    <div className={classes.add}>
      <TextInput
        label="One more persona"
        placeholder="Its name or id"
        value={name}
        error={fault}
        onChange={(event) => {
          setFault(undefined);
          setName(event.currentTarget.value);
        }}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || event.ctrlKey || event.metaKey) return;
          event.preventDefault();
          add();
        }}
      />
      <Button variant="default" leftSection={<PlusIcon size={15} />} onClick={add}>
        Add
      </Button>
    </div>
  );
}
