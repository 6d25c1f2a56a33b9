import self from 'amd-module';

declare let __webpack_public_path__: string;

// Chunks lie beside the file that this is in, wherever Grafana took that from: below a path of its own, or a CDN.
if (self?.uri) {
  // eslint-disable-next-line @typescript-eslint/no-unused-vars -- webpack reads it.
  __webpack_public_path__ = self.uri.slice(0, self.uri.lastIndexOf('/') + 1);
}
