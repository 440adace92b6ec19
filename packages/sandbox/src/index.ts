export { archiveInside } from './files/archive.ts';
export { createBubblewrapDriver } from './bubblewrap/driver.ts';
export { sandboxSettings, workspaceSettings } from './config.ts';
export type { Egress, EgressConnection } from './egress/egress.ts';
export { listInside, openInside, readDirectoryInside, resolveInside, writeInside } from './files/files.ts';
export type { ListOptions } from './files/files.ts';
export { existsInside, removeInside, renameInside } from './files/move.ts';
export { HEAD_BYTES, mediaTypeOf, storeInside } from './files/store-file.ts';
export { openSandbox } from './open.ts';
export type { DriverInfo, Sandbox } from './open.ts';
export { createQuickJsDriver } from './quickjs/driver.ts';
export { createQuota } from './files/quota.ts';
export type { Quota } from './files/quota.ts';
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
export { buildSeccompFilter } from './system/seccomp.ts';
export type { SeccompArch } from './system/seccomp.ts';
export type { Roots } from './remote/roots.ts';
export { workspacePath } from './files/workspace.ts';
export { createWorkspacesElsewhere } from './remote/workspaces.ts';
export { createWorkspaces } from './files/workspaces.ts';
export type { Workspaces } from './files/workspaces.ts';
