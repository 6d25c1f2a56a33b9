import { fireEvent, render, screen, within } from '@testing-library/react';
import React, { useState } from 'react';

import type { Settings } from './config/settings';
import { ConfigEditor } from './ConfigEditor';
import { person, prepareBrowser } from './testing/browser';

beforeAll(prepareBrowser);

function setUp(part: Partial<Settings> = {}) {
  const initial = {
    name: 'Tidemark',
    url: '',
    basicAuth: false,
    basicAuthUser: '',
    jsonData: {},
    secureJsonFields: {},
    readOnly: false,
    ...part,
  } as Settings;
  let current = initial;
  function Parent() {
    const [options, setOptions] = useState(initial);
    return (
      <ConfigEditor
        options={options}
        onOptionsChange={(next) => {
          current = next;
          setOptions(next);
        }}
      />
    );
  }
  const { container } = render(<Parent />);
  return { now: () => current, container };
}

const put = (label: string, text: string) =>
  fireEvent.change(screen.getByLabelText(label), { target: { value: text } });

describe('what is written where', () => {
  it.each([
    ['URL', 'http://tidemark:9797', { url: 'http://tidemark:9797' }],
    ['Public URL', 'https://t.example.com', { jsonData: { publicUrl: 'https://t.example.com' } }],
    ['Token', 'tdm_secret', { secureJsonData: { token: 'tdm_secret' } }],
    ['Server name', 'tidemark', { jsonData: { serverName: 'tidemark' } }],
    ['Scrape interval', '30s', { jsonData: { timeInterval: '30s' } }],
    ['Query timeout', '2m', { jsonData: { queryTimeout: '2m' } }],
    ['Samples per result', '500000', { jsonData: { maxPoints: 500000 } }],
  ])('%s', (label, text, want) => {
    const { now } = setUp();
    put(label, text);
    expect(now()).toMatchObject(want);
  });

  it.each([
    ['Forward OAuth identity', { oauthPassThru: true }],
    ['Own certificate authority', { tlsAuthWithCACert: true }],
    ['Client certificate', { tlsAuth: true }],
    ['Skip verification', { tlsSkipVerify: true }],
    ['Draw on every graph', { overlay: { enabled: false } }],
    ["Follow the graph's labels", { overlay: { follow: false } }],
  ])('%s, and back to the default', async (label, want) => {
    const { now } = setUp();
    await person.click(screen.getByLabelText(label));
    expect(now().jsonData).toEqual(want);
    await person.click(screen.getByLabelText(label));
    expect(now().jsonData).toEqual({});
  });

  it.each([
    ['Kinds', { overlay: { kinds: ['web'] } }],
    ['Services', { overlay: { services: ['web'] } }],
    ['Environments', { overlay: { environments: ['web'] } }],
    ['Service labels', { serviceLabels: ['web'] }],
    ['Environment labels', { environmentLabels: ['web'] }],
  ])('%s', async (label, want) => {
    const { now } = setUp();
    await person.type(screen.getByLabelText(label), 'web');
    await person.click(await screen.findByText('web', { selector: '[role=option] *' }));
    expect(now().jsonData).toEqual(want);
  });

  it('keeps settings that it does not show', () => {
    const { now } = setUp({ jsonData: { keepCookies: ['a'], overlay: { kinds: ['deploy'] } } });
    put('Scrape interval', '30s');
    put('Scrape interval', '');
    expect(now().jsonData).toEqual({ keepCookies: ['a'], overlay: { kinds: ['deploy'] } });
  });

  it('has no number where the field is emptied', () => {
    const { now } = setUp({ jsonData: { maxPoints: 10 } });
    put('Samples per result', '');
    expect(now().jsonData).toEqual({});
  });
});

describe('what is wrong', () => {
  it.each([
    ['URL', 'tidemark:9797', /An address such as/],
    ['Query timeout', 'soon', /A duration such as/],
  ])('%s: %s', (label, text, problem) => {
    setUp();
    put(label, text);
    expect(screen.getByText(problem)).toBeInTheDocument();
  });
});

