import { CustomVariableSupport, type DataSourceApi, type MetricFindValue } from '@grafana/data';
import { Alert, Button } from '@grafana/ui';
import React, { useState } from 'react';
import { from, isObservable, lastValueFrom } from 'rxjs';

import { lastMinutes, singleRequest } from './request';

/** The editor of a dashboard variable, and the values that it finds. */
export function Variable({ source, query: first }: { source: DataSourceApi<any, any>; query: any }) {
  const [query, setQuery] = useState<any>(first);
  const [values, setValues] = useState<string[]>();
  const [failure, setFailure] = useState<string>();
  const support = source.variables;
  if (!(support instanceof CustomVariableSupport)) {
    throw new Error('the data source has no editor for variables of its own');
  }

  const run = async () => {
    const answer = support.query(singleRequest([query], lastMinutes(15), 100));
    const response = await lastValueFrom(isObservable(answer) ? answer : from(answer));
    setFailure(response.error?.message ?? response.errors?.[0]?.message);
    setValues((response.data as MetricFindValue[]).map((value) => String(value.text)));
  };

  const Editor = support.editor as React.ComponentType<any>;
  return (
    <>
      <Editor
        datasource={source}
        query={query}
        onChange={(changed: object) => setQuery(changed)}
        onRunQuery={() => {}}
        range={lastMinutes(15)}
      />
      <Button onClick={() => void run()}>Preview of values</Button>
      {failure && <Alert title={failure} />}
      <ul data-testid="values" data-count={values?.length}>
        {values?.map((value) => (
          <li key={value}>{value}</li>
        ))}
      </ul>
    </>
  );
}
