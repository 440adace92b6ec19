export interface ToolsView {
  readonly q?: string | undefined;
  readonly source?: string | undefined;
  /** The tool whose details are open. */
  readonly tool?: string | undefined;
}
