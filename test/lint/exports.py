"""Checks the symbols that the built library exports.

Allowed are the magic block, _PG_init, the functions that the SQL script
declares with their pg_finfo_ twins, and the mains of background workers
(wfm_…_main).  A function of the script that is not exported is a fault too.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

ALWAYS = {"Pg_magic_func", "_PG_init"}
WORKER_MAIN = re.compile(r"wfm_\w+_main$")

# CREATE FUNCTION name(…) … AS 'MODULE_PATHNAME'[, 'symbol']
FUNCTION = re.compile(
    r"CREATE\s+(?:OR\s+REPLACE\s+)?FUNCTION\s+(?:[\w@]+\.)?(\w+)\s*\([^;]*?"
    r"AS\s+'MODULE_PATHNAME'(?:\s*,\s*'(\w+)')?",
    re.I | re.S,
)


def exported():
    listing = subprocess.run(
        ["nm", "-D", "--defined-only", ROOT / "wfm_fdw.so"],
        check=True, capture_output=True, text=True,
    )
    return {line.split()[-1] for line in listing.stdout.splitlines()}


def declared():
    """The C functions that the newest install script names."""
    scripts = sorted(p for p in ROOT.glob("wfm_fdw--*.sql") if p.name.count("--") == 1)
    text = re.sub(r"--[^\n]*", "", scripts[-1].read_text(encoding="utf-8"))
    return {symbol or name for name, symbol in FUNCTION.findall(text)}


def main():
    symbols, functions = exported(), declared()
    wanted = functions | {"pg_finfo_%s" % name for name in functions}
    extra = {s for s in symbols - wanted - ALWAYS if not WORKER_MAIN.match(s)}
    missing = (wanted | ALWAYS) - symbols
    for symbol in sorted(extra):
        print("%s is exported: make it static, or leave PGDLLEXPORT out" % symbol)
    for symbol in sorted(missing):
        print("%s is not exported" % symbol)
    sys.exit(1 if extra or missing else 0)


if __name__ == "__main__":
    main()
