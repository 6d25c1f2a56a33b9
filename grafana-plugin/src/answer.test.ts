import {
  CoreApp,
  FieldType,
  LoadingState,
  type DataFrame,
  type DataQueryRequest,
  type DataQueryResponse,
} from '@grafana/data';
import { finalize, Subject, type Observable } from 'rxjs';

import { answer } from './answer';
import { overlayRefId } from './overlay';
import { panelRequest, start } from './test/requests';
import type { Filter, TidemarkQuery } from './types';

const deploys: Filter = { kinds: ['deploy'] };

function frame(refId: string, value: number): DataFrame {
  return { refId, length: 1, fields: [{ name: 'v', type: FieldType.number, config: {}, values: [value] }] };
}

interface Asked {
  request: DataQueryRequest<TidemarkQuery>;
  /** Answers every target with a frame that holds the number, unless a response is given. */
  reply(value: number, response?: DataQueryResponse): void;
  cancelled: boolean;
}

/** A panel that asks, the backend that is asked, and what goes on around them. */
function panel(part: Partial<DataQueryRequest<TidemarkQuery>> = {}, exprs = ['up']) {
  const asked: Asked[] = [];
  const recorded = new Subject<void>();
  const redrawn = new Subject<void>();
  const world = { drawn: [] as Filter[], now: start };
  const request = panelRequest(part);
  const got: DataQueryResponse[] = [];
  let completed = false;
  const ask = (request: DataQueryRequest<TidemarkQuery>): Observable<DataQueryResponse> => {
    const responses = new Subject<DataQueryResponse>();
    let answered = false;
    const one: Asked = {
      request,
      cancelled: false,
      reply(value, response) {
        answered = true;
        const data = request.targets.map(({ refId }) => frame(refId, value));
        responses.next(response ?? { data, state: LoadingState.Done });
        responses.complete();
      },
    };
    asked.push(one);
    return responses.pipe(finalize(() => (one.cancelled = !answered)));
  };
  const subscription = answer(request, {
    ask,
    recorded,
    exprs,
    drawn: () => world.drawn,
    redrawn,
    now: () => world.now,
  }).subscribe({ next: (response) => got.push(response), complete: () => (completed = true) });
  return {
    asked,
    recorded,
    world,
    request,
    subscription,
    isCompleted: () => completed,
    redraw(drawn: Filter[]) {
      world.drawn = drawn;
      redrawn.next();
    },
    /** What the panel shows: `A1` is target A's frame with the value 1. */
    shows: () => got.map(({ data }) => data.map((one) => `${one.refId}${one.fields[0].values[0]}`).join(' ')),
    got,
  };
}

function refIds({ request }: Asked): string[] {
  return request.targets.map(({ refId }) => refId);
}

const minute = 60_000;

describe('the first answer', () => {
  test('has the overlay in the same request', () => {
    const { asked, shows } = panel();
    asked[0].reply(1);
    expect(asked).toHaveLength(1);
    expect(refIds(asked[0])).toEqual(['A', overlayRefId]);
    expect(asked[0].request.requestId).toBe('SQR101');
    expect(shows()).toEqual([`A1 ${overlayRefId}1`]);
  });

  test('comes from one request, and ends, where nothing is drawn', () => {
    const { asked, isCompleted, shows } = panel({}, []);
    asked[0].reply(1);
    expect(refIds(asked[0])).toEqual(['A']);
    expect(shows()).toEqual(['A1']);
    expect(isCompleted()).toBe(true);
  });

  test('of no targets is empty, and asks nobody', () => {
    const { asked, got, isCompleted } = panel({ targets: [] }, []);
    expect(asked).toEqual([]);
    expect(got).toMatchObject([{ data: [] }]);
    expect(isCompleted()).toBe(true);
  });

  test('leaves out what annotation queries draw already', () => {
    const later = panel();
    later.redraw([deploys]);
    later.asked[0].reply(1);
    expect(later.asked[0].request.targets[1].except).toBeUndefined();
    // What might be drawn twice is not shown, and asked again at once.
    expect(later.shows()).toEqual(['A1']);
    expect(refIds(later.asked[1])).toEqual([overlayRefId]);
    expect(later.asked[1].request.targets[0].except).toEqual([deploys]);
    later.asked[1].reply(2);
    expect(later.shows()).toEqual(['A1', `A1 ${overlayRefId}2`]);
  });
});

describe('who takes one answer gets one', () => {
  test.each<[string, Partial<DataQueryRequest<TidemarkQuery>>]>([
    ['the mixed data source', { requestId: 'mixed-0-SQR101' }],
    ['Explore', { app: CoreApp.Explore }],
    ['a caller that is no scene', { scopedVars: {} }],
    [
      'a panel that compares two times',
      {
        scopedVars: {
          __sceneObject: {
            text: '',
            value: { valueOf: () => ({ getClosestExtraQueryProviders: () => [{ getExtraQueries: () => [{}] }] }) },
          },
        },
      },
    ],
  ])('%s', (_name, part) => {
    const { asked, recorded, isCompleted, redraw } = panel(part);
    redraw([deploys]);
    asked[0].reply(1);
    // An annotation query that started meanwhile still counts.
    asked[1].reply(2);
    expect(isCompleted()).toBe(true);
    recorded.next();
    redraw([]);
    expect(asked).toHaveLength(2);
  });
});

