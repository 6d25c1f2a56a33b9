import { FieldSet } from '@grafana/ui';
import React from 'react';

import { kinds } from '../changeValues';
import { SettingSwitch } from './SettingField';
import { SettingList } from './SettingList';
import { withOptions, withOverlay, type SectionProps } from './settings';

/** Which changes are drawn on panels. */
export function ChangesSection({ options, onOptionsChange }: SectionProps) {
  const { jsonData, readOnly } = options;
  const overlay = jsonData.overlay ?? {};
  const drawn = overlay.enabled !== false;
  const follows = drawn && overlay.follow !== false;
  return (
    <FieldSet label="Changes">
      <SettingSwitch
        id="tidemark-overlay"
        label="Draw on every graph"
        tooltip="Deploys, flag flips and all other changes are drawn on each graph of this data source. Off: only where a dashboard has an annotation query."
        disabled={readOnly}
        value={drawn}
        onChange={(on) => onOptionsChange(withOverlay(options, { enabled: on ? undefined : false }))}
      />
      {drawn && (
        <>
          <SettingSwitch
            id="tidemark-follow"
            label="Follow the graph's labels"
            tooltip={
              'A graph of series with service="web" shows the changes of web, and those of no service. Off: every graph shows all.'
            }
            disabled={readOnly}
            value={overlay.follow !== false}
            onChange={(on) => onOptionsChange(withOverlay(options, { follow: on ? undefined : false }))}
          />
          <SettingList
            id="tidemark-kinds"
            label="Kinds"
            tooltip="Only changes of these kinds are drawn; all where none is chosen."
            disabled={readOnly}
            options={kindOptions}
            value={overlay.kinds}
            onChange={(next) => onOptionsChange(withOverlay(options, { kinds: next }))}
          />
          <SettingList
            id="tidemark-services"
            label="Services"
            tooltip="Only changes of these services, and of none, are drawn; all where none is chosen. Type a name and press Enter."
            disabled={readOnly}
            value={overlay.services}
            onChange={(next) => onOptionsChange(withOverlay(options, { services: next }))}
          />
          <SettingList
            id="tidemark-environments"
            label="Environments"
            tooltip="Only changes in these environments, and in none, are drawn; all where none is chosen. Type a name and press Enter."
            disabled={readOnly}
            value={overlay.environments}
            onChange={(next) => onOptionsChange(withOverlay(options, { environments: next }))}
          />
        </>
      )}
      {follows && (
        <>
          <SettingList
            id="tidemark-service-labels"
            label="Service labels"
            tooltip="The labels whose value is the service, as changes name it. A graph with none of them shows the changes of all services."
            disabled={readOnly}
            value={jsonData.serviceLabels}
            placeholder="service, service_name"
            onChange={(next) => onOptionsChange(withOptions(options, { serviceLabels: next }))}
          />
          <SettingList
            id="tidemark-environment-labels"
            label="Environment labels"
            tooltip="The labels whose value is the environment, as changes name it."
            disabled={readOnly}
            value={jsonData.environmentLabels}
            placeholder="environment, deployment_environment_name"
            onChange={(next) => onOptionsChange(withOptions(options, { environmentLabels: next }))}
          />
        </>
      )}
    </FieldSet>
  );
}

const kindOptions = kinds.map((value) => ({ value, label: value }));
