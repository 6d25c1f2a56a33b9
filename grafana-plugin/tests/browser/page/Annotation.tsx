import type { AnnotationEvent, AnnotationQuery, DataSourceApi } from '@grafana/data';
import { toDataFrame } from '@grafana/data';
import { Button } from '@grafana/ui';
import React, { useState } from 'react';
import { from, isObservable, lastValueFrom } from 'rxjs';

import { markersOf } from './ChangeMarkers';
import { lastMinutes, singleRequest } from './request';

/** The settings of a dashboard's annotation query, and the events that it finds. */
export function Annotation({ source }: { source: DataSourceApi<any, any> }) {
  const support = source.annotations!;
  const [annotation, setAnnotation] = useState<AnnotationQuery<any>>(() => {
    const made: AnnotationQuery<any> = {
      name: 'New annotation',
      enable: true,
      iconColor: 'red',
      datasource: source.getRef(),
    };
    return support.prepareAnnotation?.(made) ?? made;
  });
  const [events, setEvents] = useState<AnnotationEvent[]>();
  const [failure, setFailure] = useState<string>();

  const run = async () => {
    const query = support.prepareQuery?.(annotation) ?? annotation.target;
    const request = singleRequest([{ refId: 'Anno', ...query }], lastMinutes(60), 1000);
    request.scopedVars.__annotation = { text: annotation.name, value: annotation };
    const answer = source.query(request);
    const response = (await lastValueFrom(isObservable(answer) ? (answer as any) : from(answer as any))) as any;
    setFailure(response.errors?.[0]?.message);
    const frames = response.data.map((frame: object) => toDataFrame(frame));
    const found = support.processEvents
      ? await lastValueFrom(support.processEvents(annotation, frames))
      : (markersOf(frames) as AnnotationEvent[]);
    setEvents(found ?? []);
  };

  const Editor = (support.QueryEditor ?? source.components!.QueryEditor!) as React.ComponentType<any>;
  return (
    <>
      <Editor
        datasource={source}
        query={{ refId: 'Anno', ...annotation.target }}
        annotation={annotation}
        onChange={(target: object) => setAnnotation({ ...annotation, target })}
        onAnnotationChange={setAnnotation}
        onRunQuery={() => {}}
        range={lastMinutes(60)}
      />
      <Button onClick={() => void run()}>Test annotation query</Button>
      {failure && <p data-testid="failure">{failure}</p>}
      <ol data-testid="events" data-count={events?.length}>
        {events?.map((event, i) => (
          <li key={i} data-color={event.color}>
            {event.title} <small>{event.tags?.join(', ')}</small>
          </li>
        ))}
      </ol>
    </>
  );
}
