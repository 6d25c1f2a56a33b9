import {
  isLiveChannelMessageEvent,
  isLiveChannelStatusEvent,
  LiveChannelConnectionState,
  LiveChannelScope,
  type LiveChannelEvent,
} from '@grafana/data';
import type { GrafanaLiveSrv } from '@grafana/runtime';
import {
  auditTime,
  defer,
  filter,
  fromEvent,
  map,
  NEVER,
  of,
  retry,
  share,
  switchMap,
  take,
  throttleTime,
  timer,
  type Observable,
} from 'rxjs';

/** How long, in milliseconds, changes that come together are gathered to one signal. */
export const gather = 250;

/** How far apart, in milliseconds, two signals are at least: what all open panels ask again for must not come faster than it is answered. */
export const apart = 1000;

/** For how long, in milliseconds, the channel stays subscribed after its last listener has gone. */
const linger = 5000;

/** A channel that fails is tried again after 1 s, 2 s, 4 s … and at last every minute, for as long as somebody listens. */
const patience = (attempt: number) => timer(Math.min(60_000, 500 * 2 ** attempt));

/** A data frame of a message; Grafana sends the schema only with the first. */
interface Message {
  data?: { values?: unknown[][] };
}

/**
 * Emits when changes were recorded, for the panels of all dashboards that show one data source: they share one subscription. A page
 * that nobody sees gets its signal when it is looked at again. A lost connection is Grafana Live's to mend; as changes may have
 * been missed meanwhile, its return is a signal too.
 */
export function changeSignals(uid: string, live: () => GrafanaLiveSrv | undefined): Observable<void> {
  return defer(() => live()?.getStream<Message>(address(uid)) ?? NEVER).pipe(
    retry({ delay: (_error, attempt) => patience(attempt), resetOnSuccess: true }),
    signals,
    auditTime(gather),
    throttleTime(apart, undefined, { leading: true, trailing: true }),
    switchMap(whenVisible),
    share({ resetOnRefCountZero: () => timer(linger) })
  );
}

function address(uid: string) {
  // Grafana before 12.1 knows the stream as the namespace.
  return { scope: LiveChannelScope.DataSource, stream: uid, namespace: uid, path: 'changes' };
}

function signals(events: Observable<LiveChannelEvent<Message>>): Observable<void> {
  return defer(() => {
    let lost = false;
    return events.pipe(
      filter((event) => {
        if (isLiveChannelMessageEvent(event)) {
          return event.message?.data?.values?.some((column) => column.length > 0) ?? false;
        }
        if (!isLiveChannelStatusEvent(event)) {
          return false;
        }
        const back = lost && event.state === LiveChannelConnectionState.Connected;
        lost = event.state === LiveChannelConnectionState.Disconnected || (lost && !back);
        return back;
      }),
      map(() => undefined)
    );
  });
}

function whenVisible(): Observable<void> {
  if (!document.hidden) {
    return of(undefined);
  }
  return fromEvent(document, 'visibilitychange').pipe(
    filter(() => !document.hidden),
    take(1),
    map(() => undefined)
  );
}
