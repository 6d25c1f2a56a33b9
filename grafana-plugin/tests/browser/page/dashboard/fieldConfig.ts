import {
  applyFieldOverrides,
  booleanOverrideProcessor,
  dataLinksOverrideProcessor,
  displayNameOverrideProcessor,
  FieldConfigOptionsRegistry,
  identityOverrideProcessor,
  numberOverrideProcessor,
  standardTransformers,
  standardTransformersRegistry,
  stringOverrideProcessor,
  thresholdsOverrideProcessor,
  unitOverrideProcessor,
  valueMappingsOverrideProcessor,
  type DataFrame,
  type FieldConfigPropertyItem,
  type FieldConfigSource,
  type GrafanaTheme2,
} from '@grafana/data';

import { templateSrv } from '../templateSrv';

/** How the options that all fields have are read. Grafana's list of them, with their editors, is in no package. */
const standard: Record<string, FieldConfigPropertyItem['process']> = {
  unit: unitOverrideProcessor as never,
  min: numberOverrideProcessor,
  max: numberOverrideProcessor,
  decimals: numberOverrideProcessor,
  displayName: displayNameOverrideProcessor,
  noValue: stringOverrideProcessor as never,
  color: identityOverrideProcessor,
  thresholds: thresholdsOverrideProcessor as never,
  mappings: valueMappingsOverrideProcessor,
  links: dataLinksOverrideProcessor,
  filterable: booleanOverrideProcessor as never,
};

const item = (id: string, path: string, process: FieldConfigPropertyItem['process'], isCustom = false) =>
  ({ id, path, name: id, isCustom, process, shouldApply: () => true }) as unknown as FieldConfigPropertyItem;

/** The options of fields that a panel sets: those of all, and those of its type. */
function registryOf({ defaults, overrides }: FieldConfigSource): FieldConfigOptionsRegistry {
  const custom = new Set([
    ...Object.keys(defaults.custom ?? {}),
    ...overrides
      .flatMap(({ properties }) => properties.map(({ id }) => id))
      .filter((id) => id.startsWith('custom.'))
      .map((id) => id.slice('custom.'.length)),
  ]);
  return new FieldConfigOptionsRegistry(() => [
    ...Object.entries(standard).map(([id, process]) => item(id, id, process)),
    ...[...custom].map((path) => item(`custom.${path}`, path, identityOverrideProcessor, true)),
  ]);
}

/** Gives the fields the looks that the panel says. */
export function dressed(frames: DataFrame[], fieldConfig: FieldConfigSource, theme: GrafanaTheme2): DataFrame[] {
  return applyFieldOverrides({
    data: frames,
    fieldConfig,
    fieldConfigRegistry: registryOf(fieldConfig),
    replaceVariables: (text, scopedVars) => templateSrv.replace(text, scopedVars),
    theme,
    timeZone: 'browser',
  });
}

/** Says which options a panel sets that no field has. */
export function unknownOptions({ overrides }: FieldConfigSource): string[] {
  return overrides
    .flatMap(({ properties }) => properties.map(({ id }) => id))
    .filter((id) => !id.startsWith('custom.') && !(id in standard));
}

/** Puts Grafana's own transformations in place. */
export function registerTransformations() {
  standardTransformersRegistry.setInit(() =>
    [...new Set(Object.values(standardTransformers))].map(
      (transformation) => ({ ...transformation, transformation: () => Promise.resolve(transformation) }) as never
    )
  );
}
