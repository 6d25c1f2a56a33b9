import { SecretInput, SecretTextArea } from '@grafana/ui';
import React from 'react';

import { fieldWidth, SettingField } from './SettingField';
import { hasSecret, withSecret, withoutSecret, type SecretName, type SectionProps } from './settings';

interface Props extends SectionProps {
  name: SecretName;
  label: string;
  tooltip: string;
  placeholder?: string;
  /** For keys and certificates, which have many lines. */
  multiline?: boolean;
}

/** A row for a secret: it can be typed, and replaced, and is never shown again once it is stored. */
export function SecretField({ name, label, tooltip, placeholder, multiline, options, onOptionsChange }: Props) {
  const id = `tidemark-${name}`;
  const shared = {
    id,
    placeholder,
    disabled: options.readOnly,
    isConfigured: hasSecret(options, name),
    value: options.secureJsonData?.[name] ?? '',
    onReset: () => onOptionsChange(withoutSecret(options, name)),
    onChange: (event: React.FormEvent<HTMLInputElement | HTMLTextAreaElement>) =>
      onOptionsChange(withSecret(options, name, event.currentTarget.value)),
  };
  return (
    <SettingField id={id} label={label} tooltip={tooltip} disabled={options.readOnly}>
      {multiline ? (
        <SecretTextArea {...shared} cols={60} rows={6} spellCheck={false} />
      ) : (
        <SecretInput {...shared} width={fieldWidth} autoComplete="new-password" />
      )}
    </SettingField>
  );
}
