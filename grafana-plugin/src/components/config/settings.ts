import type { DataSourcePluginOptionsEditorProps, DataSourceSettings } from '@grafana/data';

import type { OverlaySettings, TidemarkOptions, TidemarkSecureOptions } from '../../types';

export type Settings = DataSourceSettings<TidemarkOptions, TidemarkSecureOptions>;

/** What each section of the settings page gets. */
export type SectionProps = DataSourcePluginOptionsEditorProps<TidemarkOptions, TidemarkSecureOptions>;

export type SecretName = keyof TidemarkSecureOptions;

/** Sets readable settings. One that is set to undefined, an empty text or an empty list is removed: the default holds then. */
export function withOptions(settings: Settings, part: Partial<TidemarkOptions>): Settings {
  return { ...settings, jsonData: merge(settings.jsonData, part) };
}

/** Sets what is drawn on panels. */
export function withOverlay(settings: Settings, part: OverlaySettings): Settings {
  const overlay = merge(settings.jsonData.overlay ?? {}, part);
  return withOptions(settings, { overlay: Object.keys(overlay).length > 0 ? overlay : undefined });
}

/** Sets a secret. Grafana stores it on saving, and never gives it back. */
export function withSecret(settings: Settings, name: SecretName, value: string): Settings {
  return { ...settings, secureJsonData: { ...settings.secureJsonData, [name]: value } };
}

/** Forgets a stored secret, so that another can be typed; without one it is removed on saving. */
export function withoutSecret(settings: Settings, name: SecretName): Settings {
  return {
    ...settings,
    secureJsonFields: { ...settings.secureJsonFields, [name]: false },
    secureJsonData: { ...settings.secureJsonData, [name]: '' },
  };
}

/** Whether Grafana holds a secret. */
export function hasSecret(settings: Settings, name: SecretName): boolean {
  return Boolean(settings.secureJsonFields?.[name]);
}

function merge<T extends object>(options: T, part: Partial<T>): T {
  const merged = { ...options, ...part };
  for (const key of Object.keys(part) as Array<keyof T>) {
    const value: unknown = part[key];
    if (value === undefined || value === '' || (Array.isArray(value) && value.length === 0)) {
      delete merged[key];
    }
  }
  return merged;
}
