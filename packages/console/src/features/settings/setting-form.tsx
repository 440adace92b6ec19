import { Button, Group, Modal, Select, TextInput } from '@mantine/core';
import { ClientError } from '@reeve/client';
import type { Setting } from '@reeve/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { agentsQuery } from '../../api/agents.ts';
import { putSetting, settingsQuery } from '../../api/settings.ts';
import { DialogForm } from '../../ui/dialog-form.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { placeFaults } from '../../ui/field-faults.ts';
import classes from './settings.module.css';

/** The setting whose values are agents. */
const AGENT_SETTING = 'REEVE_DEFAULT_AGENT';

interface SettingFormProps {
  readonly setting: Setting;
  readonly onClose: () => void;
}

/** Changes a setting for the caller's tenant, or takes the change away. The server judges the value. */
export function SettingForm({ setting, onClose }: SettingFormProps) {
  const { name, description, origin, configured } = setting;
  const [value, setValue] = useState(setting.value);
  const agents = useQuery({ ...agentsQuery, enabled: name === AGENT_SETTING });
  const cache = useQueryClient();
  const put = useMutation({
    mutationFn: (to: string | null) => putSetting(name, to),
    onSuccess: (settings) => {
      cache.setQueryData(settingsQuery.queryKey, settings);
      onClose();
    },
    onError: () => cache.invalidateQueries({ queryKey: settingsQuery.queryKey }),
  });
  const path = `settings.${name}`;
  const details = put.error instanceof ClientError ? put.error.details : [];
  const { byField, others } = placeFaults([path], details);
  const placed = details.length > 0 && others.length === 0;
  const field = { label: 'Value', error: byField[path], value };
  const slugs = (agents.data ?? []).map(({ slug }) => slug);
  return (
    <Modal opened onClose={onClose} title="Change a setting" closeButtonProps={{ 'aria-label': 'Close' }}>
      <DialogForm onSend={() => put.mutate(value.trim())}>
        <div className={classes.what}>
          <code>{name}</code>
          <span>{description}</span>
        </div>
        {name === AGENT_SETTING ? (
          <Select
            {...field}
            searchable
            allowDeselect={false}
            data={slugs.includes(value) ? slugs : [value, ...slugs]}
            onChange={(slug) => slug !== null && setValue(slug)}
          />
        ) : (
          <TextInput
            {...field}
            data-autofocus
            autoComplete="off"
            onChange={(event) => setValue(event.currentTarget.value)}
          />
        )}
        <p className={classes.note}>
          It holds for this tenant alone: at once here, and within 5 s in other processes.
          {origin === 'override' && configured !== null && ` Without it, ${configured} holds.`}
        </p>
        {put.isError && !placed && <ErrorPanel title="The setting was not changed" error={put.error} />}
        <Group justify="flex-end">
          {origin === 'override' && (
            <Button
              variant="default"
              className={classes.reset ?? ''}
              loading={put.isPending}
              onClick={() => put.mutate(null)}
            >
              Reset
            </Button>
          )}
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={put.isPending}>
            Save
          </Button>
        </Group>
      </DialogForm>
    </Modal>
  );
}
