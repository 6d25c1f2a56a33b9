import {
  LoadingState,
  type DataFrame,
  type DataQueryRequest,
  type DataQueryResponse,
  type TimeRange,
} from '@grafana/data';
import { filter, map, merge, Observable, of, Subscription } from 'rxjs';

import { overlayRefId, overlayTarget, settle } from './overlay';
import { isSlid, slide } from './range';
import { asksChanges, takesMore } from './targets';
import type { Filter, TidemarkQuery } from './types';

type Request = DataQueryRequest<TidemarkQuery>;

/** What is asked anew: the overlay, everything that asks the change log, or the whole request. */
type Part = 'overlay' | 'changes' | 'whole';

const parts: Part[] = ['overlay', 'changes', 'whole'];

/** What the answer to a request is made from. */
export interface Sources {
  /** Asks the backend. */
  ask(request: Request): Observable<DataQueryResponse>;
  /** Emits when changes were recorded. */
  recorded: Observable<void>;
  /** The expressions that changes are drawn behind; none is no overlay. */
  exprs: string[];
  /** What annotation queries draw on this panel, now. */
  drawn(): Filter[];
  /** Emits when that may be something else. */
  redrawn: Observable<void>;
  now(): number;
}

/**
 * Answers a request, and, where the asker takes more than one answer, keeps the answer true until the asker lets go: what comes
 * from the change log is asked again when a change was recorded, and the overlay when an annotation query of the dashboard starts or ends.
 * The samples are asked again only when the time range has moved so far that their end would look like an outage.
 */
export function answer(request: Request, sources: Sources): Observable<DataQueryResponse> {
  return new Observable((out) => {
    const run = new Run(request, sources);
    const open = takesMore(request) && run.showsChanges;
    let wanted: Part | undefined;
    const asking = new Subscription();
    let busy = true;

    const ask = (part: Part) => {
      busy = true;
      asking.add(
        run.ask(part).subscribe({
          next: (response) => run.take(response, part) && out.next(run.shown()),
          error: (error) => out.error(error),
          complete: next,
        })
      );
    };
    const next = () => {
      busy = false;
      const part = later(wanted, run.isOutdated() ? 'overlay' : undefined);
      wanted = undefined;
      if (part) {
        ask(part === 'changes' ? run.move() : part);
      } else if (!open) {
        out.complete();
      }
    };
    const want = (part: Part) => {
      wanted = later(wanted, part);
      if (!busy) {
        next();
      }
    };

    if (open) {
      asking.add(
        merge(
          sources.recorded.pipe(map((): Part => 'changes')),
          sources.redrawn.pipe(
            filter(() => run.isOutdated()),
            map((): Part => 'overlay')
          )
        ).subscribe(want)
      );
    }
    ask('whole');
    return asking;
  });
}

/** One request on its way through several answers. */
class Run {
  readonly showsChanges: boolean;

  private readonly order: Map<string, number>;
  private data: DataQueryResponse = { data: [] };
  private answered = false;
  private range: TimeRange;
  private samplesAt: number;
  private movedAt: number;
  /** What the overlay that is asked for, or was answered, leaves out. */
  private except: Filter[] = [];

  constructor(
    private readonly request: Request,
    private readonly sources: Sources
  ) {
    this.showsChanges = sources.exprs.length > 0 || request.targets.some(asksChanges);
    this.order = new Map(request.targets.map(({ refId }, index) => [refId, index]));
    this.range = request.range;
    this.samplesAt = this.movedAt = request.startTime || sources.now();
  }

  ask(part: Part): Observable<DataQueryResponse> {
    this.except = this.sources.drawn();
    const targets = this.targets(part);
    if (targets.length === 0) {
      return of({ data: [] });
    }
    if (part === 'whole') {
      return this.sources.ask({ ...this.request, targets, range: this.range });
    }
    return this.sources.ask({
      ...this.request,
      targets,
      range: this.range,
      // Grafana cancels a request when another of the same name starts.
      requestId: `${this.request.requestId}-changes`,
      hideFromInspector: true,
    });
  }

  /** Takes an answer in. false: it has nothing to show, and what was there stays. */
  take(response: DataQueryResponse, part: Part): boolean {
    const errors = response.errors ?? (response.error ? [response.error] : []);
    if (!this.answered || (part === 'whole' && errors.length === 0)) {
      this.answered = true;
      this.data = response;
      return true;
    }
    if (errors.some((error) => !error.refId)) {
      return false;
    }
    const failed = new Set(errors.map((error) => error.refId));
    const asked = new Set(this.targets(part).map(({ refId }) => refId));
    const fresh = (refId: string | undefined) => refId !== undefined && asked.has(refId) && !failed.has(refId);
    const known = this.data.errors ?? (this.data.error ? [this.data.error] : []);
    const remaining = known.filter((error) => !fresh(error.refId));
    const frames = [
      ...(this.data.data as DataFrame[]).filter((frame) => !fresh(frame.refId)),
      ...(response.data as DataFrame[]).filter((frame) => fresh(frame.refId)),
    ];
    this.data = {
      ...this.data,
      data: frames.sort((a, b) => this.place(a) - this.place(b)),
      errors: remaining.length > 0 ? remaining : undefined,
      error: remaining[0],
      state: remaining.length > 0 ? LoadingState.Error : LoadingState.Done,
    };
    return true;
  }

  /** What the asker gets. An overlay that is about to be asked again is not shown: it may draw what an annotation draws. */
  shown(): DataQueryResponse {
    // Grafana takes the axis of time from the request when it takes the answer.
    this.request.range = this.range;
    const outdated = this.isOutdated();
    const data = outdated
      ? (this.data.data as DataFrame[]).filter((frame) => frame.refId !== overlayRefId)
      : this.data.data;
    const response = settle({ ...this.data, data });
    if (this.request.liveStreaming && response.state !== LoadingState.Error) {
      response.state = LoadingState.Streaming;
    }
    return response;
  }

  /** Whether annotation queries draw something else than the overlay has left out. */
  isOutdated(): boolean {
    return this.sources.exprs.length > 0 && JSON.stringify(this.sources.drawn()) !== JSON.stringify(this.except);
  }

  /** Moves the time range to now, so that what was just recorded lies in it, and says what has to be asked for it. */
  move(): Part {
    const now = this.sources.now();
    this.range = slide(this.range, now - this.movedAt);
    this.movedAt = now;
    if (!isSlid(this.range, now - this.samplesAt)) {
      return 'changes';
    }
    this.samplesAt = now;
    return 'whole';
  }

  private targets(part: Part): TidemarkQuery[] {
    const own = this.request.targets.filter(
      (target) => part === 'whole' || (part === 'changes' && asksChanges(target))
    );
    if (this.sources.exprs.length === 0) {
      return own;
    }
    return [...own, overlayTarget(this.sources.exprs, this.except, this.request.app)];
  }

  private place(frame: DataFrame): number {
    return this.order.get(frame.refId ?? '') ?? this.order.size;
  }
}

function later(a: Part | undefined, b: Part | undefined): Part | undefined {
  return parts.filter((part) => part === a || part === b).pop();
}
