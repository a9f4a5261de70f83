"""SP Plus's seal and messages, written from the bank's published facts and independently of the product's C.

The merchant key of the published demonstration shop, decrypted as bank kits do (single DES), gives this HMAC key.
"""
import hashlib
import hmac
from urllib.parse import quote, unquote_plus

WORKING_KEY = bytes.fromhex("fabdb877b8ef7003f70350bb91090e76c5c75b29")
REQUEST_SEALED = ("siret", "reference", "langue", "devise", "montant", "taxe", "validite")
ADMINISTRATION_ERROR = "spadminko"
# etatpaie, its label, etatech, its label. TERMINE, REFUSE and EN_ATTENTE_DE_REMISE are the bank's; the others are this simulator's.
PAYMENT_STATES = {
    "1": ("TERMINE", "Terminé", "EN_ATTENTE_DE_REMISE", "En attente de remise"),
    "2": ("REFUSE", "Refusé", "REFUSE", "Refus&eacute;e"),
    "12": ("ABANDONNE", "Abandonné", None, None),
    "0": ("EN_COURS", "En cours", None, None),
}
CARD_ACCEPTED, CARD_REFUSED = "1234567890123456", "0000000000000000"


def seal(message):
    """The 40 upper-case hex digits over a text."""
    return hmac.new(WORKING_KEY, message.encode("ascii"), hashlib.sha1).hexdigest().upper()


def pairs(raw):
    """Name and raw value of each pair of a query string, in order."""
    return [tuple((pair + "=").split("=")[:2]) for pair in raw.split("&") if pair]


def request_is_sealed(raw):
    """Whether a payment request carries the seal of calcul_hmac: seven decoded values in their fixed order."""
    values = {name: unquote_plus(value) for name, value in pairs(raw)}
    message = "".join(values.get(name, "") for name in REQUEST_SEALED)
    return hmac.compare_digest(seal(message), values.get("hmac", ""))


def call(request_raw, etat, refsfp, changes=None):
    """The body of a notification: what was sent, the state, the bank's reference, and the seal over the raw values."""
    fields = [(name, unquote_plus(value)) for name, value in pairs(request_raw) if name != "hmac"]
    fields = [(name, (changes or {}).get(name, value)) for name, value in fields]
    return sealed(fields + [("etat", etat), ("refsfp", refsfp)])


def sealed(fields):
    """Any fields, in order, with a good seal."""
    raw = [(name, quote(value, safe="")) for name, value in fields]
    return "&".join(f"{name}={value}" for name, value in raw) + "&hmac=" + seal("".join(value for _, value in raw))


def query_is_sealed(values):
    """etatpaiement: sealed are the action, the siret without its site number, and the reference."""
    siret, reference = values.get("siret", ""), values.get("reference", "")
    return values.get("action") == "etatpaiement" and hmac.compare_digest(
        seal("etatpaiement" + siret.split("-")[0] + reference), values.get("hmac", ""))


def payment_state(values, payment):
    """What etatpaiement says of a payment, as it stands here; of one without a result, the bank's one word for every failure."""
    state = PAYMENT_STATES.get(payment.get("etat"))
    if not query_is_sealed(values) or not state:
        return ADMINISTRATION_ERROR
    lines = ["reference;idtftpaie;etatpaie;libetatpaie;payscarte;numautopaie;mode",
             f"{values['reference']};{payment.get('refsfp', '')};{state[0]};{state[1]};null;{'81290' if state[0] == 'TERMINE' else ''};auto"]
    if state[2]:
        lines += ["idtftech;etatech;libetatech;numautoech;numremiseech",
                  f"43{payment.get('refsfp', '')[-6:]};{state[2]};{state[3]};{'81290' if state[0] == 'TERMINE' else ''};"]
    return "\n".join(lines) + "\n"


def resplit(raw):
    """A forgery: the sealed values of an abandoned payment cut elsewhere. 12 + 36628282 and 1 + 236628282 seal alike."""
    fields = pairs(raw)
    values = dict(fields)
    moved = values["etat"][1:]
    return "&".join(f"{name}={value}" for name, value in
                    [(name, {"etat": values["etat"][:1], "refsfp": moved + values["refsfp"]}.get(name, value))
                     for name, value in fields])
