import {
  LiveChannelConnectionState,
  LiveChannelEventType,
  dataFrameFromJSON,
  type DataFrameJSON,
  type DataQueryResponse,
  type LiveChannelAddress,
  type LiveChannelEvent,
} from '@grafana/data';
import type { GrafanaLiveSrv } from '@grafana/runtime';
import { Observable, filter, map, of } from 'rxjs';

/** Follows a channel of the data source by server-sent events; Grafana's websocket client is in no package. */
function channelEvents(address: LiveChannelAddress): Observable<LiveChannelEvent<DataFrameJSON>> {
  return new Observable((observer) => {
    const stream = address.stream ?? address.namespace;
    const id = `${address.scope}/${stream}/${address.path}`;
    const status = (state: LiveChannelConnectionState, message?: unknown) =>
      observer.next({ type: LiveChannelEventType.Status, id, timestamp: Date.now(), state, message });
    status(LiveChannelConnectionState.Pending);
    const source = new EventSource(`/api/live/${id}`);
    let first = true;
    source.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (first) {
        // What a channel begins with comes with the word that it is connected.
        first = false;
        status(LiveChannelConnectionState.Connected, message);
      } else {
        observer.next({ type: LiveChannelEventType.Message, message });
      }
    };
    source.onerror = () => status(LiveChannelConnectionState.Disconnected);
    return () => source.close();
  });
}

/** Stands in for the client of Grafana Live. */
export const liveSrv: GrafanaLiveSrv = {
  getConnectionState: () => of(true),
  getStream: <T>(address: LiveChannelAddress) => channelEvents(address) as Observable<LiveChannelEvent<T>>,
  getDataStream: ({ addr }) => {
    let schema: DataFrameJSON['schema'];
    return channelEvents(addr).pipe(
      map((event) =>
        event.type === LiveChannelEventType.Message || event.type === LiveChannelEventType.Status
          ? event.message
          : undefined
      ),
      filter((message): message is DataFrameJSON => message !== undefined),
      map((message): DataQueryResponse => {
        schema = message.schema ?? schema;
        return { data: [dataFrameFromJSON({ ...message, schema })] };
      })
    );
  },
  getPresence: () => Promise.resolve({ users: [] }),
  publish: () => Promise.reject(new Error('nothing may be published here')),
};
