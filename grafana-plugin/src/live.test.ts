import {
  LiveChannelConnectionState,
  LiveChannelEventType,
  LiveChannelScope,
  type LiveChannelEvent,
} from '@grafana/data';
import type { GrafanaLiveSrv } from '@grafana/runtime';
import { defer, finalize, Subject, throwError, type Observable } from 'rxjs';

import { apart, changeSignals, gather } from './live';

beforeEach(() => jest.useFakeTimers());
afterEach(() => {
  jest.useRealTimers();
  setHidden(false);
});

const recorded: LiveChannelEvent = {
  type: LiveChannelEventType.Message,
  message: { data: { values: [[1], ['id']] } },
};

function status(state: LiveChannelConnectionState): LiveChannelEvent {
  return { type: LiveChannelEventType.Status, id: 'ds/uid/changes', timestamp: 0, state };
}

function setHidden(hidden: boolean) {
  Object.defineProperty(document, 'hidden', { configurable: true, value: hidden });
  document.dispatchEvent(new Event('visibilitychange'));
}

function channel(stream: () => Observable<LiveChannelEvent>) {
  const counts = { opened: 0, closed: 0 };
  const getStream = jest.fn(() =>
    defer(() => {
      counts.opened++;
      return stream().pipe(finalize(() => counts.closed++));
    })
  );
  const signals = changeSignals('uid', () => ({ getStream }) as unknown as GrafanaLiveSrv);
  return { signals, getStream, counts };
}

function open() {
  const events = new Subject<LiveChannelEvent>();
  const { signals, ...rest } = channel(() => events);
  const heard = jest.fn();
  const subscription = signals.subscribe(heard);
  return { events, signals, heard, subscription, ...rest };
}

test('the channel is the one of the data source', () => {
  const { getStream } = open();
  expect(getStream).toHaveBeenCalledWith({
    scope: LiveChannelScope.DataSource,
    stream: 'uid',
    namespace: 'uid',
    path: 'changes',
  });
});

test('changes that come together are one signal, and a steady flow of them is a steady flow of signals, a second apart', () => {
  const { events, heard } = open();
  events.next(recorded);
  events.next(recorded);
  expect(heard).not.toHaveBeenCalled();
  jest.advanceTimersByTime(gather);
  expect(heard).toHaveBeenCalledTimes(1);
  for (let i = 0; i < 100; i++) {
    events.next(recorded);
    jest.advanceTimersByTime(apart / 10);
  }
  expect(heard.mock.calls.length).toBeGreaterThanOrEqual(10);
  expect(heard.mock.calls.length).toBeLessThanOrEqual(11);
  jest.advanceTimersByTime(10 * apart);
  const last = heard.mock.calls.length;
  jest.advanceTimersByTime(10 * apart);
  expect(heard).toHaveBeenCalledTimes(last);
});

test('the schema, a first connection and people who come and go are no signals', () => {
  const { events, heard } = open();
  events.next(status(LiveChannelConnectionState.Connecting));
  events.next(status(LiveChannelConnectionState.Connected));
  events.next({ type: LiveChannelEventType.Message, message: { schema: {}, data: { values: [[], []] } } });
  events.next({ type: LiveChannelEventType.Message, message: undefined });
  events.next({ type: LiveChannelEventType.Join, user: {} });
  jest.advanceTimersByTime(10 * gather);
  expect(heard).not.toHaveBeenCalled();
});

test('a connection that comes back is a signal, as changes may have been missed', () => {
  const { events, heard } = open();
  events.next(status(LiveChannelConnectionState.Connected));
  events.next(status(LiveChannelConnectionState.Disconnected));
  events.next(status(LiveChannelConnectionState.Connecting));
  events.next(status(LiveChannelConnectionState.Connected));
  jest.advanceTimersByTime(gather);
  expect(heard).toHaveBeenCalledTimes(1);
});

test('all listeners share one subscription, which ends a while after the last has gone', () => {
  const { signals, counts, subscription, events, heard } = open();
  const other = jest.fn();
  const second = signals.subscribe(other);
  expect(counts.opened).toBe(1);
  subscription.unsubscribe();
  second.unsubscribe();
  // The next dashboard takes it over.
  const third = signals.subscribe(other);
  jest.advanceTimersByTime(60_000);
  expect(counts).toEqual({ opened: 1, closed: 0 });
  events.next(recorded);
  jest.advanceTimersByTime(gather);
  expect(other).toHaveBeenCalledTimes(1);
  expect(heard).not.toHaveBeenCalled();
  third.unsubscribe();
  jest.advanceTimersByTime(60_000);
  expect(counts).toEqual({ opened: 1, closed: 1 });
});

test('a page in the background hears of changes once, when it is looked at again', () => {
  const { events, heard } = open();
  setHidden(true);
  for (let i = 0; i < 5; i++) {
    events.next(recorded);
    jest.advanceTimersByTime(gather);
  }
  expect(heard).not.toHaveBeenCalled();
  setHidden(false);
  expect(heard).toHaveBeenCalledTimes(1);
});

test('a channel that fails is tried again ever more slowly, and not at all without listeners', () => {
  const { signals, counts } = channel(() => throwError(() => new Error('refused')));
  const subscription = signals.subscribe();
  jest.advanceTimersByTime(10 * 60_000);
  expect(counts.opened).toBeGreaterThan(5);
  expect(counts.opened).toBeLessThan(20);
  subscription.unsubscribe();
  jest.advanceTimersByTime(10_000);
  const before = counts.opened;
  jest.advanceTimersByTime(10 * 60_000);
  expect(counts.opened).toBe(before);
});

test('without Grafana Live there is silence', () => {
  const heard = jest.fn();
  changeSignals('uid', () => undefined).subscribe({ next: heard, complete: heard, error: heard });
  jest.advanceTimersByTime(60_000);
  expect(heard).not.toHaveBeenCalled();
});
