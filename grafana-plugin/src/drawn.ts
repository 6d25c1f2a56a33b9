import { filter, map, Subject, type Observable } from 'rxjs';

import type { Filter } from './types';

/** What one annotation query of a dashboard draws. */
export interface Drawn {
  /** The annotation's name. */
  name: string;
  filter: Filter;
  /** The panels that it is, or with `exclude` is not, drawn on; absent is all. */
  panels?: { exclude?: boolean; ids?: number[] };
}

interface Entry {
  drawn: Drawn;
  /** How many running queries it has. */
  holders: number;
  /** Set while it has none, and may come back. */
  leaving?: ReturnType<typeof setTimeout>;
}

/**
 * For how long, in milliseconds, an annotation query that ended is still taken to draw. A dashboard that refreshes ends its queries
 * before it starts them again, and nothing should be asked twice for that.
 */
export const grace = 1000;

/**
 * Knows what the annotation queries of each open dashboard draw, so that the overlay of its panels leaves that out.
 * An annotation that is switched off or removed, or whose dashboard is left, ends its query, and is forgotten.
 */
export class DrawnByAnnotations {
  private readonly dashboards = new Map<string, Entry[]>();
  private readonly changed = new Subject<string>();

  /** Says that an annotation query runs; what is returned says that it ended. */
  add(dashboard: string, drawn: Drawn): () => void {
    const entries = this.dashboards.get(dashboard) ?? [];
    this.dashboards.set(dashboard, entries);
    const entry = this.take(entries, drawn);
    const news = !entry || key(entry.drawn) !== key(drawn);
    const held = entry ?? { drawn, holders: 0 };
    if (!entry) {
      entries.push(held);
    }
    clearTimeout(held.leaving);
    held.leaving = undefined;
    held.drawn = drawn;
    held.holders++;
    if (news) {
      this.changed.next(dashboard);
    }
    return once(() => this.release(dashboard, held));
  }

  /** What is drawn on a panel already. A panel that has no number is on every annotation's list. */
  on(dashboard: string, panelId: number | undefined): Filter[] {
    return (this.dashboards.get(dashboard) ?? [])
      .filter(({ drawn }) => isOn(drawn, panelId))
      .map(({ drawn }) => drawn.filter);
  }

  /** Emits each time that something else is drawn on a dashboard than before. */
  changes(dashboard: string): Observable<void> {
    return this.changed.pipe(
      filter((which) => which === dashboard),
      map(() => undefined)
    );
  }

  /** The entry that a starting query continues: the same one, or one of its name that has just ended. */
  private take(entries: Entry[], drawn: Drawn): Entry | undefined {
    return (
      entries.find((entry) => key(entry.drawn) === key(drawn)) ??
      entries.find((entry) => entry.leaving !== undefined && entry.drawn.name === drawn.name)
    );
  }

  private release(dashboard: string, entry: Entry): void {
    entry.holders--;
    if (entry.holders > 0) {
      return;
    }
    entry.leaving = setTimeout(() => {
      const entries = (this.dashboards.get(dashboard) ?? []).filter((other) => other !== entry);
      if (entries.length > 0) {
        this.dashboards.set(dashboard, entries);
      } else {
        this.dashboards.delete(dashboard);
      }
      this.changed.next(dashboard);
    }, grace);
  }
}

function isOn({ panels }: Drawn, panelId: number | undefined): boolean {
  if (!panels || !panelId) {
    return true;
  }
  const listed = panels.ids?.includes(panelId) ?? false;
  return panels.exclude ? !listed : listed;
}

function key({ name, filter: selection, panels }: Drawn): string {
  return JSON.stringify([name, selection, panels]);
}

function once(call: () => void): () => void {
  let done = false;
  return () => {
    if (!done) {
      done = true;
      call();
    }
  };
}
