// One bank call into the same rows as dp-worker writes: alone in a transaction, or a hundred at once in set-based statements.

const now = 'UTC_TIMESTAMP(6)';
const hex = (id) => Buffer.from(id, 'hex');
const marks = (rows, row) => rows.map(() => row).join(', ');
const valuesOf = (raw) => new Map(raw.split('&').map((pair) => pair.split('=')));

// What the bank says, if it is what was sent; the seal was checked by the caller.
function accepts(payment, call) {
  const sent = valuesOf(payment.bank_request);
  for (const [name, value] of call) if (name !== 'etat' && name !== 'refsfp' && name !== 'hmac' && sent.get(name) !== value) return false;
  return call.get('etat') === '1' && payment.state === 'PENDING';
}

const year = new Date().getFullYear();

export async function bookOne(db, event) {
  const call = valuesOf(event.raw);
  const [known] = await db.execute('SELECT 1 FROM inbox WHERE event_id = ?', [hex(event.id)]);
  if (known.length) return;
  const [[payment]] = await db.execute(
    'SELECT t.id, t.school_id, t.contract_id, t.state, t.amount_cents, t.email, t.bank_request, s.bursar_email FROM transactions t ' +
    'JOIN schools s ON s.id = t.school_id WHERE t.reference = ?', [call.get('reference')]);
  const [lines] = await db.execute('SELECT account_id, amount_cents FROM transaction_lines WHERE transaction_id = ?', [payment.id]);
  if (!accepts(payment, call)) throw new Error('not as sent');
  const ref = call.get('refsfp');
  await db.beginTransaction();
  try {
    await db.execute('INSERT INTO inbox (event_id, kind, school_id, transaction_id, verdict, payload, received_at) VALUES ' +
      `(?, 'bank_notification', ?, ?, 'credited', ?, ${now})`, [hex(event.id), payment.school_id, payment.id, event.raw]);
    const [changed] = await db.execute(`UPDATE transactions SET state = 'AUTHORISED', bank_ref = ?, accepted_at = ${now}, updated_at = ${now} ` +
      "WHERE id = ? AND state = 'PENDING' AND amount_cents = ?", [ref, payment.id, payment.amount_cents]);
    if (changed.affectedRows !== 1) throw new Error('changed meanwhile');
    const ledger = 'INSERT INTO ledger_entries (school_id, contract_id, transaction_id, kind, leg, book, account_id, amount_cents, bank_ref, ' +
      "event_id) VALUES (?, ?, ?, 'PAYMENT', ?, ?, ?, ?, ?, ?)";
    const of = [payment.school_id, payment.contract_id, payment.id];
    await db.execute(ledger, [...of, 0, 'BANK', null, payment.amount_cents, ref, hex(event.id)]);
    for (const [i, line] of lines.entries()) {
      await db.execute(ledger, [...of, i + 1, 'ACCOUNT', line.account_id, -line.amount_cents, ref, hex(event.id)]);
      await db.execute('UPDATE accounts SET paid_cents = paid_cents + ? WHERE id = ?', [line.amount_cents, line.account_id]);
    }
    await db.execute('INSERT INTO transaction_history (transaction_id, event_id, from_state, to_state, bank_code, bank_ref) VALUES ' +
      "(?, ?, 'PENDING', 'AUTHORISED', '1', ?)", [payment.id, hex(event.id), ref]);
    const mail = 'INSERT INTO mail_outbox (kind, school_id, transaction_id, recipient) VALUES (?, ?, ?, ?)';
    await db.execute(mail, ['PARENT_CONFIRMATION', payment.school_id, payment.id, payment.email]);
    await db.execute(mail, ['BURSAR_CONFIRMATION', payment.school_id, payment.id, payment.bursar_email]);
    const [[counter]] = await db.execute('INSERT INTO receipt_counters (school_id, year, last_number) VALUES (?, ?, 1) ON DUPLICATE KEY UPDATE ' +
      'last_number = last_number + 1 RETURNING last_number', [payment.school_id, year]);
    await db.execute('INSERT INTO receipts (transaction_id, school_id, year, number) VALUES (?, ?, ?, ?)',
      [payment.id, payment.school_id, year, counter.last_number]);
    await db.commit();
  } catch (error) {
    await db.rollback();
    throw error;
  }
}

