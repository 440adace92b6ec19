import { ClientError } from '@reeve/client';
import { useState } from 'react';
import { placeFaults } from '../../ui/field-faults.ts';
import { formatValue } from '../../ui/format.ts';
import { JsonInput } from '../../ui/json-input.tsx';
import { readJsonObject, type JsonFault } from '../../ui/json-object.ts';
import type { DecisionFieldsProps } from './decision-fields.ts';

/** A tool call's input, to be changed before the call is made. The server knows what the tool takes. */
export function EditedInput({ approval: { input }, frame, error }: DecisionFieldsProps) {
  const [text, setText] = useState(formatValue(input));
  const [fault, setFault] = useState<JsonFault | null>(null);
  const details = error instanceof ClientError ? error.details : [];
  const { byField, others } = placeFaults(['edited_input'], details);
  return frame(
    <JsonInput
      label="Input"
      description="The call is made with this, and the agent is told that it was changed. Ctrl Enter sends it."
      value={text}
      fault={fault}
      error={byField.edited_input ?? others[0]?.message}
      first
      onChange={(typed) => {
        setFault(null);
        setText(typed);
      }}
    />,
    'Approve with this input',
    () => {
      const read = readJsonObject(text);
      setFault('fault' in read ? read.fault : null);
      return 'fault' in read ? undefined : { decision: 'approve', edited_input: read.value };
    },
  );
}
