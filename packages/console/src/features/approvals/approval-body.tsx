import type { Approval } from '@reeve/contract';
import { TextBlock } from '../../ui/text-block.tsx';
import classes from './approval-body.module.css';
import { ApprovalOutcome } from './approval-outcome.tsx';
import { DecisionForm } from './decision-form.tsx';
import { DECISION_WORDS } from './decision-words.ts';
import { TimeLeft } from './time-left.tsx';

/** What is to be decided and the ways to do it, or how it came out. The same wherever an approval shows. */
export function ApprovalBody({ approval }: { readonly approval: Approval }) {
  const words = DECISION_WORDS[approval.kind];
  const pending = approval.status === 'pending';
  return (
    <div className={classes.body}>
      {pending && words.explanation !== null && <p className={classes.explanation}>{words.explanation}</p>}
      <TextBlock label={words.input} value={approval.input} />
      {approval.edited_input !== null && <TextBlock label="Used instead" value={approval.edited_input} />}
      {approval.result !== null && <TextBlock label="Result given" value={approval.result} />}
      {pending ? (
        <div className={classes.foot}>
          <DecisionForm approval={approval} />
          <span className={classes.left}>
            <TimeLeft approval={approval} />
          </span>
        </div>
      ) : (
        <ApprovalOutcome approval={approval} />
      )}
    </div>
  );
}
