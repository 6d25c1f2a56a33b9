import type { AnnotationQuery } from '@grafana/data';
import { render, screen } from '@testing-library/react';
import React, { useState } from 'react';

import type { TidemarkQuery } from '../types';
import { AnnotationEditor, type Props } from './AnnotationEditor';
import { person, prepareBrowser } from './testing/browser';

jest.mock('@grafana/runtime', () => ({
  getTemplateSrv: () => ({ getVariables: () => [] }),
}));

beforeAll(prepareBrowser);

function setUp(query: Partial<TidemarkQuery>, annotation?: Partial<AnnotationQuery<TidemarkQuery>>) {
  const onChange = jest.fn();
  const onAnnotationChange = jest.fn();
  function Parent() {
    const [current, setCurrent] = useState({ refId: 'Anno', ...query });
    const props = {
      query: current,
      datasource: { getResource: () => Promise.resolve({ values: ['deploy'] }) },
      onChange: (next: TidemarkQuery) => {
        onChange(next);
        setCurrent(next);
      },
      onRunQuery: () => undefined,
      annotation,
      onAnnotationChange,
    };
    return <AnnotationEditor {...(props as unknown as Props)} />;
  }
  render(<Parent />);
  return { last: (): TidemarkQuery => onChange.mock.calls[onChange.mock.calls.length - 1]?.[0], onAnnotationChange };
}

it('selects changes to draw', async () => {
  const { last } = setUp({});
  await person.click(screen.getByLabelText('Kinds'));
  await person.click(await screen.findByText('deploy', { selector: '[role=option] *' }));
  expect(last()).toEqual({ refId: 'Anno', queryType: 'changes', as: 'annotations', filter: { kinds: ['deploy'] } });
});

it('keeps what one for Prometheus says', async () => {
  const { onAnnotationChange } = setUp({ expr: 'ALERTS' }, { name: 'Alerts', titleFormat: '{{alertname}}' });
  expect(screen.queryByLabelText('Kinds')).not.toBeInTheDocument();
  await person.type(screen.getByLabelText('Tags'), 'job{Enter}');
  expect(onAnnotationChange).toHaveBeenCalledWith({ name: 'Alerts', titleFormat: '{{alertname}}', tagKeys: 'job' });
});