describe('secrets', () => {
  it('are not shown once they are stored', () => {
    const { container } = setUp({
      basicAuth: true,
      jsonData: { tlsAuth: true, tlsAuthWithCACert: true, httpHeaderName1: 'X-Scope' },
      secureJsonFields: {
        token: true,
        basicAuthPassword: true,
        tlsCACert: true,
        tlsClientCert: true,
        tlsClientKey: true,
        httpHeaderValue1: true,
      },
    });
    for (const label of ['Token', 'Password', 'CA certificate', 'Certificate', 'Key', 'Value']) {
      expect(screen.getByLabelText(label)).toBeDisabled();
      expect(screen.getByLabelText(label)).toHaveValue('configured');
    }
    expect(container.querySelectorAll('button[type=button]').length).toBeGreaterThanOrEqual(6);
  });

  it('can be replaced', async () => {
    const { now } = setUp({ secureJsonFields: { token: true, tlsCACert: true } });
    await person.click(screen.getByText('Reset'));
    expect(now().secureJsonFields).toEqual({ token: false, tlsCACert: true });
    expect(screen.getByLabelText('Token')).toHaveValue('');
    put('Token', 'next');
    expect(now().secureJsonData).toEqual({ token: 'next' });
  });

  it('are hidden while they are typed', () => {
    setUp({ basicAuth: true });
    expect(screen.getByLabelText('Token')).toHaveAttribute('type', 'password');
    expect(screen.getByLabelText('Password')).toHaveAttribute('type', 'password');
  });
});

describe('basic authentication', () => {
  it('has a user and a password', async () => {
    const { now } = setUp();
    expect(screen.queryByLabelText('User')).not.toBeInTheDocument();
    await person.click(screen.getByLabelText('Basic authentication'));
    put('User', 'ann');
    put('Password', 'secret');
    expect(now()).toMatchObject({
      basicAuth: true,
      basicAuthUser: 'ann',
      secureJsonData: { basicAuthPassword: 'secret' },
    });
  });

  it('forgets the password when it is turned off', async () => {
    const { now } = setUp({ basicAuth: true, secureJsonFields: { basicAuthPassword: true } });
    await person.click(screen.getByLabelText('Basic authentication'));
    expect(now()).toMatchObject({ basicAuth: false, secureJsonFields: { basicAuthPassword: false } });
  });
});

describe('headers', () => {
  it('count from one, and their values are secrets', async () => {
    const { now } = setUp();
    await person.click(screen.getByText('Add header'));
    put('Header', 'X-Scope');
    put('Value', 'a');
    await person.click(screen.getByText('Add header'));
    fireEvent.change(screen.getAllByLabelText('Header')[1], { target: { value: 'X-Other' } });
    expect(now().jsonData).toEqual({ httpHeaderName1: 'X-Scope', httpHeaderName2: 'X-Other' });
    expect(now().secureJsonData).toEqual({ httpHeaderValue1: 'a' });
  });

  it('go from the end, with their values', async () => {
    const { now } = setUp({
      jsonData: { httpHeaderName1: 'A', httpHeaderName2: 'B' },
      secureJsonFields: { httpHeaderValue1: true, httpHeaderValue2: true },
    });
    await person.click(screen.getByLabelText('Remove header B'));
    expect(now().jsonData).toEqual({ httpHeaderName1: 'A' });
    expect(now().secureJsonFields).toEqual({ httpHeaderValue1: true, httpHeaderValue2: false });
    expect(now().secureJsonData).toEqual({ httpHeaderValue2: '' });
  });
});

it('can only be read where it comes from a file', () => {
  const { container } = setUp({
    readOnly: true,
    basicAuth: true,
    jsonData: { tlsAuth: true, tlsAuthWithCACert: true, httpHeaderName1: 'A' },
  });
  const fields = container.querySelectorAll('input, textarea');
  expect(fields.length).toBeGreaterThan(20);
  fields.forEach((field) => expect(field).toBeDisabled());
  expect(screen.queryByText('Add header')).not.toBeInTheDocument();
});

it('says that a token for viewers is enough', () => {
  const { container } = setUp();
  expect(within(container).getByText('tidemark token create grafana --role=viewer')).toBeInTheDocument();
});
