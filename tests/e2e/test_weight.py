"""Every page, in each of its states, is under 30 kB in all for a first visitor: HTML, style sheets and images with the heads of
their answers; and its contents are, even when the school's logo is as heavy as a logo may be."""
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE_BYTES_MAX = 30_000
HEAD_BYTES_MAX = 720  # of each answer
FILE = re.compile(r'"(/(?:statique|ecole|session)/[^"]+)"')


def logo_bytes_max():
    kib = re.search(r"LOGO_BYTES_MAX = (\d+) << 10", (ROOT / "admin/import_identity.h").read_text()).group(1)
    return int(kib) << 10


def test_every_page_is_light(walked):
    sizes = {name: size + walked.answers[name] * HEAD_BYTES_MAX for name, size in walked.weights.items()}
    heavy = {name: size for name, size in sizes.items() if size >= PAGE_BYTES_MAX}
    assert len(walked.weights) > 50 and not heavy


def test_every_page_is_light_with_the_heaviest_logo(walked):
    (logo,) = [size for path, (_, size) in walked.assets.items() if path.endswith(".png")]
    heaviest = max(walked.weights.values()) - logo + logo_bytes_max()
    assert heaviest < PAGE_BYTES_MAX


def test_heads_are_short_and_files_few(durand):
    for path in ("/accueil", "/crediter", "/historique", "/aide", "/donnees-personnelles"):
        page = durand.get(path)
        files = set(FILE.findall(page.text))
        assert 2 < len(files) <= 7
        for answer in (page, *(durand.get(file) for file in files)):
            assert answer.status == 200 and "Content-Encoding" not in answer.headers
            assert len(str(answer.headers).encode()) + len("HTTP/1.1 200 OK") < HEAD_BYTES_MAX
