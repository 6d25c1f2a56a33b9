import { Button, FieldSet, InlineField, InlineFieldRow, Input, SecretInput } from '@grafana/ui';
import React from 'react';

import { headersOf, valueKey, withHeader, withHeaderName, withoutLastHeader } from './headers';
import { withSecret, withoutSecret, type SectionProps } from './settings';

/** Headers that go with each request, for a proxy before the server. */
export function HeadersSection({ options, onOptionsChange }: SectionProps) {
  const headers = headersOf(options);
  return (
    <FieldSet label="HTTP headers">
      {headers.map((header, i) => (
        <InlineFieldRow key={i}>
          <InlineField
            label="Header"
            htmlFor={`tidemark-header-${i}`}
            labelWidth={12}
            disabled={options.readOnly}
            invalid={header.name === '' && (header.value !== '' || header.stored || i < headers.length - 1)}
            error="A header needs a name, such as X-Scope"
          >
            <Input
              id={`tidemark-header-${i}`}
              width={30}
              placeholder="X-Scope"
              disabled={options.readOnly}
              value={header.name}
              onChange={(event: React.ChangeEvent<HTMLInputElement>) =>
                onOptionsChange(withHeaderName(options, i, event.currentTarget.value.trim()))
              }
            />
          </InlineField>
          <InlineField label="Value" htmlFor={`tidemark-header-value-${i}`} disabled={options.readOnly}>
            <SecretInput
              id={`tidemark-header-value-${i}`}
              width={30}
              disabled={options.readOnly}
              autoComplete="new-password"
              isConfigured={header.stored}
              value={header.value}
              onReset={() => onOptionsChange(withoutSecret(options, valueKey(i)))}
              onChange={(event: React.FormEvent<HTMLInputElement>) =>
                onOptionsChange(withSecret(options, valueKey(i), event.currentTarget.value))
              }
            />
          </InlineField>
          {!options.readOnly && i === headers.length - 1 && (
            <Button
              variant="secondary"
              icon="trash-alt"
              aria-label={`Remove header ${header.name}`}
              tooltip="Removes this header and its value"
              onClick={() => onOptionsChange(withoutLastHeader(options))}
            />
          )}
        </InlineFieldRow>
      ))}
      {!options.readOnly && (
        <Button variant="secondary" icon="plus" type="button" onClick={() => onOptionsChange(withHeader(options))}>
          Add header
        </Button>
      )}
    </FieldSet>
  );
}
