import type { ComboboxOption } from '@grafana/ui';
import React from 'react';

import { ListSelect } from '../ListSelect';
import { fieldWidth, SettingField } from './SettingField';

interface Props {
  id: string;
  label: string;
  /** What follows from the setting, in a sentence. */
  tooltip: string;
  disabled?: boolean;
  value?: string[];
  /** What is offered; anything else can be typed. The page is open before there is a server to ask for more. */
  options?: Array<ComboboxOption<string>>;
  placeholder?: string;
  onChange: (value: string[] | undefined) => void;
}

const none: Array<ComboboxOption<string>> = [];

/** A row of the settings page that holds several values. */
export function SettingList({ label, tooltip, options = none, placeholder = 'all', ...list }: Props) {
  return (
    <SettingField id={list.id} label={label} tooltip={tooltip} disabled={list.disabled}>
      <ListSelect {...list} width={fieldWidth} options={options} placeholder={placeholder} />
    </SettingField>
  );
}
