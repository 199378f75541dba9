"""Damage to what a service makes anew from its store: the vectors' file and Xapian's databases. Each is
done while the answerer does not run: damage (data folder, cache)."""

import shutil

CACHES = ("index", "lexical")
VECTORS_VERSION_AT = 8     # in index/vectors, after eight letters
XAPIAN_VERSION_AT = 14     # in iamglass, after its name


def _change_byte(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 0x7F
    path.write_bytes(content)


def remove(data, cache):
    shutil.rmtree(data / cache)


def tear(data, cache):
    for path in (data / cache).rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])


def make_other_version(data, cache):
    if cache == "index":
        _change_byte(data / "index" / "vectors", VECTORS_VERSION_AT)
    else:
        _change_byte(data / "lexical" / "chunks" / "iamglass", XAPIAN_VERSION_AT)


DAMAGES = (remove, tear, make_other_version)
