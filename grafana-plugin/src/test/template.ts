import type { Template } from '../interpolate';

/** A dashboard variable. */
export interface Variable {
  value: string | string[];
  multi?: boolean;
  includeAll?: boolean;
  all?: boolean;
}

/** Replaces variables as Grafana's template service does, for the written forms `$name`, `${name}` and `${name:raw}`. */
export function template(variables: Record<string, Variable> = {}): Template {
  return {
    replace(text, scopedVars = {}, format) {
      return text.replace(/\$(\w+)|\$\{(\w+)(?::(\w+))?\}/g, (written, bare, braced, explicit) => {
        const name = bare ?? braced;
        const known: Variable | undefined = scopedVars[name] ? { value: scopedVars[name].value } : variables[name];
        if (!known) {
          return written;
        }
        if (typeof format === 'function' && !explicit) {
          return format(known.value, { name, multi: known.multi, includeAll: known.includeAll });
        }
        return Array.isArray(known.value) ? `{${known.value.join(',')}}` : known.value;
      });
    },
    getVariables() {
      return Object.entries(variables).map(([name, { value, all }]) => ({
        name,
        current: { value: all ? ['$__all'] : value },
      }));
    },
  };
}
