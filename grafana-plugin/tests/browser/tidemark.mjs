// Records changes in the Tidemark of a test, and waits for its samples.
import { eventually } from './harness.mjs';

const attributes = (labels) =>
  Object.entries(labels)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ({ key, value: { stringValue: value } }));

const nanoseconds = (ms) => ms && `${Math.round(ms)}000000`;

/** What all points have in OTLP. */
const when = ({ attributes: labels, start, time }) => ({
  attributes: attributes(labels),
  startTimeUnixNano: nanoseconds(start),
  timeUnixNano: nanoseconds(time),
});

const total = (counts) => counts.reduce((sum, count) => sum + count, 0);
const number = ({ value }) => ({ asDouble: value });

/** What a point of each kind has besides. */
const values = {
  counter: number,
  gauge: number,
  histogram: ({ counts, bounds, sum, exemplars = [] }) => ({
    count: total(counts),
    sum,
    bucketCounts: counts,
    explicitBounds: bounds,
    exemplars: exemplars.map(({ time, value, traceId }) => ({
      timeUnixNano: nanoseconds(time),
      asDouble: value,
      traceId,
      spanId: traceId.slice(0, 16),
    })),
  }),
  native: ({ counts, scale, offset, sum }) => ({
    count: total(counts),
    sum,
    scale,
    positive: { offset, bucketCounts: counts },
  }),
};

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

  /** Sends several changes. */
  async recordAll(changes) {
    return this.#send('POST', '/api/v1/changes', { changes });
  }

  /** Pushes points of a counter as OTLP: `{attributes, start, time, value}` each, times in milliseconds. */
  async push(name, points) {
    await this.pushMetrics({ job: 'shop' }, [{ name, kind: 'counter', points }]);
  }

  /**
   * Pushes metrics as OTLP: `{name, unit, kind, points}` each, of which kind is counter, gauge, histogram, or native histogram. A
   * histogram's points have `counts` and `bounds`, or `counts` from the bucket `offset` on, and the `sum` of all; and `exemplars`,
   * `{time, value, traceId}` each.
   */
  async pushMetrics({ job, instance }, metrics) {
    const written = {
      counter: (dataPoints) => ({ sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints } }),
      gauge: (dataPoints) => ({ gauge: { dataPoints } }),
      histogram: (dataPoints) => ({ histogram: { aggregationTemporality: 2, dataPoints } }),
      native: (dataPoints) => ({ exponentialHistogram: { aggregationTemporality: 2, dataPoints } }),
    };
    await this.#send('POST', '/api/v1/otlp/v1/metrics', {
      resourceMetrics: [
        {
          resource: { attributes: attributes({ 'service.name': job, 'service.instance.id': instance }) },
          scopeMetrics: [
            {
              metrics: metrics.map(({ name, unit, kind, points }) => ({
                name,
                unit,
                ...written[kind](points.map((point) => ({ ...when(point), ...values[kind](point) }))),
              })),
            },
          ],
        },
      ],
    });
  }

  /** What an instant query answers with. */
  async query(expr) {
    const url = `${this.url}/api/v1/query?query=${encodeURIComponent(expr)}`;
    return (await (await fetch(url)).json()).data?.result;
  }

  /** Waits until an instant query answers with something. */
  async waitSamples(expr) {
    await eventually(async () => (await this.query(expr))?.length > 0, expr);
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
