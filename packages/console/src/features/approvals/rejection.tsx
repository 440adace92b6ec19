import { Textarea } from '@mantine/core';
import { useState } from 'react';
import type { DecisionFieldsProps } from './decision-fields.ts';
import { DECISION_WORDS } from './decision-words.ts';

/** The reason of a rejection. */
export function Rejection({ approval: { kind }, frame }: DecisionFieldsProps) {
  const [reason, setReason] = useState('');
  const words = DECISION_WORDS[kind];
  return frame(
    <Textarea
      label="Reason"
      description={`${words.rejection} Ctrl Enter sends it.`}
      data-autofocus
      autosize
      minRows={2}
      maxRows={8}
      maxLength={2000}
      value={reason}
      onChange={(event) => setReason(event.currentTarget.value)}
    />,
    words.reject,
    () => ({ decision: 'reject', ...(reason.trim() !== '' && { reason: reason.trim() }) }),
  );
}
