import { hasSecret, type SecretName, type Settings } from './settings';

/** A header that goes with each request. Its value is a secret and is not known here once it is stored. */
export interface Header {
  name: string;
  /** What was typed and is not saved yet. */
  value: string;
  stored: boolean;
}

type NameKey = `httpHeaderName${number}`;
type ValueKey = `httpHeaderValue${number}`;

/** The key of a header's name. They count from 1. */
export function nameKey(index: number): NameKey {
  return `httpHeaderName${index + 1}`;
}

/** The key of a header's value. */
export function valueKey(index: number): ValueKey & SecretName {
  return `httpHeaderValue${index + 1}`;
}

/** The headers of a data source, up to the first number that is missing, as the SDK reads them. */
export function headersOf(settings: Settings): Header[] {
  const headers: Header[] = [];
  for (let i = 0; settings.jsonData[nameKey(i)] !== undefined; i++) {
    headers.push({
      name: settings.jsonData[nameKey(i)] ?? '',
      value: settings.secureJsonData?.[valueKey(i)] ?? '',
      stored: hasSecret(settings, valueKey(i)),
    });
  }
  return headers;
}

/** Adds a header that has no name yet. */
export function withHeader(settings: Settings): Settings {
  return withHeaderName(settings, headersOf(settings).length, '');
}

/** Names a header. */
export function withHeaderName(settings: Settings, index: number, name: string): Settings {
  return { ...settings, jsonData: { ...settings.jsonData, [nameKey(index)]: name } };
}

/**
 * Removes the last header: its value too. Only the last can go, as the values of those behind another are secrets that Grafana
 * does not give back, and so can't move up.
 */
export function withoutLastHeader(settings: Settings): Settings {
  const last = headersOf(settings).length - 1;
  const jsonData = { ...settings.jsonData };
  delete jsonData[nameKey(last)];
  return {
    ...settings,
    jsonData,
    secureJsonFields: { ...settings.secureJsonFields, [valueKey(last)]: false },
    secureJsonData: { ...settings.secureJsonData, [valueKey(last)]: '' },
  };
}
