declare module 'amd-module' {
  /** What the AMD loader says of the file that asks. */
  const self: { uri?: string } | undefined;
  export default self;
}
