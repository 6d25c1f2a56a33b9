import { InlineField } from '@grafana/ui';
import React from 'react';

import { CommittedInput } from './CommittedInput';

const mostChanges = 10_000;

interface Props {
  id: string;
  value?: number;
  /** Called without a number for the default. */
  onChange: (limit: number | undefined) => void;
}

/** How many changes an answer may hold. */
export function LimitInput({ id, value, onChange }: Props) {
  return (
    <InlineField
      label="Limit"
      htmlFor={id}
      tooltip={`At most this many changes, the newest first; no more than ${mostChanges}. The answer says how many were left out.`}
    >
      <CommittedInput
        id={id}
        type="number"
        min={1}
        max={mostChanges}
        width={12}
        placeholder="1000"
        value={value === undefined ? '' : String(value)}
        onCommit={(text) => onChange(limitOf(text))}
      />
    </InlineField>
  );
}

function limitOf(text: string): number | undefined {
  const limit = Math.round(Number(text));
  return limit > 0 ? Math.min(limit, mostChanges) : undefined;
}
