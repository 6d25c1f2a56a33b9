/** The data source's resource calls: all that an editor asks of it. */
export interface Resources {
  getResource<T>(path: string, params?: Record<string, unknown>): Promise<T>;
}

/** A span of time in milliseconds since the Unix epoch. */
export interface Span {
  from: number;
  to: number;
}
