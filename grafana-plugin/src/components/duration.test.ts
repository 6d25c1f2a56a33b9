import { isDuration } from './duration';

it.each([
  ['15s', true],
  ['1h30m', true],
  ['500ms', true],
  ['1d12h', true],
  ['', false],
  ['15', false],
  ['15 s', false],
  ['30m1h', false],
  ['soon', false],
  ['$step', false],
])('%s: %s', (text, want) => {
  expect(isDuration(text)).toBe(want);
});
