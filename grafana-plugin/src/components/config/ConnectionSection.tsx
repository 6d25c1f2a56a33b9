import { FieldSet, Input } from '@grafana/ui';
import React from 'react';

import { fieldWidth, SettingField } from './SettingField';
import { withOptions, type SectionProps } from './settings';

/** Where the server is, for Grafana and for people. */
export function ConnectionSection({ options, onOptionsChange }: SectionProps) {
  return (
    <FieldSet label="Connection">
      <SettingField
        id="tidemark-url"
        label="URL"
        tooltip="Where Grafana's own server reaches Tidemark; browsers never ask there. With the path, if Tidemark is behind one."
        disabled={options.readOnly}
        error={problemOf(options.url, 'http://localhost:9797')}
      >
        <Input
          id="tidemark-url"
          type="url"
          width={fieldWidth}
          placeholder="http://localhost:9797"
          disabled={options.readOnly}
          value={options.url}
          onChange={(event: React.ChangeEvent<HTMLInputElement>) =>
            onOptionsChange({ ...options, url: event.currentTarget.value.trim() })
          }
        />
      </SettingField>
      <SettingField
        id="tidemark-public-url"
        label="Public URL"
        tooltip="Where people's browsers reach Tidemark: links from a change lead there. The URL above where this is empty."
        disabled={options.readOnly}
        error={problemOf(options.jsonData.publicUrl, 'https://tidemark.example.com')}
      >
        <Input
          id="tidemark-public-url"
          type="url"
          width={fieldWidth}
          placeholder={options.url || 'https://tidemark.example.com'}
          disabled={options.readOnly}
          value={options.jsonData.publicUrl ?? ''}
          onChange={(event: React.ChangeEvent<HTMLInputElement>) =>
            onOptionsChange(withOptions(options, { publicUrl: event.currentTarget.value.trim() }))
          }
        />
      </SettingField>
    </FieldSet>
  );
}

/** Nothing is wrong with a field that nobody has filled in yet: the health check says when it is needed. */
function problemOf(url: string | undefined, example: string): string | undefined {
  return url && !/^https?:\/\/[^/\s]+/i.test(url) ? `An address such as ${example}` : undefined;
}
