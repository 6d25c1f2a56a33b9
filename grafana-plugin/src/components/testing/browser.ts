import { configure } from '@testing-library/react';
import userEvent from '@testing-library/user-event';

/** A person who does not look at what covers what: jsdom lays nothing out, and asking it takes most of a test's time. */
export const person = userEvent.setup({ pointerEventsCheck: 0, delay: null });

/** Makes jsdom enough of a browser for Grafana's components and for CodeMirror. */
export function prepareBrowser(): void {
  // jsdom goes through every style sheet to tell one element's style, and no test here depends on any.
  globalThis.getComputedStyle = (element) => (element as HTMLElement).style;
  configure({ defaultHidden: true, getElementError: (message) => new Error(message ?? 'no such element') });
  giveElementsASize();
  Object.assign(globalThis, { IntersectionObserver: IdleObserver, ResizeObserver: IdleObserver });
  HTMLCanvasElement.prototype.getContext = (() => ({
    measureText: (text: string) => ({ width: 8 * text.length }),
  })) as never;
}

/** Observes elements whose size and place never change. */
class IdleObserver {
  observe = () => undefined;
  unobserve = () => undefined;
  disconnect = () => undefined;
}

const width = 800;
const height = 400;

/** Lists that draw only the rows in sight, as Grafana's do, would draw none where nothing has a size. */
function giveElementsASize(): void {
  const size = { x: 0, y: 0, top: 0, left: 0, right: width, bottom: height, width, height };
  const box = () => ({ ...size, toJSON: () => size });
  Element.prototype.getBoundingClientRect = box;
  Range.prototype.getBoundingClientRect = box;
  Range.prototype.getClientRects = () => [] as never;
  for (const kind of ['client', 'offset']) {
    Object.defineProperty(HTMLElement.prototype, `${kind}Width`, { configurable: true, get: () => width });
    Object.defineProperty(HTMLElement.prototype, `${kind}Height`, { configurable: true, get: () => height });
  }
}
