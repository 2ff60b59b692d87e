"""Checks #include lines: the layers, and the wall around the pure C parts.

A folder of src/ may include itself and the folders below it in LAYERS.  A pure
file reaches no PostgreSQL header, and no file reaches both a PostgreSQL header
and jansson.h, whose json_object() is also a function of PostgreSQL.  Names
between quotes are files of src/, or else PostgreSQL's.
"""

import pathlib
import re
import sys

SRC = pathlib.Path(__file__).resolve().parent.parent.parent / "src"

# From the top to the ground; "" is src/ itself, the entry.
LAYERS = [
    "", "sqlapi", "import", "scan", "plan", "fetch",
    "auth", "limit", "http", "catalog", "decode", "stats", "base",
]

PURE = ["decode/*", "auth/token_fsm*", "auth/oauth_answer.*", "auth/oauth_request.*", "auth/seal.*",
        "auth/secret.*", "auth/credentials_json.*", "limit/limiter.*", "limit/learnt.*", "limit/windows.*", "http/headers.*", "http/url.*"]

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.M)


def includes_of(path):
    """(quote, name) of each include of a file."""
    return INCLUDE.findall(path.read_text(encoding="utf-8"))


def reached_from(path, seen=None):
    """Every foreign header a file reaches, with the headers on the way."""
    reached = {}
    seen = seen if seen is not None else {path}
    for quote, name in includes_of(path):
        target = SRC / name
        if quote == '"' and target.is_file():
            if target not in seen:
                seen.add(target)
                for far, way in reached_from(target, seen).items():
                    reached.setdefault(far, [name] + way)
        else:
            reached.setdefault((quote, name), [])
    return reached


def folder_of(path):
    parent = path.relative_to(SRC).parent
    return "" if parent == pathlib.Path(".") else parent.parts[0]


def layer_faults(path):
    folder = folder_of(path)
    if folder not in LAYERS:
        yield "src/%s is no layer" % folder
        return
    for quote, name in includes_of(path):
        if quote != '"' or not (SRC / name).is_file():
            continue
        other = folder_of(SRC / name)
        if other in LAYERS and LAYERS.index(other) < LAYERS.index(folder):
            yield "%s/ may not include %s, which lies above it" % (folder, name)


def wall_faults(path):
    reached = reached_from(path)
    postgres = [(name, way) for (quote, name), way in reached.items() if quote == '"']
    pure = any(path.relative_to(SRC).match(pattern) for pattern in PURE)
    jansson = ("<", "jansson.h") in reached
    if postgres and (pure or jansson):
        name, way = postgres[0]
        yield "%s reaches PostgreSQL's %s (%s)" % (
            "a pure file" if pure else "a file that includes jansson.h",
            name,
            " > ".join(way + [name]),
        )


def main():
    faults = 0
    for path in sorted(SRC.rglob("*.[ch]")):
        for fault in [*layer_faults(path), *wall_faults(path)]:
            print("%s: %s" % (path.relative_to(SRC.parent), fault))
            faults += 1
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