export async function bookMany(db, events) {
  const calls = events.map((event) => ({ ...event, call: valuesOf(event.raw) }));
  const [known] = await db.query('SELECT HEX(event_id) id FROM inbox WHERE event_id IN (?)', [events.map((event) => hex(event.id))]);
  const seen = new Set(known.map((row) => row.id.toLowerCase()));
  const fresh = calls.filter((event) => !seen.has(event.id));
  if (!fresh.length) return;
  const [rows] = await db.query('SELECT t.id, t.reference, t.school_id, t.contract_id, t.state, t.amount_cents, t.email, t.bank_request, ' +
    's.bursar_email FROM transactions t JOIN schools s ON s.id = t.school_id WHERE t.reference IN (?)', [fresh.map((event) => event.call.get('reference'))]);
  const payments = new Map(rows.map((row) => [row.reference, row]));
  const [lines] = await db.query('SELECT transaction_id, account_id, amount_cents FROM transaction_lines WHERE transaction_id IN (?)',
    [rows.map((row) => row.id)]);
  const booked = fresh.map((event) => ({ ...event, payment: payments.get(event.call.get('reference')), ref: event.call.get('refsfp') }));
  for (const { payment, call } of booked) if (!payment || !accepts(payment, call)) throw new Error('not as sent');
  const byId = new Map(booked.map((event) => [event.payment.id, event]));
  const legs = [], accounts = new Map(), schools = new Map();
  for (const { payment, ref, id } of booked) {
    legs.push([payment.school_id, payment.contract_id, payment.id, 'PAYMENT', 0, 'BANK', null, payment.amount_cents, ref, hex(id)]);
    schools.set(payment.school_id, [...(schools.get(payment.school_id) ?? []), payment.id]);
  }
  const next = new Map();
  for (const line of lines) {
    const { payment, ref, id } = byId.get(line.transaction_id);
    const leg = (next.get(payment.id) ?? 0) + 1;
    next.set(payment.id, leg);
    legs.push([payment.school_id, payment.contract_id, payment.id, 'PAYMENT', leg, 'ACCOUNT', line.account_id, -line.amount_cents, ref, hex(id)]);
    accounts.set(line.account_id, (accounts.get(line.account_id) ?? 0) + line.amount_cents);
  }
  await db.beginTransaction();
  try {
    await db.query('INSERT INTO inbox (event_id, kind, school_id, transaction_id, verdict, payload, received_at) VALUES ' +
      marks(booked, `(?, 'bank_notification', ?, ?, 'credited', ?, ${now})`),
      booked.flatMap(({ id, payment, raw }) => [hex(id), payment.school_id, payment.id, raw]));
    const [changed] = await db.query(`UPDATE transactions SET state = 'AUTHORISED', bank_ref = CASE id ${marks(booked, 'WHEN ? THEN ?').replaceAll(',', '')} END, ` +
      `accepted_at = ${now}, updated_at = ${now} WHERE id IN (?) AND state = 'PENDING'`,
      [...booked.flatMap(({ payment, ref }) => [payment.id, ref]), booked.map(({ payment }) => payment.id)]);
    if (changed.affectedRows !== booked.length) throw new Error('changed meanwhile');
    await db.query('INSERT INTO ledger_entries (school_id, contract_id, transaction_id, kind, leg, book, account_id, amount_cents, bank_ref, event_id) ' +
      'VALUES ?', [legs]);
    const moves = [...accounts].sort(([a], [b]) => a - b);
    await db.query(`UPDATE accounts SET paid_cents = paid_cents + CASE id ${marks(moves, 'WHEN ? THEN ?').replaceAll(',', '')} END WHERE id IN (?)`,
      [...moves.flat(), moves.map(([id]) => id)]);
    await db.query('INSERT INTO transaction_history (transaction_id, event_id, from_state, to_state, bank_code, bank_ref) VALUES ?',
      [booked.map(({ payment, id, ref }) => [payment.id, hex(id), 'PENDING', 'AUTHORISED', '1', ref])]);
    await db.query('INSERT INTO mail_outbox (kind, school_id, transaction_id, recipient) VALUES ?', [booked.flatMap(({ payment }) => [
      ['PARENT_CONFIRMATION', payment.school_id, payment.id, payment.email],
      ['BURSAR_CONFIRMATION', payment.school_id, payment.id, payment.bursar_email]])]);
    const counts = [...schools].sort(([a], [b]) => a - b);
    await db.query('INSERT INTO receipt_counters (school_id, year, last_number) VALUES ? ON DUPLICATE KEY UPDATE last_number = last_number + ' +
      'VALUES(last_number)', [counts.map(([school, ids]) => [school, year, ids.length])]);
    const [numbers] = await db.query('SELECT school_id, last_number FROM receipt_counters WHERE year = ? AND school_id IN (?)',
      [year, counts.map(([school]) => school)]);
    await db.query('INSERT INTO receipts (transaction_id, school_id, year, number) VALUES ?', [numbers.flatMap(({ school_id, last_number }) =>
      schools.get(school_id).map((id, i, ids) => [id, school_id, year, last_number - ids.length + 1 + i]))]);
    await db.commit();
  } catch (error) {
    await db.rollback();
    throw error;
  }
}

