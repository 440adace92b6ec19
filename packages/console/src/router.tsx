import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router';
import { NotFound, PageError, PagePending } from './features/shell/fallbacks.tsx';
import { RootRoute } from './routes/root.tsx';
import {
  approvalsSearch,
  auditSearch,
  chatSearch,
  keysSearch,
  knowledgeSearch,
  mcpSearch,
  memorySearch,
  personaSearch,
  playbooksSearch,
  runsSearch,
  schedulesSearch,
  settingsSearch,
  signInSearch,
  skillsSearch,
  tasksSearch,
  tenantsSearch,
  toolsSearch,
  usageSearch,
} from './routes/search.ts';

const root = createRootRoute({ component: RootRoute, notFoundComponent: NotFound });
const home = createRoute({
  getParentRoute: () => root,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/chat/{-$sessionId}', params: { sessionId: undefined }, replace: true });
  },
});
const chat = createRoute({
  getParentRoute: () => root,
  path: '/chat/{-$sessionId}',
  validateSearch: chatSearch,
  component: lazyRouteComponent(() => import('./routes/chat.tsx'), 'ChatRoute'),
});
const runs = createRoute({
  getParentRoute: () => root,
  path: '/runs',
  validateSearch: runsSearch,
  component: lazyRouteComponent(() => import('./routes/runs.tsx'), 'RunsRoute'),
});
const run = createRoute({
  getParentRoute: () => root,
  path: '/runs/$runId',
  component: lazyRouteComponent(() => import('./routes/run.tsx'), 'RunRoute'),
});
const tasks = createRoute({
  getParentRoute: () => root,
  path: '/admin/agents/tasks',
  validateSearch: tasksSearch,
  component: lazyRouteComponent(() => import('./routes/tasks.tsx'), 'TasksRoute'),
});
const approvals = createRoute({
  getParentRoute: () => root,
  path: '/admin/agents/approvals',
  validateSearch: approvalsSearch,
  component: lazyRouteComponent(() => import('./routes/approvals.tsx'), 'ApprovalsRoute'),
});
const schedules = createRoute({
  getParentRoute: () => root,
  path: '/admin/agents/schedules',
  validateSearch: schedulesSearch,
  component: lazyRouteComponent(() => import('./routes/schedules.tsx'), 'SchedulesRoute'),
});
const usage = createRoute({
  getParentRoute: () => root,
  path: '/admin/usage',
  validateSearch: usageSearch,
  component: lazyRouteComponent(() => import('./routes/usage.tsx'), 'UsageRoute'),
});
const keys = createRoute({
  getParentRoute: () => root,
  path: '/admin/keys',
  validateSearch: keysSearch,
  component: lazyRouteComponent(() => import('./routes/keys.tsx'), 'KeysRoute'),
});
const tenants = createRoute({
  getParentRoute: () => root,
  path: '/admin/tenants',
  validateSearch: tenantsSearch,
  component: lazyRouteComponent(() => import('./routes/tenants.tsx'), 'TenantsRoute'),
});
const tenant = createRoute({
  getParentRoute: () => root,
  path: '/admin/tenants/$tenantId',
  component: lazyRouteComponent(() => import('./routes/tenant.tsx'), 'TenantRoute'),
});
const audit = createRoute({
  getParentRoute: () => root,
  path: '/admin/audit',
  validateSearch: auditSearch,
  component: lazyRouteComponent(() => import('./routes/audit.tsx'), 'AuditRoute'),
});
const tools = createRoute({
  getParentRoute: () => root,
  path: '/admin/tools',
  validateSearch: toolsSearch,
  component: lazyRouteComponent(() => import('./routes/tools.tsx'), 'ToolsRoute'),
});
const mcp = createRoute({
  getParentRoute: () => root,
  path: '/admin/tools/mcp',
  validateSearch: mcpSearch,
  component: lazyRouteComponent(() => import('./routes/mcp.tsx'), 'McpRoute'),
});
const skills = createRoute({
  getParentRoute: () => root,
  path: '/admin/tools/skills',
  validateSearch: skillsSearch,
  component: lazyRouteComponent(() => import('./routes/skills.tsx'), 'SkillsRoute'),
});
const knowledge = createRoute({
  getParentRoute: () => root,
  path: '/admin/knowledge',
  validateSearch: knowledgeSearch,
  component: lazyRouteComponent(() => import('./routes/knowledge.tsx'), 'KnowledgeRoute'),
});
const persona = createRoute({
  getParentRoute: () => root,
  path: '/admin/knowledge/$persona',
  validateSearch: personaSearch,
  component: lazyRouteComponent(() => import('./routes/persona.tsx'), 'PersonaRoute'),
});
const memory = createRoute({
  getParentRoute: () => root,
  path: '/admin/memory',
  validateSearch: memorySearch,
  component: lazyRouteComponent(() => import('./routes/memory.tsx'), 'MemoryRoute'),
});
const playbooks = createRoute({
  getParentRoute: () => root,
  path: '/admin/memory/playbooks',
  validateSearch: playbooksSearch,
  component: lazyRouteComponent(() => import('./routes/playbooks.tsx'), 'PlaybooksRoute'),
});
const settings = createRoute({
  getParentRoute: () => root,
  path: '/admin/settings',
  validateSearch: settingsSearch,
  component: lazyRouteComponent(() => import('./routes/settings.tsx'), 'SettingsRoute'),
});
const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: signInSearch,
  component: lazyRouteComponent(() => import('./routes/sign-in.tsx'), 'SignInRoute'),
});

/** Every address of the console. Pages load their code when they are first opened or pointed at. */
export const router = createRouter({
  routeTree: root.addChildren([
    home,
    chat,
    runs,
    run,
    tasks,
    approvals,
    schedules,
    usage,
    keys,
    tenants,
    tenant,
    audit,
    tools,
    mcp,
    skills,
    knowledge,
    persona,
    memory,
    playbooks,
    settings,
    signIn,
  ]),
  defaultPreload: 'intent',
  defaultErrorComponent: PageError,
  defaultPendingComponent: PagePending,
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
