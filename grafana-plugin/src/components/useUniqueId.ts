import { useState } from 'react';

/** An id that no other editor on the page has, the same from one rendering to the next. React has its own only from 18 on. */
export function useUniqueId(prefix: string): string {
  const [id] = useState(() => `${prefix}-${Math.random().toString(36).slice(2, 10)}`);
  return id;
}
