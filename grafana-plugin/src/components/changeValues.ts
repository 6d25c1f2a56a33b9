import type { ComboboxOption } from '@grafana/ui';

import type { Resources } from './resources';

/** What the change log can list the values of. */
export type ChangeField = 'services' | 'environments' | 'versions' | 'flags' | 'kinds';

/** The statuses that a change can have. */
export const statuses = ['planned', 'running', 'succeeded', 'failed', 'cancelled', 'lost'] as const;

/** The kinds that Tidemark itself knows; a log may have words of its own besides. */
export const kinds = ['deploy', 'flag', 'config', 'incident', 'maintenance', 'drill', 'restart'] as const;

/** Gives the options that hold what was typed. */
export type LoadOptions = (typed: string) => Promise<Array<ComboboxOption<string>>>;

/** How many values a list offers at once; typing narrows it. */
const shown = 200;

interface Values {
  values?: string[];
  cut?: boolean;
}

/**
 * Offers the dashboard's variables and the values that a field has in the change log, asked for when the list is opened. A server
 * that can't be asked leaves the variables and what is typed: no reason to keep a person from writing a query.
 */
export function changeValues(resources: Resources, field: ChangeField, variables: () => string[]): LoadOptions {
  let asked: Promise<Values> | undefined;
  return async (typed) => {
    if (!asked || typed === '') {
      asked = resources.getResource<Values>(`changes/values/${field}`).catch((): Values => ({}));
    }
    const { values = [], cut } = await asked;
    const word = typed.trim().toLowerCase();
    const found = [...references(variables), ...values].filter((value) => value.toLowerCase().includes(word));
    const options: Array<ComboboxOption<string>> = found.slice(0, shown).map((value) => ({ value, label: value }));
    if (options.length > 0 && (cut || found.length > shown)) {
      options[options.length - 1].description = 'There are more: type to narrow the list.';
    }
    return options;
  };
}

/** Offers the dashboard's variables and the given words. */
export function words(list: readonly string[], variables: () => string[]): Array<ComboboxOption<string>> {
  return [...references(variables), ...list].map((value) => ({ value, label: value }));
}

function references(variables: () => string[]): string[] {
  return variables().map((name) => `$${name}`);
}
