import { DrawnByAnnotations, grace, type Drawn } from './drawn';
import type { Filter } from './types';

const deploys: Filter = { kinds: ['deploy'] };
const flags: Filter = { kinds: ['flag'] };

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

function watched() {
  const drawn = new DrawnByAnnotations();
  const changes = jest.fn();
  drawn.changes('shop').subscribe(changes);
  return { drawn, changes, add: (one: Drawn) => drawn.add('shop', one) };
}

test('a dashboard knows what its own annotation queries draw', () => {
  const { drawn, changes, add } = watched();
  add({ name: 'Deploys', filter: deploys });
  drawn.add('other', { name: 'Flags', filter: flags });
  expect(drawn.on('shop', 1)).toEqual([deploys]);
  expect(drawn.on('other', 1)).toEqual([flags]);
  expect(drawn.on('third', 1)).toEqual([]);
  expect(changes).toHaveBeenCalledTimes(1);
});

test('an annotation that is switched off, removed or left is forgotten', () => {
  const { drawn, changes, add } = watched();
  const end = add({ name: 'Deploys', filter: deploys });
  end();
  end();
  expect(drawn.on('shop', 1)).toEqual([deploys]);
  jest.advanceTimersByTime(grace);
  expect(drawn.on('shop', 1)).toEqual([]);
  expect(changes).toHaveBeenCalledTimes(2);
});

test('a refresh ends and starts the same query, and is no news', () => {
  const { drawn, changes, add } = watched();
  const end = add({ name: 'Deploys', filter: deploys });
  end();
  jest.advanceTimersByTime(grace / 2);
  const endAgain = add({ name: 'Deploys', filter: deploys });
  jest.advanceTimersByTime(10 * grace);
  expect(drawn.on('shop', 1)).toEqual([deploys]);
  expect(changes).toHaveBeenCalledTimes(1);
  endAgain();
  jest.advanceTimersByTime(grace);
  expect(drawn.on('shop', 1)).toEqual([]);
});

test('the new query may start before the old one has ended', () => {
  const { drawn, add } = watched();
  const end = add({ name: 'Deploys', filter: deploys });
  add({ name: 'Deploys', filter: deploys });
  end();
  jest.advanceTimersByTime(10 * grace);
  expect(drawn.on('shop', 1)).toEqual([deploys]);
});

test('another selection under the same name replaces the one before at once', () => {
  const { drawn, changes, add } = watched();
  add({ name: 'Deploys', filter: { services: ['web'] } })();
  add({ name: 'Deploys', filter: { services: ['api'] } });
  expect(drawn.on('shop', 1)).toEqual([{ services: ['api'] }]);
  expect(changes).toHaveBeenCalledTimes(2);
  jest.advanceTimersByTime(10 * grace);
  expect(drawn.on('shop', 1)).toEqual([{ services: ['api'] }]);
  expect(changes).toHaveBeenCalledTimes(2);
});

test.each<[string, Drawn['panels'], number | undefined, boolean]>([
  ['no list', undefined, 3, true],
  ['listed', { ids: [3] }, 3, true],
  ['not listed', { ids: [4] }, 3, false],
  ['an empty list', { ids: [] }, 3, false],
  ['left out', { exclude: true, ids: [3] }, 3, false],
  ['another is left out', { exclude: true, ids: [4] }, 3, true],
  ['a panel without a number', { ids: [4] }, undefined, true],
])('panels: %s', (_name, panels, panelId, want) => {
  const { drawn, add } = watched();
  add({ name: 'Deploys', filter: deploys, panels });
  expect(drawn.on('shop', panelId)).toEqual(want ? [deploys] : []);
});
