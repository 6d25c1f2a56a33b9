import { dateTime, type TimeRange } from '@grafana/data';

/** The share of a time range that may be missing at its end before it looks as if the samples had stopped. */
const noticeable = 1 / 20;

/** Moves those ends of a time range that go with the clock by some milliseconds. A rounded end, such as `now/d`, stays. */
export function slide(range: TimeRange, by: number): TimeRange {
  if (by <= 0 || !goesWithClock(range.raw.to)) {
    return range;
  }
  return {
    ...range,
    from: goesWithClock(range.raw.from) ? dateTime(range.from.valueOf() + by) : range.from,
    to: dateTime(range.to.valueOf() + by),
  };
}

/** Whether samples that were asked some milliseconds ago end noticeably before their time range, which has been slid. */
export function isSlid(range: TimeRange, ago: number): boolean {
  return goesWithClock(range.raw.to) && ago > (range.to.valueOf() - range.from.valueOf()) * noticeable;
}

function goesWithClock(raw: TimeRange['raw']['to']): boolean {
  return typeof raw === 'string' && raw.startsWith('now') && !raw.includes('/');
}
