import { textUtil, type DataFrame } from '@grafana/data';
import type { UPlotConfigBuilder } from '@grafana/ui';
import React, { useLayoutEffect, useState } from 'react';
import { createPortal } from 'react-dom';

/** The part of uPlot that places a marker. */
interface Plot {
  over: HTMLElement;
  valToPos(value: number, scale: string): number;
}

/** One row of an annotation frame. */
interface Marker {
  time: number;
  timeEnd: number;
  title: string;
  text: string;
  tags: string[];
  isRegion: boolean;
  color: string;
}

/** The rows of the frames, with the values of each field under its name. */
export function markersOf(frames: DataFrame[]): Marker[] {
  return frames.flatMap((frame) =>
    Array.from(
      { length: frame.length },
      (_, row) => Object.fromEntries(frame.fields.map((field) => [field.name, field.values[row]])) as unknown as Marker
    )
  );
}

/**
 * Draws an annotation frame on a graph: a line, or a band for what has a span. Grafana's own drawing of them is part of its
 * application and in no package; this shows what the frame says, for the eye and for the tests.
 */
export function ChangeMarkers({ config, frames }: { config: UPlotConfigBuilder; frames: DataFrame[] }) {
  const [plot, setPlot] = useState<Plot>();
  const [, redraw] = useState(0);
  useLayoutEffect(() => {
    config.addHook('ready', (u) => setPlot(u as unknown as Plot));
    config.addHook('draw', () => queueMicrotask(() => redraw((n) => n + 1)));
  }, [config]);
  if (!plot) {
    return null;
  }
  const markers = markersOf(frames).map((marker, i) => {
    const left = plot.valToPos(marker.time, 'x');
    const width = marker.isRegion ? Math.max(2, plot.valToPos(marker.timeEnd, 'x') - left) : 0;
    return (
      <div
        key={i}
        data-testid="change"
        data-title={marker.title}
        data-time={marker.time}
        data-color={marker.color}
        data-tags={marker.tags?.join(' ')}
        style={{ position: 'absolute', top: 0, bottom: 0, left, width, pointerEvents: 'none' }}
      >
        <div style={{ position: 'absolute', inset: 0, background: marker.color, opacity: 0.15 }} />
        <div style={{ position: 'absolute', top: 0, bottom: 0, left: 0, borderLeft: `2px dashed ${marker.color}` }} />
        <div data-testid="change-text" style={{ display: 'none' }}>
          {marker.title}
          <div dangerouslySetInnerHTML={{ __html: textUtil.sanitize(marker.text ?? '') }} />
        </div>
      </div>
    );
  });
  return createPortal(<>{markers}</>, plot.over);
}
