"""Makes a filled shelf large without reading or embedding anything: copies of its files are written
into the store of a service that doesn't run. The pages of a copy have the lines of its original in
another order, so that terms are as frequent as in real text, and its vectors lie between two of the
original's, so that they are spread as real ones are. At its next start the service indexes them."""

import array
import math
import random
import sqlite3

CHUNK_CHARACTERS = 800


def shuffled_texts(texts, chance):
    """As many lines on each page as before, but others."""
    lines = [line for text in texts for line in text.split("\n")]
    chance.shuffle(lines)
    taken = iter(lines)
    return ["\n".join(next(taken) for _ in text.split("\n")) for text in texts]


def between(left, right):
    mixed = [0.8 * a + 0.6 * b for a, b in zip(left, right)]
    length = math.sqrt(sum(x * x for x in mixed)) or 1
    return array.array("f", (x / length for x in mixed)).tobytes()


def copy_row(database, table, key, number, **changes):
    """Inserts a copy of a row and returns its number."""
    names = [row[1] for row in database.execute(f"PRAGMA table_info({table})") if row[1] != key]
    marked = [f":{name}" if name in changes else name for name in names]
    cursor = database.execute(
        f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(marked)} FROM {table} "
        f"WHERE {key} = :number", {"number": number, **changes})
    return cursor.lastrowid


def copy_file(database, number, name, chance):
    """Returns how many chunks the copy has."""
    pages = database.execute("SELECT number, text FROM pages WHERE file = ? ORDER BY page", (number,)).fetchall()
    vectors = [array.array("f", row[0]) for row in database.execute(
        "SELECT v.vector FROM vectors v JOIN chunks c ON v.chunk = c.id WHERE c.file = ?", (number,))]
    if not vectors:
        return 0
    new = copy_row(database, "files", "number", number, id=f"file-{name}", name=f"{name}.pdf")
    chunks = 0
    for (page, _), text in zip(pages, shuffled_texts([text for _, text in pages], chance)):
        starts = range(0, len(text), CHUNK_CHARACTERS)
        copy = copy_row(database, "pages", "number", page, file=new, text=text, words=b"", word_count=0,
                        chunk_count=len(starts))
        for start in starts:
            end = min(start + CHUNK_CHARACTERS, len(text))
            chunk = database.execute(
                "INSERT INTO chunks (file, page, start, end, pieces, state) VALUES (?, ?, ?, ?, 200, 1)",
                (new, copy, start, end)).lastrowid
            database.execute("INSERT INTO vectors VALUES (?, ?)",
                             (chunk, between(chance.choice(vectors), chance.choice(vectors))))
        chunks += len(starts)
    database.execute("UPDATE files SET chunks = ?1, vectors = ?1 WHERE number = ?2", (chunks, new))
    for (row,) in database.execute("SELECT number FROM store_files WHERE file = ?", (number,)).fetchall():
        copy_row(database, "store_files", "number", row, file=new)
    return chunks


def multiply(path, wanted):
    """Copies files until the store has about so many chunks."""
    chance = random.Random(1)
    database = sqlite3.connect(path)
    database.execute("PRAGMA foreign_keys = ON")
    with database:
        files = [row[0] for row in database.execute("SELECT number FROM files ORDER BY number")]
        chunks = database.execute("SELECT count(*) FROM chunks").fetchone()[0]
        copies = 0
        while chunks < wanted:
            before = chunks
            for number in files:
                if chunks < wanted:
                    copies += 1
                    chunks += copy_file(database, number, f"{copies:024x}", chance)
            if chunks == before:
                raise ValueError("no file with chunks to copy")
    database.close()
    return chunks
