export interface SkillsView {
  /** The skill whose details are open. */
  readonly skill?: string | undefined;
  readonly offset?: number | undefined;
}
