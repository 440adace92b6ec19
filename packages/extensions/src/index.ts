export { extensionSettings } from './config.ts';
export { openExtensions } from './extensions-open.ts';
export type { Extensions } from './extensions-open.ts';
export type { ExtensionProblem } from './folder.ts';
