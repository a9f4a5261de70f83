// Sends what waits in the outbox by nodemailer, over a pool of connections as its documentation has it; BENCH_SMTP is the server's port.
import net from 'node:net';
import nodemailer from 'nodemailer';
import { connectDatabase } from './work.js';

const AT_ONCE = 32, POLL_MS = 10, LEASE_S = 60;
const db = connectDatabase(8);
const server = { host: '127.0.0.1', port: Number(process.env.BENCH_SMTP) };
// Without noDelay, which nodemailer does not set, each mail waits for a delayed acknowledgement: 95 a second.
const getSocket = (options, done) => {
  const connection = net.connect({ ...server, noDelay: true }, () => done(null, { connection }));
  connection.once('error', done);
};
const smtp = nodemailer.createTransport({ pool: true, ...server, secure: false, ignoreTLS: true, getSocket });
const euros = new Intl.NumberFormat('fr-FR', { style: 'currency', currency: 'EUR' });
const moments = new Intl.DateTimeFormat('fr-FR', { timeZone: 'Europe/Paris', dateStyle: 'short', timeStyle: 'short' });
const escapes = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escape = (text) => String(text).replace(/[&<>"']/g, (c) => escapes[c]);

async function claim() {
  const connection = await db.getConnection();
  try {
    await connection.beginTransaction();
    const [rows] = await connection.query("SELECT id, kind, transaction_id, recipient FROM mail_outbox WHERE status = 'PENDING' AND " +
      `next_attempt_at <= UTC_TIMESTAMP(6) ORDER BY next_attempt_at LIMIT ${AT_ONCE} FOR UPDATE SKIP LOCKED`);
    if (rows.length)
      await connection.query("UPDATE mail_outbox SET status = 'SENDING', attempt = attempt + 1, next_attempt_at = UTC_TIMESTAMP(6) + " +
        `INTERVAL ${LEASE_S} SECOND WHERE id IN (?)`, [rows.map((row) => row.id)]);
    await connection.commit();
    return rows;
  } finally {
    connection.release();
  }
}

const lineText = (l) => `${l.first_name} ${l.last_name} ${l.class_name} : ${euros.format(l.amount_cents / 100)}`;
const facts = (p) => [['Payé par', `${p.first_name} ${p.last_name} (${p.email})`], ['Montant', euros.format(p.amount_cents / 100)],
  ['Accepté le', moments.format(p.accepted_at)], ['Référence transaction', p.reference], ['Référence de la banque', p.bank_ref],
  ['Reçu n°', `${p.year}-${String(p.number).padStart(6, '0')}`]];
const intro = "Un paiement par Internet vient d'être accepté par la banque.";
const outro = "Ce paiement est enregistré sur le site. Le site n'est pas relié à votre logiciel de gestion : reportez-y ce paiement, avec la " +
  'référence ci-dessus, comme vos autres encaissements.';

const text = (p, lines) => [intro, facts(p).map(([name, value]) => `${name} : ${value}`).join('\n'), lines.map(lineText).join('\n'),
  p.comment || "Le payeur n'a pas laissé de commentaire.", outro, p.school].join('\n\n');
const html = (p, lines) => `<!DOCTYPE html><html lang="fr"><meta charset="utf-8"><body style="font-family:sans-serif">
<h1 style="font-size:22px">Paiement reçu : ${euros.format(p.amount_cents / 100)}</h1>
<p>${intro}</p>
<p>${facts(p).map(([name, value]) => `${name} : <strong>${escape(value)}</strong>`).join('<br>\n')}</p>
<ul>${lines.map((l) => `<li>${escape(lineText(l))}</li>`).join('\n')}</ul>
<p style="white-space:pre-line">${escape(p.comment || "Le payeur n'a pas laissé de commentaire.")}</p>
<p>${outro}</p>
<p>${escape(p.school)}</p></body></html>`;

async function send(mail) {
  const [[[payment]], [lines]] = await Promise.all([
    db.execute('SELECT t.*, s.name school, u.first_name, u.last_name, r.year, r.number FROM transactions t JOIN schools s ON s.id = ' +
      't.school_id JOIN users u ON u.id = t.user_id LEFT JOIN receipts r ON r.transaction_id = t.id WHERE t.id = ?', [mail.transaction_id]),
    db.execute('SELECT a.last_name, a.first_name, a.class_name, l.amount_cents FROM transaction_lines l JOIN accounts a ON a.id = ' +
      'l.account_id WHERE l.transaction_id = ? ORDER BY l.position', [mail.transaction_id])]);
  await smtp.sendMail({
    from: 'Demi-Pension <cantine@demi-pension.example>', to: mail.recipient, messageId: `<outbox.${mail.id}.${mail.kind}@demi-pension.example>`,
    subject: `Paiement reçu : ${euros.format(payment.amount_cents / 100)}, référence ${payment.reference}`,
    text: text(payment, lines), html: html(payment, lines) });
  await db.execute("UPDATE mail_outbox SET status = 'SENT', sent_at = UTC_TIMESTAMP(6) WHERE id = ?", [mail.id]);
}

for (;;) {
  const mails = await claim();
  await Promise.all(mails.map(send));
  if (!mails.length) await new Promise((done) => setTimeout(done, POLL_MS));
}
