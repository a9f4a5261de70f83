// Consumers of bank calls. BENCH_MANNER: bullmq (16 jobs at once), single (a stream, 16 transactions at once), set (a stream, 100 at once).
import { Worker } from 'bullmq';
import { bookMany, bookOne } from './events.js';
import { connectDatabase, connectRedis, readCall, stream } from './work.js';

const AT_ONCE = 16, BATCH = 100, GROUP = 'workers';
const manner = process.env.BENCH_MANNER;
const db = connectDatabase(manner === 'set' ? 1 : AT_ONCE);

async function withConnection(work) {
  const connection = await db.getConnection();
  try {
    return await work(connection);
  } finally {
    connection.release();
  }
}

const checked = (event) => {
  if (!readCall(event.raw)) throw new Error('bad seal');
  return event;
};
const bookAlone = (event) => withConnection((connection) => bookOne(connection, checked(event)));

const readEntries = (reply) => (reply?.[0]?.[1] ?? []).map(([id, fields]) => {
  const event = { entry: id };
  for (let i = 0; i < fields.length; i += 2) event[fields[i]] = fields[i + 1];
  return event;
});

async function consume(count, book) {
  const reader = connectRedis({ enableAutoPipelining: false }), redis = connectRedis();
  for (;;) {
    const events = readEntries(await reader.xreadgroup('GROUP', GROUP, 'node', 'COUNT', count, 'BLOCK', 1000, 'STREAMS', stream, '>'));
    if (!events.length) continue;
    await book(events);
    await redis.xack(stream, GROUP, ...events.map((event) => event.entry));
  }
}

if (manner === 'bullmq') {
  const worker = new Worker('bench', (job) => bookAlone(job.data), {
    connection: connectRedis({ maxRetriesPerRequest: null }), concurrency: AT_ONCE, removeOnComplete: { count: 0 } });
  worker.on('failed', (job, error) => console.error(error));
} else if (manner === 'single') {
  // Each of the 16 fetches for itself: none waits for the slowest.
  for (let i = 0; i < AT_ONCE; i++) consume(1, ([event]) => bookAlone(event));
} else {
  consume(BATCH, (events) => withConnection((connection) => bookMany(connection, events.map(checked))));
}