describe('a panel that stays open', () => {
  test('asks what comes from the change log when a change was recorded, and keeps the samples', () => {
    const { asked, recorded, shows, isCompleted, got } = panel({
      targets: [
        { refId: 'A', expr: 'up' },
        { refId: 'B', queryType: 'changes' },
        { refId: 'C', expr: 'down' },
      ],
    });
    asked[0].reply(1);
    recorded.next();
    expect(refIds(asked[1])).toEqual(['B', overlayRefId]);
    expect(asked[1].request.requestId).toBe('SQR101-changes');
    expect(asked[1].request.hideFromInspector).toBe(true);
    asked[1].reply(2);
    expect(shows()).toEqual([`A1 B1 C1 ${overlayRefId}1`, `A1 B2 C1 ${overlayRefId}2`]);
    expect(got[1].state).toBe(LoadingState.Done);
    expect(isCompleted()).toBe(false);
  });

  test('asks once for all that was recorded while it was asking', () => {
    const { asked, recorded } = panel();
    recorded.next();
    recorded.next();
    asked[0].reply(1);
    expect(asked).toHaveLength(2);
    recorded.next();
    recorded.next();
    asked[1].reply(2);
    expect(asked).toHaveLength(3);
    asked[2].reply(3);
    expect(asked).toHaveLength(3);
  });

  test('asks the overlay when an annotation query starts, and when it has ended', () => {
    const { asked, redraw, shows } = panel();
    asked[0].reply(1);
    redraw([deploys]);
    expect(refIds(asked[1])).toEqual([overlayRefId]);
    asked[1].reply(2);
    redraw([deploys]);
    expect(asked).toHaveLength(2);
    redraw([]);
    expect(asked[2].request.targets[0].except).toBeUndefined();
    asked[2].reply(3);
    expect(shows()).toEqual([`A1 ${overlayRefId}1`, `A1 ${overlayRefId}2`, `A1 ${overlayRefId}3`]);
  });

  test('moves its time range, so that a change of just now lies in it', () => {
    const { asked, recorded, world, request } = panel();
    asked[0].reply(1);
    world.now += 2 * minute;
    recorded.next();
    const { range } = asked[1].request;
    expect([range.from.valueOf(), range.to.valueOf()]).toEqual([start - 58 * minute, start + 2 * minute]);
    asked[1].reply(2);
    expect(request.range).toBe(range);
  });

  test('asks for samples again when the range has moved far', () => {
    const { asked, recorded, world } = panel();
    asked[0].reply(1);
    world.now += 4 * minute;
    recorded.next();
    expect(refIds(asked[1])).toEqual(['A', overlayRefId]);
    asked[1].reply(2);
    world.now += 2 * minute;
    recorded.next();
    expect(refIds(asked[2])).toEqual([overlayRefId]);
    expect(asked[2].request.range.to.valueOf()).toBe(start + 6 * minute);
  });

  test('keeps what it shows when asking again fails', () => {
    const { asked, recorded, shows, got } = panel();
    asked[0].reply(1);
    recorded.next();
    asked[1].reply(0, { data: [], error: { message: 'Bad Gateway' }, state: LoadingState.Error });
    expect(got).toHaveLength(1);
    recorded.next();
    const error = { refId: overlayRefId, message: 'gone' };
    asked[2].reply(0, { data: [], errors: [error], error, state: LoadingState.Error });
    recorded.next();
    asked[3].reply(4);
    expect(shows()).toEqual([`A1 ${overlayRefId}1`, `A1 ${overlayRefId}1`, `A1 ${overlayRefId}4`]);
    expect(got.every(({ error }) => error === undefined)).toBe(true);
  });

  test('keeps its samples, too, when asking for them again fails', () => {
    const { asked, recorded, world, shows, got } = panel();
    asked[0].reply(1);
    world.now += 4 * minute;
    recorded.next();
    expect(refIds(asked[1])).toEqual(['A', overlayRefId]);
    const errors = ['A', overlayRefId].map((refId) => ({ refId, message: 'unreachable' }));
    asked[1].reply(0, { data: [], errors, error: errors[0], state: LoadingState.Error });
    expect(shows().at(-1)).toBe(`A1 ${overlayRefId}1`);
    expect(got.at(-1)?.error).toBeUndefined();
  });

  test('an answer takes the place of an error', () => {
    const { asked, recorded, got } = panel({ targets: [{ refId: 'B', queryType: 'last' }] }, []);
    const error = { refId: 'B', message: 'gone' };
    asked[0].reply(0, { data: [], errors: [error], error, state: LoadingState.Error });
    expect(got[0].error).toBe(error);
    recorded.next();
    asked[1].reply(1);
    expect(got[1]).toMatchObject({ error: undefined, errors: undefined, state: LoadingState.Done });
  });

  test('lets go of everything when it is let go', () => {
    const { asked, recorded, redraw, subscription, got } = panel();
    asked[0].reply(1);
    recorded.next();
    subscription.unsubscribe();
    expect(asked[1].cancelled).toBe(true);
    expect(recorded.observed).toBe(false);
    redraw([deploys]);
    expect(asked).toHaveLength(2);
    expect(got).toHaveLength(1);
  });
});

test('the live mode of Explore streams', () => {
  const { asked, recorded, got } = panel({ app: CoreApp.Explore, liveStreaming: true });
  asked[0].reply(1);
  recorded.next();
  asked[1].reply(2);
  expect(got.map(({ state }) => state)).toEqual([LoadingState.Streaming, LoadingState.Streaming]);
});
