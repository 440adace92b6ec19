import { Textarea } from '@mantine/core';
import { ClientError } from '@reeve/client';
import { useState } from 'react';
import { Check } from '../../ui/check.tsx';
import { JsonInput } from '../../ui/json-input.tsx';
import { readJson, type JsonFault } from '../../ui/json-object.ts';
import type { DecisionFieldsProps } from './decision-fields.ts';

const DESCRIPTION = 'The agent is told that this came of the call, which is not made again. Ctrl Enter sends it.';

/** What a call came to that a crash hid, as text or as JSON. */
export function GivenResult({ frame, error }: DecisionFieldsProps) {
  const [text, setText] = useState('');
  const [json, setJson] = useState(false);
  const [fault, setFault] = useState<JsonFault | null>(null);
  const refused = error instanceof ClientError ? error.details[0]?.message : undefined;
  const change = (typed: string): void => {
    setFault(null);
    setText(typed);
  };
  return frame(
    <>
      {json ? (
        <JsonInput
          label="Result"
          description={DESCRIPTION}
          value={text}
          fault={fault}
          error={refused}
          first
          onChange={change}
        />
      ) : (
        <Textarea
          label="Result"
          description={DESCRIPTION}
          data-autofocus
          autosize
          minRows={4}
          maxRows={12}
          value={text}
          error={fault?.message ?? refused}
          onChange={(event) => change(event.currentTarget.value)}
        />
      )}
      <Check
        label="The result is JSON"
        checked={json}
        onChange={(checked) => {
          setFault(null);
          setJson(checked);
        }}
      />
    </>,
    'Give this result',
    () => {
      const read = readResult(text, json);
      setFault('fault' in read ? read.fault : null);
      return 'fault' in read ? undefined : { decision: 'approve', result: read.value };
    },
  );
}

/** Nothing is no result: to the server it says that the call is to be made again. */
function readResult(text: string, json: boolean): { readonly value: unknown } | { readonly fault: JsonFault } {
  const read = json ? readJson(text) : { value: text.trim() === '' ? null : text };
  return 'value' in read && read.value === null
    ? { fault: { message: 'must say what came of the call; where nobody can, skip it instead', line: undefined } }
    : read;
}
