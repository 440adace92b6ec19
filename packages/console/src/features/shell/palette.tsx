import { useMantineColorScheme } from '@mantine/core';
import { Spotlight, spotlight, type SpotlightActionGroupData } from '@mantine/spotlight';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { agentsQuery } from '../../api/agents.ts';
import { hasKey } from '../../api/connection.ts';
import { identityQuery } from '../../api/identity.ts';
import { sessionsQuery } from '../../api/sessions.ts';
import {
  AgentIcon,
  ApprovalsIcon,
  AuditIcon,
  AutoIcon,
  ChatIcon,
  DocsIcon,
  KeyboardIcon,
  KeyIcon,
  KnowledgeIcon,
  McpIcon,
  MemoryIcon,
  MoonIcon,
  PlaybookIcon,
  PlusIcon,
  RunsIcon,
  SchedulesIcon,
  SearchIcon,
  SettingsIcon,
  SkillIcon,
  SunIcon,
  TasksIcon,
  TenantsIcon,
  ToolIcon,
  UsageIcon,
} from '../../ui/icons.ts';
import { adminPlacesOf } from '../admin/places.ts';
import { useSignOut } from './use-sign-out.ts';

const ADMIN_LOOKS = {
  Keys: { label: 'API keys', icon: KeyIcon },
  Tenants: { label: 'Tenants', icon: TenantsIcon },
  Audit: { label: 'Audit log', icon: AuditIcon },
  Tools: { label: 'Tools', icon: ToolIcon },
  Knowledge: { label: 'Knowledge and personas', icon: KnowledgeIcon },
  Memory: { label: 'Memory', icon: MemoryIcon },
  Settings: { label: 'Settings', icon: SettingsIcon },
} as const;

/** Opens the palette, or closes it. */
export const togglePalette = (): void => spotlight.toggle();

/** The command palette: every page, the newest sessions, the agents, and the settings of this browser. */
export function Palette({ onShortcuts }: { readonly onShortcuts: () => void }) {
  const [opened, setOpened] = useState(true);
  const navigate = useNavigate();
  const signOut = useSignOut();
  const { setColorScheme } = useMantineColorScheme();
  const sessions = useInfiniteQuery({ ...sessionsQuery(''), enabled: opened });
  const agents = useQuery({ ...agentsQuery, enabled: opened });
  const identity = useQuery({ ...identityQuery, enabled: opened });
  const adminPlaces = adminPlacesOf(identity.data);
  const chat = (sessionId?: string, agent?: string) => () =>
    void navigate({ to: '/chat/{-$sessionId}', params: { sessionId }, search: { agent } });

  const actions: SpotlightActionGroupData[] = [
    {
      group: 'Go to',
      actions: [
        { id: 'chat', label: 'New chat', leftSection: <ChatIcon size={18} />, onClick: chat() },
        {
          id: 'runs',
          label: 'Runs',
          leftSection: <RunsIcon size={18} />,
          onClick: () => void navigate({ to: '/runs' }),
        },
        {
          id: 'tasks',
          label: 'Tasks',
          leftSection: <TasksIcon size={18} />,
          onClick: () => void navigate({ to: '/admin/agents/tasks' }),
        },
        {
          id: 'approvals',
          label: 'Approvals',
          leftSection: <ApprovalsIcon size={18} />,
          onClick: () => void navigate({ to: '/admin/agents/approvals' }),
        },
        {
          id: 'schedules',
          label: 'Schedules',
          leftSection: <SchedulesIcon size={18} />,
          onClick: () => void navigate({ to: '/admin/agents/schedules' }),
        },
        {
          id: 'usage',
          label: 'Usage and budgets',
          leftSection: <UsageIcon size={18} />,
          onClick: () => void navigate({ to: '/admin/usage' }),
        },
        {
          id: 'new-task',
          label: 'New task',
          leftSection: <PlusIcon size={18} />,
          onClick: () => void navigate({ to: '/admin/agents/tasks', search: { create: true } }),
        },
        {
          id: 'docs',
          label: 'API reference',
          leftSection: <DocsIcon size={18} />,
          onClick: () => location.assign('/docs'),
        },
      ],
    },
    {
      group: 'Administration',
      actions: [
        ...adminPlaces.map(({ to, name }) => {
          const { label, icon: Icon } = ADMIN_LOOKS[name];
          return { id: to, label, leftSection: <Icon size={18} />, onClick: () => void navigate({ to }) };
        }),
        ...(adminPlaces.some(({ name }) => name === 'Tools')
          ? [
              {
                id: 'mcp',
                label: 'MCP servers',
                leftSection: <McpIcon size={18} />,
                onClick: () => void navigate({ to: '/admin/tools/mcp' }),
              },
              {
                id: 'skills',
                label: 'Skills',
                leftSection: <SkillIcon size={18} />,
                onClick: () => void navigate({ to: '/admin/tools/skills' }),
              },
            ]
          : []),
        ...(adminPlaces.some(({ name }) => name === 'Memory')
          ? [
              {
                id: 'playbooks',
                label: 'Playbooks',
                leftSection: <PlaybookIcon size={18} />,
                onClick: () => void navigate({ to: '/admin/memory/playbooks' }),
              },
            ]
          : []),
        ...(adminPlaces.some(({ name }) => name === 'Keys')
          ? [
              {
                id: 'new-key',
                label: 'New API key',
                leftSection: <PlusIcon size={18} />,
                onClick: () => void navigate({ to: '/admin/keys', search: { create: true } }),
              },
            ]
          : []),
      ],
    },
    {
      group: 'Sessions',
      actions: (sessions.data?.pages[0]?.sessions ?? []).slice(0, 12).map((session) => ({
        id: session.id,
        label: session.title || 'Untitled',
        leftSection: <ChatIcon size={18} />,
        onClick: chat(session.id),
      })),
    },
    {
      group: 'Chat with',
      actions: (agents.data ?? []).map((agent) => ({
        id: agent.id,
        label: agent.name,
        description: agent.description,
        leftSection: <AgentIcon size={18} />,
        onClick: chat(undefined, agent.slug),
      })),
    },
    {
      group: 'This console',
      actions: [
        {
          id: 'light',
          label: 'Light colors',
          leftSection: <SunIcon size={18} />,
          onClick: () => setColorScheme('light'),
        },
        {
          id: 'dark',
          label: 'Dark colors',
          leftSection: <MoonIcon size={18} />,
          onClick: () => setColorScheme('dark'),
        },
        {
          id: 'auto',
          label: 'Colors like the system',
          leftSection: <AutoIcon size={18} />,
          onClick: () => setColorScheme('auto'),
        },
        ...(hasKey()
          ? [
              {
                id: 'forget',
                label: 'Sign out: forget the API key',
                leftSection: <KeyIcon size={18} />,
                onClick: signOut,
              },
            ]
          : []),
        { id: 'shortcuts', label: 'Keyboard shortcuts', leftSection: <KeyboardIcon size={18} />, onClick: onShortcuts },
      ],
    },
  ];
  return (
    <Spotlight
      actions={actions.filter((group) => group.actions.length > 0)}
      shortcut={null}
      attributes={{ content: { 'aria-label': 'Command palette' } }}
      highlightQuery
      scrollable
      maxHeight="60vh"
      nothingFound="Nothing here has that name"
      onSpotlightOpen={() => setOpened(true)}
      onSpotlightClose={() => setOpened(false)}
      searchProps={{
        placeholder: 'Go to, or search sessions and agents',
        'aria-label': 'Search commands',
        leftSection: <SearchIcon size={18} />,
      }}
    />
  );
}
