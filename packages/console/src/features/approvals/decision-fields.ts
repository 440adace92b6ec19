import type { Approval } from '@reeve/contract';
import type { ReactNode } from 'react';
import type { DecisionBody } from './use-decide.ts';

/** What a decision's fields are given: how to send it, and what came of that. */
export interface DecisionFieldsProps {
  readonly approval: Approval;
  /** The dialog around the fields; `read` makes the decision of what is typed, undefined where it can't be sent. */
  readonly frame: (fields: ReactNode, submit: string, read: () => DecisionBody | undefined) => ReactNode;
  readonly error: Error | null;
}
