// Fastify 4, as its users would tune it; BENCH_PROCESSES > 1 makes it a cluster.
import cluster from 'node:cluster';
import Fastify from 'fastify';
import { addCall, connectDatabase, connectRedis, history, readCall } from './work.js';

const processes = Number(process.env.BENCH_PROCESSES ?? 1);
if (processes > 1 && cluster.isPrimary) {
  for (let i = 0; i < processes; i++) cluster.fork();
  process.on('SIGTERM', () => process.exit(0));
} else {
  const redis = connectRedis(), db = connectDatabase(8);
  const app = Fastify({ logger: false, keepAliveTimeout: 60_000 });
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (request, body, done) => done(null, body));
  app.post('/banque/spplus', async (request, reply) => {
    const call = readCall(request.body);
    if (!call) return reply.code(403).send('');
    await addCall(redis, call.id, request.body, request.ip);
    return reply.type('text/plain').send('spcheckok\n');
  });
  app.get('/historique', async (request, reply) => {
    const html = await history(redis, db, request.headers.cookie);
    if (!html) return reply.redirect(303, '/connexion');
    return reply.type('text/html; charset=utf-8').header('Cache-Control', 'no-store').send(html);
  });
  app.get('/readyz', async () => 'ok');
  await app.listen({ port: Number(process.env.BENCH_PORT), host: '127.0.0.1', backlog: 1024 });
}
