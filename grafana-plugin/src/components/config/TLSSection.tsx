import { FieldSet, Input } from '@grafana/ui';
import React from 'react';

import { SecretField } from './SecretField';
import { fieldWidth, SettingField, SettingSwitch } from './SettingField';
import { withOptions, type SectionProps } from './settings';

/** Whom Grafana trusts to be Tidemark, and how it shows who it is. */
export function TLSSection(props: SectionProps) {
  const { options, onOptionsChange } = props;
  const { jsonData, readOnly } = options;
  return (
    <FieldSet label="TLS">
      <SettingSwitch
        id="tidemark-tls-ca"
        label="Own certificate authority"
        tooltip="Trusts the authority below besides those that Grafana's machine trusts. For certificates that you sign yourselves."
        disabled={readOnly}
        value={jsonData.tlsAuthWithCACert ?? false}
        onChange={(on) => onOptionsChange(withOptions(options, { tlsAuthWithCACert: on || undefined }))}
      />
      {jsonData.tlsAuthWithCACert && (
        <SecretField
          {...props}
          name="tlsCACert"
          label="CA certificate"
          placeholder="-----BEGIN CERTIFICATE-----"
          tooltip="The authority's certificate, in PEM."
          multiline
        />
      )}
      <SettingSwitch
        id="tidemark-tls-client"
        label="Client certificate"
        tooltip="Shows a certificate to the server, for one that asks for it."
        disabled={readOnly}
        value={jsonData.tlsAuth ?? false}
        onChange={(on) => onOptionsChange(withOptions(options, { tlsAuth: on || undefined }))}
      />
      {jsonData.tlsAuth && (
        <>
          <SecretField
            {...props}
            name="tlsClientCert"
            label="Certificate"
            placeholder="-----BEGIN CERTIFICATE-----"
            tooltip="Grafana's own certificate, in PEM."
            multiline
          />
          <SecretField
            {...props}
            name="tlsClientKey"
            label="Key"
            placeholder="-----BEGIN PRIVATE KEY-----"
            tooltip="The key of that certificate, in PEM."
            multiline
          />
        </>
      )}
      <SettingField
        id="tidemark-server-name"
        label="Server name"
        tooltip="The name that the server's certificate must hold; the one in the URL where this is empty."
        disabled={readOnly}
      >
        <Input
          id="tidemark-server-name"
          width={fieldWidth}
          placeholder="tidemark.example.com"
          disabled={readOnly}
          value={jsonData.serverName ?? ''}
          onChange={(event: React.ChangeEvent<HTMLInputElement>) =>
            onOptionsChange(withOptions(options, { serverName: event.currentTarget.value.trim() }))
          }
        />
      </SettingField>
      <SettingSwitch
        id="tidemark-tls-skip"
        label="Skip verification"
        tooltip="Takes any certificate for the server's: whoever is between can read the token and the answers. Only for a trial."
        disabled={readOnly}
        value={jsonData.tlsSkipVerify ?? false}
        onChange={(on) => onOptionsChange(withOptions(options, { tlsSkipVerify: on || undefined }))}
      />
    </FieldSet>
  );
}
