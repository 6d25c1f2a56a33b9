import { getTemplateSrv } from '@grafana/runtime';

/** The names of the variables of the dashboard that is open, without the dollar sign. */
export function dashboardVariables(): string[] {
  return getTemplateSrv()
    .getVariables()
    .map((variable) => variable.name);
}
