import type { BackendSrv, BackendSrvRequest, FetchResponse } from '@grafana/runtime';
import { Observable, lastValueFrom } from 'rxjs';

/** Sends a request as Grafana's page does: parameters in the URL, data as JSON, a failure as an error with status and data. */
function fetchResponse<T>(options: BackendSrvRequest): Observable<FetchResponse<T>> {
  return new Observable((observer) => {
    const abort = new AbortController();
    void send<T>(options, abort.signal).then(
      (response) => {
        observer.next(response);
        observer.complete();
      },
      (error) => {
        if (!abort.signal.aborted) {
          observer.error(error);
        }
      }
    );
    return () => abort.abort();
  });
}

async function send<T>(options: BackendSrvRequest, signal: AbortSignal): Promise<FetchResponse<T>> {
  const url = new URL(options.url, location.origin);
  for (const [name, value] of Object.entries(options.params ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null) {
        url.searchParams.append(name, String(one));
      }
    }
  }
  const form = typeof options.data === 'string' || options.data instanceof URLSearchParams;
  const response = await fetch(url, {
    method: options.method ?? 'GET',
    headers: {
      ...(options.data === undefined || form ? {} : { 'Content-Type': 'application/json' }),
      ...options.headers,
    },
    body: options.data === undefined ? undefined : form ? options.data : JSON.stringify(options.data),
    signal,
  });
  const text = await response.text();
  const answer = {
    data: parse(text) as T,
    status: response.status,
    statusText: response.statusText,
    ok: response.ok,
    headers: response.headers,
    redirected: response.redirected,
    type: response.type,
    url: response.url,
    config: options,
  };
  if (!response.ok) {
    throw answer;
  }
  return answer;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const data = <T>(options: BackendSrvRequest) =>
  lastValueFrom(fetchResponse<T>(options)).then((response) => response.data);

/** Stands in for Grafana's client of its own API. */
export const backendSrv: BackendSrv = {
  fetch: fetchResponse,
  chunked: () => {
    throw new Error('chunked answers are not served here');
  },
  request: data,
  get: (url, params, requestId, options) => data({ ...options, method: 'GET', url, params, requestId }),
  post: (url, body, options) => data({ ...options, method: 'POST', url, data: body }),
  put: (url, body, options) => data({ ...options, method: 'PUT', url, data: body }),
  patch: (url, body, options) => data({ ...options, method: 'PATCH', url, data: body }),
  delete: (url, body, options) => data({ ...options, method: 'DELETE', url, data: body }),
  datasourceRequest: (options) => lastValueFrom(fetchResponse(options)) as Promise<FetchResponse<any>>,
} as BackendSrv;
