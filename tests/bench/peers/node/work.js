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
const shell = env.BENCH_PAGE ? readFileSync(env.BENCH_PAGE, 'utf8').split(/<!--(\w+)-->/) : [];
const statements = env.BENCH_STATEMENTS ? JSON.parse(readFileSync(env.BENCH_STATEMENTS, 'utf8')) : {};
const euros = new Intl.NumberFormat('fr-FR', { style: 'currency', currency: 'EUR' });
const money = (cents) => euros.format(cents / 100);
const moments = new Intl.DateTimeFormat('sv-SE', {
  timeZone: 'Europe/Paris', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit',
});

// The moment as Paris shows it; one call of Intl for both forms.
function moment(date) {
  const local = moments.format(date); // 2024-09-02 05:47:40
  const iso = local.replace(' ', 'T');
  const minutes = Math.round((Date.parse(iso + 'Z') - date) / 60_000);
  const offset = `+${String(minutes / 60 | 0).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
  const day = `${local.slice(8, 10)}/${local.slice(5, 7)}/${local.slice(0, 4)}`;
  return { iso: iso + offset, text: `${day} à ${Number(local.slice(11, 13))}\u00a0h\u00a0${local.slice(14, 16)}` };
}

// "7\tJulia\tDurand\t15850" a line, each account once.
function accountsOf(text) {
  const accounts = new Map();
  for (const line of (text ?? '').split('\n')) {
    const [id, first, last, cents] = line.split('\t');
    const account = accounts.get(id);
    if (account) account.cents += Number(cents);
    else accounts.set(id, { first, last, cents: Number(cents) });
  }
  return [...accounts.values()];
}

function accountCell(text) {
  const accounts = accountsOf(text);
  if (accounts.length < 2) return accounts.map((a) => escape(`${a.first} ${a.last}`)).join('');
  return `<span>${accounts.map((a) => `${escape(a.first)}\u00a0: ${money(a.cents)}<br>`).join('')}</span>`;
}

const PAID = new Set(['AUTHORISED', 'CAPTURED', 'SETTLED']);
const receipt = (r) => r.number && PAID.has(r.state)
  ? `<a href="/paiement/${escape(r.reference)}/recu.pdf">${r.year}-${String(r.number).padStart(6, '0')} (PDF)</a>` : '';

function row(r) {
  const at = moment(r.created_at);
  return `<tr role="row">
<td role="cell" data-label="Date"><a href="/paiement/${escape(r.reference)}"><time datetime="${at.iso}">${at.text}</time></a></td>
<td role="cell" data-label="Compte">${accountCell(r.parts)}</td>
<td role="cell" data-label="Montant" class="number">${money(r.amount_cents)}</td>
<td role="cell" data-label="État"><span class="tag" data-state="${escape(r.state)}">${escape(labels[r.state])}</span></td>
<td role="cell" data-label="Reçu">${receipt(r)}</td>
</tr>
`;
}

const schoolYear = (date) => date.getUTCMonth() >= 8 ? date.getUTCFullYear() : date.getUTCFullYear() - 1;
function yearOptions(oldest) {
  let options = '';
  for (let year = schoolYear(new Date()); year >= schoolYear(oldest); year--) options += `<option value="${year}">${year}–${year + 1}</option>`;
  return options;
}

// Session from Redis by the cookie, the person, the payments; null when nobody is logged in.
export async function history(redis, db, cookies) {
  const cookie = /(?:^|; )session=([\w-]+)/.exec(cookies ?? '')?.[1];
  if (!cookie) return null;
  const name = 'dp:session:' + createHash('sha256').update(Buffer.from(cookie, 'base64url')).digest('hex');
  const [session] = await Promise.all([redis.hgetall(name), redis.expire(name, 1800)]);
  if (!session.user) return null;
  const owner = [session.user, session.school];
  const [[people], [found], [oldest], [accounts]] = await Promise.all([
    db.execute(statements.user, owner), db.execute(statements.history, owner), db.execute(statements.oldest, owner),
    db.execute(statements.accounts, owner),
  ]);
  const rows = found.slice(0, -1), last = rows[rows.length - 1];
  const holes = {
    name: escape(people[0].first_name + ' ' + people[0].last_name),
    accounts: accounts.map((a) => `<option value="${a.id}">${escape(a.first_name)} ${escape(a.last_name)}</option>`).join(''),
    years: yearOptions(oldest[0]?.created_at ?? new Date()),
    older: `${last.created_at * 1000}.${last.id}`,
    rows: rows.map(row).join(''),
  };
  return shell.map((text, i) => i % 2 ? holes[text] : text).join('');
}
