"""Damage to what a service makes anew from its store: the vectors' file and Xapian's databases. Each is
done while the answerer does not run: damage (data folder, cache)."""

import shutil

VERSIONS = {"index": ("vectors", 8),                 # after eight letters
            "lexical": ("chunks/iamglass", 14)}      # after its name


def is_there(data, cache):
    return (data / cache / VERSIONS[cache][0]).is_file()


def remove(data, cache):
    shutil.rmtree(data / cache)


def tear(data, cache):
    for path in (data / cache).rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])


def make_other_version(data, cache):
    name, at = VERSIONS[cache]
    path = data / cache / name
    content = bytearray(path.read_bytes())
    content[at] ^= 0x7F
    path.write_bytes(content)


DAMAGES = (remove, tear, make_other_version)
