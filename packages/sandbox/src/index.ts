export { archiveInside } from './archive.ts';
export { createBubblewrapDriver } from './bubblewrap.ts';
export { sandboxSettings, workspaceSettings } from './config.ts';
export type { Egress, EgressConnection } from './egress.ts';
export { listInside, openInside, readDirectoryInside, resolveInside, writeInside } from './files.ts';
export type { ListOptions } from './files.ts';
export { existsInside, removeInside, renameInside } from './move.ts';
export { openSandbox } from './open.ts';
export type { DriverInfo, Sandbox } from './open.ts';
export { createQuickJsDriver } from './quickjs.ts';
export { createQuota } from './quota.ts';
export type { Quota } from './quota.ts';
export type {
  DriverName,
  ExceededLimit,
  ExecRequest,
  ExecResult,
  Language,
  Limits,
  OutputStream,
  ReadOnlyDirectory,
  SandboxDriver,
  SandboxRequest,
} from './sandbox.ts';
export { buildSeccompFilter } from './seccomp.ts';
export type { SeccompArch } from './seccomp.ts';
export type { Roots } from './roots.ts';
export { workspacePath } from './workspace.ts';
export { createWorkspacesElsewhere } from './workspaces-elsewhere.ts';
export { createWorkspaces } from './workspaces.ts';
export type { Workspaces } from './workspaces.ts';
