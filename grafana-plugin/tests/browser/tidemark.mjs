// Records changes in the Tidemark of a test, and waits for its samples.
import { eventually } from './harness.mjs';

/** The API of a running Tidemark. */
export class Tidemark {
  constructor(url) {
    this.url = url;
  }

  /** Sends a change and returns it as recorded. */
  async record(change) {
    return this.#send('POST', '/api/v1/changes', change);
  }

  /** Finishes or corrects a change. */
  async update(id, change) {
    return this.#send('PATCH', `/api/v1/changes/${id}`, change);
  }

  /** Pushes points of a counter as OTLP: `{attributes, start, time, value}` each, times in milliseconds. */
  async push(name, points) {
    const text = (value) => ({ stringValue: value });
    const nanoseconds = (ms) => `${Math.round(ms)}000000`;
    const dataPoints = points.map(({ attributes, start, time, value }) => ({
      attributes: Object.entries(attributes).map(([key, of]) => ({ key, value: text(of) })),
      startTimeUnixNano: nanoseconds(start),
      timeUnixNano: nanoseconds(time),
      asDouble: value,
    }));
    await this.#send('POST', '/api/v1/otlp/v1/metrics', {
      resourceMetrics: [
        {
          resource: { attributes: [{ key: 'service.name', value: text('shop') }] },
          scopeMetrics: [{ metrics: [{ name, sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints } }] }],
        },
      ],
    });
  }

  /** Waits until an instant query answers with something. */
  async waitSamples(expr) {
    const url = `${this.url}/api/v1/query?query=${encodeURIComponent(expr)}`;
    await eventually(async () => {
      const { data } = await (await fetch(url)).json();
      return data?.result?.length > 0;
    }, expr);
  }

  async #send(method, path, body) {
    const response = await fetch(this.url + path, {
      method,
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    const answer = await response.text();
    if (!response.ok) {
      throw new Error(`${method} ${path}: ${response.status} ${answer}`);
    }
    return answer === '' ? undefined : JSON.parse(answer);
  }
}
