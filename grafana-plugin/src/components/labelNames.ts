import type { LoadOptions } from './changeValues';
import type { Resources } from './resources';

const most = 5000;

/** Offers the dashboard's variables and the names of the labels that series have. */
export function labelNames(resources: Resources, variables: () => string[]): LoadOptions {
  return async (typed) => {
    const answer = await resources
      .getResource<{ data?: string[] }>('api/v1/labels', { limit: most })
      .catch((): { data?: string[] } => ({}));
    const word = typed.trim().toLowerCase();
    const names = [...variables().map((name) => `$${name}`), ...(answer.data ?? [])];
    return names.filter((name) => name.toLowerCase().includes(word)).map((value) => ({ value, label: value }));
  };
}
