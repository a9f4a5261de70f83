// What the Node peers share: the bank's seal, the session, the history page. Settings come from the environment.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import Redis from 'ioredis';
import mysql from 'mysql2/promise';

const env = process.env;
const key = Buffer.from(env.BENCH_KEY, 'hex');
export const stream = env.BENCH_STREAM;

export const connectRedis = (options) => new Redis({ path: env.BENCH_REDIS, enableAutoPipelining: true, ...options });
export const connectDatabase = (connectionLimit) =>
  mysql.createPool({
    socketPath: env.BENCH_DB, user: 'root', database: 'demi_pension', connectionLimit, timezone: 'Z', supportBigNumbers: true,
  });

// The values of all pairs but hmac, as they came, are what is sealed.
export function readCall(raw) {
  let message = '', seal = '';
  for (const pair of raw.split('&')) {
    const at = pair.indexOf('=');
    if (pair.startsWith('hmac=')) seal = pair.slice(5);
    else message += pair.slice(at + 1);
  }
  const expected = createHmac('sha1', key).update(message).digest('hex').toUpperCase();
  const good = seal.length === expected.length && timingSafeEqual(Buffer.from(seal), Buffer.from(expected));
  const unsealed = raw.slice(0, raw.lastIndexOf('&hmac='));
  return good ? { id: createHash('sha256').update('spplus\0' + unsealed).digest('hex') } : null;
}

export const addCall = (redis, id, raw, ip) =>
  redis.xadd(stream, '*', 'v', '1', 'id', id, 'kind', 'bank_notification', 'at', new Date().toISOString(), 'gateway', 'spplus',
    'raw', raw, 'ip', ip);

const escapes = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escape = (text) => String(text).replace(/[&<>"']/g, (c) => escapes[c]);

const labels = JSON.parse(env.BENCH_LABELS ?? '{}');
const shell = env.BENCH_PAGE ? readFileSync(env.BENCH_PAGE, 'utf8').split('<!--rows-->') : [];
const statements = env.BENCH_STATEMENTS ? JSON.parse(readFileSync(env.BENCH_STATEMENTS, 'utf8')) : {};
const euros = new Intl.NumberFormat('fr-FR', { style: 'currency', currency: 'EUR' });
const days = new Intl.DateTimeFormat('fr-FR', { timeZone: 'Europe/Paris', day: '2-digit', month: '2-digit', year: 'numeric' });
const times = new Intl.DateTimeFormat('fr-FR', { timeZone: 'Europe/Paris', hour: 'numeric', minute: '2-digit' });

const row = (r) => `<tr role="row">
<td role="cell" data-label="Date"><a href="/paiement/${escape(r.reference)}"><time datetime="${r.created_at.toISOString()}">${days.format(r.created_at)} à ${times.format(r.created_at).replace(':', ' h ')}</time></a></td>
<td role="cell" data-label="Compte">${escape(r.names)}</td>
<td role="cell" data-label="Montant" class="number">${euros.format(r.amount_cents / 100)}</td>
<td role="cell" data-label="État"><span class="tag" data-state="${escape(r.state)}">${escape(labels[r.state])}</span></td>
<td role="cell" data-label="Reçu">${r.number ? `<a href="/paiement/${escape(r.reference)}/recu.pdf">${r.year}-${String(r.number).padStart(6, '0')} (PDF)</a>` : ''}</td>
</tr>
`;

// Session from Redis by the cookie, the person, the payments; null when nobody is logged in.
export async function history(redis, db, cookies) {
  const cookie = /(?:^|; )session=([\w-]+)/.exec(cookies ?? '')?.[1];
  if (!cookie) return null;
  const name = 'dp:session:' + createHash('sha256').update(Buffer.from(cookie, 'base64url')).digest('hex');
  const [session] = await Promise.all([redis.hgetall(name), redis.expire(name, 1800)]);
  if (!session.user) return null;
  const owner = [session.user, session.school];
  const [[people], [rows], [oldest], [accounts]] = await Promise.all([
    db.execute(statements.user, owner), db.execute(statements.history, owner), db.execute(statements.oldest, owner),
    db.execute(statements.accounts, owner),
  ]);
  const options = accounts.map((a) => `<option value="${a.id}">${escape(a.first_name)} ${escape(a.last_name)}</option>`).join('');
  const year = oldest[0]?.created_at.getFullYear();
  return shell[0].replace('<!--name-->', escape(people[0].first_name + ' ' + people[0].last_name)).replace('<!--accounts-->', options)
    .replace('<!--year-->', year) + rows.map(row).join('') + shell[1];
}
