import { FieldSet, Input, Text } from '@grafana/ui';
import React from 'react';

import { SecretField } from './SecretField';
import { fieldWidth, SettingField, SettingSwitch } from './SettingField';
import { withOptions, withoutSecret, type SectionProps } from './settings';

/** What Tidemark is shown to let Grafana in. */
export function AuthenticationSection(props: SectionProps) {
  const { options, onOptionsChange } = props;
  return (
    <FieldSet label="Authentication">
      <p>
        <Text color="secondary">
          Grafana only reads: a viewer&apos;s token is all that it needs. Make one where the server runs, with{' '}
          <code>tidemark token create grafana --role=viewer</code>. None is needed where the server lets everybody read,
          which it does unless <code>auth.anonymous</code> says otherwise.
        </Text>
      </p>
      <SecretField
        {...props}
        name="token"
        label="Token"
        placeholder="tidemark token create grafana --role=viewer"
        tooltip="Sent with each request as a bearer token, or as X-API-Key when basic authentication is on. Whoever may use this data source reads with it."
      />
      <SettingSwitch
        id="tidemark-basic-auth"
        label="Basic authentication"
        tooltip="Sends a user name and a password: to Tidemark, or to a proxy before it."
        disabled={options.readOnly}
        value={options.basicAuth}
        onChange={(basicAuth) =>
          onOptionsChange(
            basicAuth ? { ...options, basicAuth } : { ...withoutSecret(options, 'basicAuthPassword'), basicAuth }
          )
        }
      />
      {options.basicAuth && (
        <>
          <SettingField
            id="tidemark-user"
            label="User"
            tooltip="The name that goes with the password."
            disabled={options.readOnly}
          >
            <Input
              id="tidemark-user"
              width={fieldWidth}
              disabled={options.readOnly}
              autoComplete="off"
              value={options.basicAuthUser}
              onChange={(event: React.ChangeEvent<HTMLInputElement>) =>
                onOptionsChange({ ...options, basicAuthUser: event.currentTarget.value })
              }
            />
          </SettingField>
          <SecretField {...props} name="basicAuthPassword" label="Password" tooltip="Stored encrypted by Grafana." />
        </>
      )}
      <SettingSwitch
        id="tidemark-oauth"
        label="Forward OAuth identity"
        tooltip="Sends the OAuth token of the person who looks, so that a proxy can tell people apart. Alert rules have no such person and go without."
        disabled={options.readOnly}
        value={options.jsonData.oauthPassThru ?? false}
        onChange={(on) => onOptionsChange(withOptions(options, { oauthPassThru: on || undefined }))}
      />
    </FieldSet>
  );
}
