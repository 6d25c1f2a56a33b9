import { dateTime, type TimeRange } from '@grafana/data';

import { isSlid, slide } from './range';

const minute = 60_000;

function range(from: string, to: string): TimeRange {
  return { from: dateTime(0), to: dateTime(100 * minute), raw: { from, to } };
}

test.each<[string, string, [number, number]]>([
  ['now-100m', 'now', [5, 105]],
  ['now-102m', 'now-2m', [5, 105]],
  ['now/d', 'now', [0, 105]],
  ['now/d', 'now/d', [0, 100]],
  ['2026-01-01T00:00:00Z', 'now', [0, 105]],
  ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z', [0, 100]],
])('%s to %s, five minutes later', (from, to, want) => {
  const slid = slide(range(from, to), 5 * minute);
  expect([slid.from.valueOf() / minute, slid.to.valueOf() / minute]).toEqual(want);
  expect(slid.raw).toEqual({ from, to });
});

test('a range of fixed times, as the time picker gives it, stays', () => {
  const fixed: TimeRange = { from: dateTime(0), to: dateTime(9), raw: { from: dateTime(0), to: dateTime(9) } };
  expect(slide(fixed, minute)).toBe(fixed);
  expect(isSlid(fixed, 1000 * minute)).toBe(false);
});

test('a twentieth of the range is what may be missing', () => {
  expect(isSlid(range('now-100m', 'now'), 4 * minute)).toBe(false);
  expect(isSlid(range('now-100m', 'now'), 6 * minute)).toBe(true);
});
