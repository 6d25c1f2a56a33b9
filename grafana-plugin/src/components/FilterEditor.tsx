import { InlineField, InlineFieldRow } from '@grafana/ui';
import React, { useMemo } from 'react';

import type { Filter } from '../types';
import { changeValues, kinds, statuses, words } from './changeValues';
import { CommittedInput } from './CommittedInput';
import { ListSelect } from './ListSelect';
import type { Resources } from './resources';

/** The parts of a filter that an editor shows. */
export type FilterPart = 'kinds' | 'services' | 'environments' | 'statuses' | 'who' | 'labels' | 'text';

const everyPart: readonly FilterPart[] = ['kinds', 'services', 'environments', 'statuses', 'who', 'labels', 'text'];

interface Props {
  id: string;
  value?: Filter;
  /** Called without a filter when nothing is left in it. */
  onChange: (filter: Filter | undefined) => void;
  resources: Resources;
  variables: () => string[];
  parts?: readonly FilterPart[];
}

/** Selects changes. The values of one field are alternatives; the fields must all hold. */
export function FilterEditor({ id, value = {}, onChange, resources, variables, parts = everyPart }: Props) {
  // The lists stay the same functions from one rendering to the next, or they would forget what they were asked.
  const load = useMemo(
    () => ({
      kinds: changeValues(resources, 'kinds', variables),
      services: changeValues(resources, 'services', variables),
      environments: changeValues(resources, 'environments', variables),
    }),
    [resources, variables]
  );
  const set = <K extends keyof Filter>(key: K, next: Filter[K]) => {
    const filter = { ...value, [key]: next };
    if (next === undefined || next === '') {
      delete filter[key];
    }
    onChange(Object.keys(filter).length > 0 ? filter : undefined);
  };
  const list = (key: 'kinds' | 'services' | 'environments' | 'statuses' | 'who') => ({
    id: `${id}-${key}`,
    value: value[key],
    onChange: (next: string[] | undefined) => set(key, next),
  });

  const fields: Record<FilterPart, () => React.ReactElement> = {
    kinds: () => (
      <InlineField
        label="Kinds"
        htmlFor={`${id}-kinds`}
        tooltip={`All where none is chosen. Tidemark's own are ${kinds.join(', ')}.`}
      >
        <ListSelect {...list('kinds')} options={load.kinds} placeholder="all" />
      </InlineField>
    ),
    services: () => (
      <InlineField label="Services" htmlFor={`${id}-services`}>
        <ListSelect {...list('services')} options={load.services} placeholder="all" />
      </InlineField>
    ),
    environments: () => (
      <InlineField label="Environments" htmlFor={`${id}-environments`}>
        <ListSelect {...list('environments')} options={load.environments} placeholder="all" />
      </InlineField>
    ),
    statuses: () => (
      <InlineField label="Statuses" htmlFor={`${id}-statuses`}>
        <ListSelect {...list('statuses')} options={words(statuses, variables)} placeholder="all" />
      </InlineField>
    ),
    who: () => (
      <InlineField
        label="Who"
        htmlFor={`${id}-who`}
        tooltip="The name of a person or a machine, as the change has it. Type it."
      >
        <ListSelect {...list('who')} options={words([], variables)} placeholder="anybody" />
      </InlineField>
    ),
    labels: () => (
      <InlineField
        label="Labels"
        htmlFor={`${id}-labels`}
        tooltip="Labels of the change, such as team=checkout. All of them must be as written. Type one and press Enter."
      >
        <ListSelect
          id={`${id}-labels`}
          value={labelsToList(value.labels)}
          onChange={(next) => set('labels', listToLabels(next))}
          options={[]}
          placeholder="name=value"
        />
      </InlineField>
    ),
    text: () => (
      <InlineField
        label="Text"
        htmlFor={`${id}-text`}
        tooltip="Every word must be somewhere in the change: in its title, text, service, environment, version, commit, flag or who."
      >
        <CommittedInput
          id={`${id}-text`}
          value={value.text ?? ''}
          onCommit={(text) => set('text', text)}
          placeholder="words"
          width={24}
        />
      </InlineField>
    ),
  };
  return (
    <InlineFieldRow>
      {parts.map((part) => (
        <React.Fragment key={part}>{fields[part]()}</React.Fragment>
      ))}
    </InlineFieldRow>
  );
}

function labelsToList(labels: Record<string, string> = {}): string[] {
  return Object.entries(labels).map(([name, value]) => `${name}=${value}`);
}

/** A later value of a label replaces an earlier one; what has no equals sign, or nothing before it, is no label. */
function listToLabels(list: string[] = []): Record<string, string> | undefined {
  const labels: Record<string, string> = {};
  for (const item of list) {
    const equals = item.indexOf('=');
    if (equals > 0) {
      labels[item.slice(0, equals).trim()] = item.slice(equals + 1).trim();
    }
  }
  return Object.keys(labels).length > 0 ? labels : undefined;
}
