/** A piece of context that the model reads beside the conversation: the persona's Soul as it stands, anything else quoted with its source. */
export interface RunContextItem {
  readonly text: string;
  readonly source: string;
  readonly kind?: 'soul' | 'playbook';
  /** Of a playbook: its id, and the tool that it begins with. */
  readonly playbook?: { readonly id: string; readonly tool: string };
}
