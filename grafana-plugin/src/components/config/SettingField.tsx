import { InlineField, InlineSwitch } from '@grafana/ui';
import React from 'react';

const labelWidth = 26;

/** How wide the fields of the settings page are, in Grafana's units of 8 pixels. */
export const fieldWidth = 50;

interface FieldProps {
  id: string;
  label: string;
  /** What follows from the setting, in a sentence. */
  tooltip: string;
  disabled?: boolean;
  /** What is wrong with the value, and what would be right. */
  error?: string;
  children: React.ReactElement<Record<string, unknown>>;
}

/** A row of the settings page. */
export function SettingField({ id, error, ...rest }: FieldProps) {
  return (
    <InlineField
      {...rest}
      htmlFor={id}
      labelWidth={labelWidth}
      interactive
      invalid={error !== undefined}
      error={error}
    />
  );
}

interface SwitchProps extends Omit<FieldProps, 'children' | 'error'> {
  value: boolean;
  onChange: (value: boolean) => void;
}

/** A row of the settings page that is on or off. */
export function SettingSwitch({ value, onChange, ...rest }: SwitchProps) {
  return (
    <SettingField {...rest}>
      <InlineSwitch
        id={rest.id}
        value={value}
        disabled={rest.disabled}
        onChange={(event: React.ChangeEvent<HTMLInputElement>) => onChange(event.currentTarget.checked)}
      />
    </SettingField>
  );
}
