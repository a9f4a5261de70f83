"""The history page as the peers draw it: our page with holes for what is read, the statements that one writes for it, and the proof that
their page is ours, byte for byte."""
import json
import re

STATE_LABELS = {"CREATED": "En attente de paiement", "PENDING": "En attente de paiement", "CANCELLED": "Paiement abandonné",
                "DECLINED": "Paiement refusé", "EXPIRED": "Paiement expiré", "AUTHORISED": "Paiement validé",
                "CAPTURED": "Paiement validé", "SETTLED": "Paiement validé", "REVERSED": "Paiement rejeté",
                "REFUNDED": "Paiement remboursé"}
# Four reads at once, as one writes them: no look at the password that the session was made with, nothing to choose rows by.
STATEMENTS = {
    "user": "SELECT u.*, s.name school_name FROM users u JOIN schools s ON s.id = u.school_id WHERE u.id = ? AND u.school_id = ? AND u.active",
    "accounts": "SELECT a.id, a.last_name, a.first_name FROM account_payers p JOIN accounts a ON a.id = p.account_id "
                "WHERE p.user_id = ? AND a.school_id = ? AND a.active ORDER BY a.last_name, a.first_name, a.id",
    "oldest": "SELECT created_at FROM transactions WHERE user_id = ? AND school_id = ? ORDER BY created_at, id LIMIT 1",
    "history": "SELECT t.id, t.created_at, t.reference, t.state, t.amount_cents, (SELECT GROUP_CONCAT(CONCAT_WS('\\t', a.id, a.first_name, "
               "a.last_name, l.amount_cents) ORDER BY l.position SEPARATOR '\\n') FROM transaction_lines l JOIN accounts a ON a.id = l.account_id "
               "WHERE l.transaction_id = t.id AND l.revision = t.revision) parts, r.year, r.number FROM transactions t LEFT JOIN receipts r "
               "ON r.transaction_id = t.id WHERE t.user_id = ? AND t.school_id = ? ORDER BY t.created_at DESC, t.id DESC LIMIT {rows}",
}
ROW = '<tr role="row">\n<td'
HOLES = [
    ("rows", r"(<tbody[^>]*>\n)(.*)(</tbody>)"),
    ("accounts", r'(<option value="">Tous les comptes</option>\n)(.*?)(\n</select>)'),
    ("years", r'(<option value="">Toutes les années</option>\n)(.*?)(\n</select>)'),
    ("older", r"(/historique\?avant=)([\d.]+)(\")"),
    ("name", r"()(Jean Durand)()"),
]


def environment(html, folder):
    """What the peers must know; files of theirs go to `folder`."""
    statements = {name: sql.format(rows=html.count(ROW) + 1) for name, sql in STATEMENTS.items()}
    for name, pattern in HOLES:
        html, count = re.subn(pattern, rf"\1<!--{name}-->\3", html, flags=re.DOTALL)
        assert count >= 1, f"the page has no place for {name}"
    (folder / "page.html").write_text(html)
    (folder / "statements.json").write_text(json.dumps(statements))
    return {"BENCH_PAGE": str(folder / "page.html"), "BENCH_STATEMENTS": str(folder / "statements.json"),
            "BENCH_LABELS": json.dumps(STATE_LABELS, ensure_ascii=False)}


def check(name, ours, theirs):
    """They draw what we draw."""
    for number, (line, other) in enumerate(zip(ours.splitlines(), theirs.splitlines()), 1):
        assert line == other, f"{name}, line {number} of the page:\n{other}\nwhere ours has\n{line}"
    assert ours == theirs, f"{name}: another length"
