import React from 'react';

import { QueryFilter, stateParts, type ChangeQueryProps } from './QueryFilter';

/** Which services' and environments' flags. */
export function FlagsEditor(props: ChangeQueryProps) {
  return <QueryFilter {...props} parts={stateParts} />;
}
