// Puts the calls of a file (one a line: id, blank, raw) into a BullMQ queue.
import { readFileSync } from 'node:fs';
import { Queue } from 'bullmq';
import { connectRedis } from './work.js';

const queue = new Queue('bench', { connection: connectRedis({ maxRetriesPerRequest: null }) });
const jobs = readFileSync(process.argv[2], 'utf8').trim().split('\n').map((line) => {
  const [id, raw] = line.split(' ');
  return { name: 'call', data: { id, raw }, opts: { removeOnComplete: true } };
});
for (let i = 0; i < jobs.length; i += 1000) await queue.addBulk(jobs.slice(i, i + 1000));
process.exit(0);
