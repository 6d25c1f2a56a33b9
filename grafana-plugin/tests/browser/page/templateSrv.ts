import type { ScopedVars, TypedVariableModel } from '@grafana/data';
import type { TemplateSrv } from '@grafana/runtime';

/** `$name`, `${name}`, `${name:format}` and `[[name]]`. */
const reference = /\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?::([^}]+))?\}/g;

type Value = string | string[];
type Format = string | ((value: Value, variable: object, byDefault: unknown) => string);

function write(value: Value, format: Format | undefined, variable: object): string {
  if (typeof format === 'function') {
    return format(value, variable, undefined);
  }
  if (!Array.isArray(value)) {
    return value;
  }
  return format === 'csv'
    ? value.join(',')
    : format === 'pipe'
      ? value.join('|')
      : value.length === 1
        ? value[0]!
        : `{${value.join(',')}}`;
}

/** The dashboard's variables, as the tests set them: name to value, several values for one that takes them. */
const variables = new Map<string, Value>();

/** What stands for a variable that is set to all of its values. Grafana puts it in as it is. */
const standsForAll = new Map<string, string>();

export function setVariable(name: string, value: Value) {
  variables.set(name, value);
}

/** Sets a variable to all of its values. */
export function setToAll(name: string, allValue: string) {
  variables.set(name, '$__all');
  standsForAll.set(name, allValue);
}

const model = (name: string, value: Value) => ({
  name,
  type: 'custom',
  multi: Array.isArray(value),
  includeAll: standsForAll.has(name),
  current: { text: value, value },
  query: '',
  options: [],
});

/** Stands in for Grafana's interpolation of dashboard variables. A name that is not known stays as it is. */
export const templateSrv: TemplateSrv = {
  getVariables: () => [...variables].map(([name, value]) => model(name, value)) as unknown as TypedVariableModel[],
  containsTemplate: (target) => target !== undefined && target.search(reference) >= 0,
  updateTimeRange: () => {},
  replace: (target, scopedVars: ScopedVars = {}, format) =>
    (target ?? '').replace(reference, (match, bare, brackets, bracketsFormat, braces, bracesFormat) => {
      const name = bare ?? brackets ?? braces;
      const value = scopedVars[name]?.value ?? variables.get(name);
      if (value === '$__all' && standsForAll.has(name)) {
        return standsForAll.get(name)!;
      }
      return value === undefined
        ? match
        : write(value as Value, bracketsFormat ?? bracesFormat ?? (format as Format), model(name, value as Value));
    }),
};
