// The web SDK in Node, which has no EventSource of its own yet. It goes on until
// its input ends.
import { EventSource } from 'eventsource';
import { run } from './client.mjs';

globalThis.EventSource = EventSource;
const { TIDEMARK_URL, TIDEMARK_TOKEN, POLL_MS } = process.env;
const options = POLL_MS ? { changeDetection: 'polling', pollInterval: Number(POLL_MS) } : {};
await run(TIDEMARK_URL, TIDEMARK_TOKEN, (said) => console.log(JSON.stringify(said)), options);
process.stdin.on('end', () => process.exit(0)).resume();
