"""Checks the sources for words that must not stand there."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# Of the code, comments left out: pattern, files that may hold it, why not.
CODE_RULES = [
    (r"\bjson_object\s*\(", (), "at run time this is PostgreSQL's function, and it crashes"),
    (r"\bPG_VERSION_NUM\b", ("src/base/compat.h",), "only src/base/compat.h tells versions apart"),
    (r"\bxmlCleanupParser\b|\bxmlMemSetup\b", (), "the backend shares libxml2 with PostgreSQL"),
    (r"\bxmlSet(Structured|Generic)ErrorFunc\b", (), "PostgreSQL owns libxml2's error handlers"),
    (r"\bcurl_(easy_perform|multi_poll|multi_wait)\b", (), "it cannot be cancelled"),
    (r"\b(strcat|sprintf|vsprintf|gets)\s*\(", (), "it knows no size of its target"),
]

# Of comments too.
TEXT_RULES = [(r"\b(TODO|FIXME|XXX|HACK)\b", (), "what is unfinished belongs into an issue")]

COMMENT = re.compile(r"/\*.*?\*/", re.S)


def blank(match):
    return re.sub(r"[^\n]", " ", match[0])


def faults_of(path):
    name = str(path.relative_to(ROOT))
    text = path.read_text(encoding="utf-8")
    for rules, searched in ((CODE_RULES, COMMENT.sub(blank, text)), (TEXT_RULES, text)):
        for pattern, allowed, why in rules:
            for found in re.finditer(pattern, searched) if name not in allowed else ():
                line = text.count("\n", 0, found.start()) + 1
                yield "%s:%d: %s: %s" % (name, line, found[0].strip(), why)


def main():
    faults = [fault for path in sorted((ROOT / "src").rglob("*.[ch]")) for fault in faults_of(path)]
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
