import { ActionIcon, TextInput, Tooltip } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { routes, type Setting } from '@reeve/contract';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { settingsQuery } from '../../api/settings.ts';
import { Ago } from '../../ui/ago.tsx';
import { Empty } from '../../ui/empty.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { FilterTabs } from '../../ui/filter-tabs.tsx';
import { EditIcon, SearchIcon } from '../../ui/icons.ts';
import { OriginTag } from '../../ui/origin-tag.tsx';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { useValueOf } from '../../ui/use-value-of.ts';
import { AdminPage } from '../admin/admin-page.tsx';
import { SettingForm } from './setting-form.tsx';
import { settingsShown, type ShownSettings } from './settings-shown.ts';
import classes from './settings.module.css';

export interface SettingsView {
  readonly q?: string | undefined;
  readonly show?: ShownSettings | undefined;
}

interface SettingsPageProps {
  readonly search: SettingsView;
  readonly onSearch: (change: SettingsView) => void;
}

/** Every setting: its value, where it comes from, and a way to change those that can be. */
export function SettingsPage({ search, onSearch }: SettingsPageProps) {
  return (
    <AdminPage
      title="Settings"
      lead="How the server is set up. Most values are read when it starts; a few can be changed here, for this tenant."
      needs={routes.getSettings}
    >
      <Settings search={search} onSearch={onSearch} />
    </AdminPage>
  );
}

const SHOWN = [
  [undefined, 'All'],
  ['changed', 'Not the default'],
  ['changeable', 'Can be changed here'],
] as const;

function Settings({ search, onSearch }: SettingsPageProps) {
  const { q, show } = search;
  const query = useQuery(settingsQuery);
  const [editing, setEditing] = useState<string>();
  const field = useValueOf(q);
  const later = useDebouncedCallback((text: string) => onSearch({ q: text.trim() || undefined }), 150);
  const shown = settingsShown(query.data ?? [], q, show);
  const edited = query.data?.find(({ name }) => name === editing);
  return (
    <>
      <div className={classes.filters}>
        <TextInput
          className={classes.search}
          aria-label="Search settings"
          placeholder="Search names, descriptions and values"
          type="search"
          leftSection={<SearchIcon size={15} />}
          ref={field}
          defaultValue={q ?? ''}
          onChange={(event) => later(event.currentTarget.value)}
        />
        <FilterTabs label="Which settings">
          {SHOWN.map(([name, words]) => (
            <Link
              key={words}
              to="/admin/settings"
              search={{ ...search, show: name }}
              activeProps={{}}
              aria-current={name === show ? 'true' : undefined}
            >
              {words}
            </Link>
          ))}
        </FilterTabs>
      </div>
      {query.isPending && <SkeletonRows rows={8} height={56} label="Loading the settings" />}
      {query.isError && (
        <ErrorPanel
          title={query.data === undefined ? 'The settings could not be loaded' : 'What you see may be old'}
          error={query.error}
          onRetry={() => void query.refetch()}
        />
      )}
      {query.data !== undefined && shown.length === 0 && (
        <Empty title={q === undefined ? 'There is none of these.' : `No setting here has “${q}” in it.`}>
          <Link to="/admin/settings" search={{}}>
            Show all settings
          </Link>
        </Empty>
      )}
      {shown.length > 0 && (
        <ul className={classes.list} aria-label="Settings">
          {shown.map((setting) => (
            <Row key={setting.name} setting={setting} onEdit={() => setEditing(setting.name)} />
          ))}
        </ul>
      )}
      {edited !== undefined && <SettingForm setting={edited} onClose={() => setEditing(undefined)} />}
    </>
  );
}

function Row({ setting, onEdit }: { readonly setting: Setting; readonly onEdit: () => void }) {
  const { name, value, origin, changeable, description, configured, updated_by: by, updated_at: at } = setting;
  return (
    <li aria-label={name}>
      <div className={classes.what}>
        <code>{name}</code>
        <span>{description}</span>
      </div>
      <div className={classes.value}>
        {value === '' ? <span className={classes.soft}>not set</span> : <code>{value}</code>}
        {origin === 'override' && (
          <span className={classes.soft}>
            {configured === null ? 'not configured otherwise' : `${configured} without it`}
            {at !== null && (
              <>
                {' '}
                · by {by}, <Ago time={at} />
              </>
            )}
          </span>
        )}
      </div>
      <div className={classes.tags}>
        <OriginTag origin={origin} />
      </div>
      <div className={classes.action}>
        {changeable ? (
          <ActionIcon variant="default" aria-label={`Change ${name}`} title="Change" onClick={onEdit}>
            <EditIcon size={15} />
          </ActionIcon>
        ) : (
          <Tooltip label="Read when the server starts" openDelay={300}>
            <span className={classes.soft}>at start</span>
          </Tooltip>
        )}
      </div>
    </li>
  );
}
