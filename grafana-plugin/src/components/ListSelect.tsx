import { MultiCombobox, type ComboboxOption } from '@grafana/ui';
import React from 'react';

interface Props {
  id?: string;
  value?: string[];
  /** Called without a list when nothing is left in it. */
  onChange: (value: string[] | undefined) => void;
  options: Array<ComboboxOption<string>> | ((typed: string) => Promise<Array<ComboboxOption<string>>>);
  placeholder?: string;
  disabled?: boolean;
  width?: number;
}

/** Chooses several values: those on offer, and any that is typed. */
export function ListSelect({ value, onChange, width, ...rest }: Props) {
  return (
    <MultiCombobox
      {...rest}
      {...(width === undefined ? { width: 'auto' as const, minWidth: 24, maxWidth: 60 } : { width })}
      value={value ?? []}
      createCustomValue
      isClearable
      onChange={(chosen) => onChange(chosen.length > 0 ? chosen.map((option) => option.value) : undefined)}
    />
  );
}
