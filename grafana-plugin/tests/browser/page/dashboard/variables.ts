import { CustomVariableSupport, type DataSourceApi, type MetricFindValue, type TimeRange } from '@grafana/data';
import { from, isObservable, lastValueFrom } from 'rxjs';

import { singleRequest } from '../request';
import { sourceUid } from '../source';
import { setToAll, setVariable, templateSrv } from '../templateSrv';
import type { VariableModel } from './model';

/** What a variable of the dashboard was set to. */
export interface Choice {
  name: string;
  label: string;
  value: string;
}

/**
 * Gives each variable its value, in their order, since they may depend on those before them: the one that is wanted, or what Grafana
 * shows at first. The values are the data source's own.
 */
export async function chooseVariables(
  source: DataSourceApi<any, any>,
  list: VariableModel[],
  range: TimeRange,
  wanted: Record<string, string | string[]>
): Promise<Choice[]> {
  const choices: Choice[] = [];
  for (const variable of list) {
    const { name, label } = variable;
    const values = await valuesOf(source, variable, range);
    const value = wanted[name] ?? firstOf(variable, values);
    if (variable.type === 'query' && value !== '$__all' && !values.includes(String(value))) {
      throw new Error(`the variable ${name} has no value ${String(value)}, but ${values.join(', ') || 'none'}`);
    }
    if (value === '$__all') {
      setToAll(name, variable.allValue ?? values.join('|'));
    } else {
      setVariable(name, value);
    }
    choices.push({ name, label, value: value === '$__all' ? 'All' : String(value) });
  }
  return choices;
}

function firstOf({ type, includeAll, current }: VariableModel, values: string[]): string {
  return type === 'query' && includeAll ? '$__all' : current.value || (values[0] ?? '');
}

async function valuesOf(source: DataSourceApi<any, any>, variable: VariableModel, range: TimeRange): Promise<string[]> {
  switch (variable.type) {
    case 'datasource':
      return [sourceUid];
    case 'custom':
      return String(variable.query).split(',');
    case 'textbox':
      return [templateSrv.replace(variable.query)];
    case 'query': {
      const support = source.variables as CustomVariableSupport<any>;
      const answer = support.query(singleRequest([variable.query], range, 100));
      const response = await lastValueFrom(isObservable(answer) ? answer : from(answer));
      const values = (response.data as MetricFindValue[]).map((value) => String(value.text));
      return variable.sort === 1 ? values.sort((a, b) => a.localeCompare(b)) : values;
    }
  }
}
