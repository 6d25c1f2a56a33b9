import { Input } from '@grafana/ui';
import React, { useEffect, useState, type ComponentProps } from 'react';

interface Props extends Omit<ComponentProps<typeof Input>, 'value' | 'onChange' | 'onBlur' | 'onKeyDown' | 'ref'> {
  value: string;
  /** Called with a new text when the field is left or Enter is pressed. */
  onCommit: (value: string) => void;
}

/** A text field that does not ask for a new answer with each keystroke. */
export function CommittedInput({ value, onCommit, ...rest }: Props) {
  const [draft, setDraft] = useState(value);
  useEffect(() => setDraft(value), [value]);

  const commit = () => {
    const next = draft.trim();
    if (next !== value) {
      onCommit(next);
    }
    setDraft(next);
  };
  return (
    <Input
      {...rest}
      value={draft}
      onChange={(event) => setDraft(event.currentTarget.value)}
      onBlur={commit}
      onKeyDown={(event) => {
        if (event.key === 'Enter') {
          commit();
        }
      }}
    />
  );
}
