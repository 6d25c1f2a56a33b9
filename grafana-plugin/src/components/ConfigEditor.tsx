import React from 'react';

import { AuthenticationSection } from './config/AuthenticationSection';
import { ChangesSection } from './config/ChangesSection';
import { ConnectionSection } from './config/ConnectionSection';
import { HeadersSection } from './config/HeadersSection';
import { QueriesSection } from './config/QueriesSection';
import type { SectionProps } from './config/settings';
import { TLSSection } from './config/TLSSection';

/** The data source's settings. Where they come from a file, Grafana says so and they can only be read. */
export function ConfigEditor(props: SectionProps) {
  return (
    <>
      <ConnectionSection {...props} />
      <AuthenticationSection {...props} />
      <TLSSection {...props} />
      <HeadersSection {...props} />
      <QueriesSection {...props} />
      <ChangesSection {...props} />
    </>
  );
}
