export { createBubblewrapDriver } from './bubblewrap.ts';
export { sandboxSettings } from './config.ts';
export { listInside, openInside, resolveInside, writeInside } from './files.ts';
export type { ListOptions } from './files.ts';
export { existsInside, removeInside, renameInside } from './move.ts';
export { openSandbox } from './open.ts';
export type { DriverInfo, Sandbox } from './open.ts';
export { createQuickJsDriver } from './quickjs.ts';
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
} from './sandbox.ts';
export { buildSeccompFilter } from './seccomp.ts';
export type { SeccompArch } from './seccomp.ts';
export { workspacePath } from './workspace.ts';
