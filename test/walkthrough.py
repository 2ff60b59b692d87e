#!/usr/bin/env python3
"""Does what doc/contributing.md says to a copy of the sources.

    test/walkthrough.py TREE

A code block of the page belongs to the last line above it that names a file:
"A new file, `PATH`:", or "in `PATH`, above `LINE`:".  Only the catalogue and
the simulator may be touched: that is what the page is about.
"""

import pathlib
import re
import sys

MAY_CHANGE = ("src/catalog/", "test/simulator/")


def steps(page):
    """(path, line or None, text) of each block that changes a file."""
    pattern = r"^([^\n]*`([\w./]+\.\w+)`(?:, above `([^`\n]+)`)?[^`\n]*:)\n\n```(?:c|python)\n(.*?)^```$"
    for found in re.finditer(pattern, page, re.M | re.S):
        yield found.group(2), found.group(3), found.group(4)


def main():
    tree = pathlib.Path(sys.argv[1])
    page = (tree / "doc" / "contributing.md").read_text(encoding="utf-8")
    done = 0
    for path, line, text in steps(page):
        if not path.startswith(MAY_CHANGE):
            sys.exit("%s is neither of the catalogue nor of the simulator" % path)
        file = tree / path
        if line is None:
            if file.exists():
                sys.exit("%s is there already" % path)
            file.write_text(text, encoding="utf-8")
        else:
            old = file.read_text(encoding="utf-8")
            if old.count("\n%s\n" % line) != 1:
                sys.exit("%s does not have the line once: %s" % (path, line))
            file.write_text(old.replace("\n%s\n" % line, "\n%s%s\n" % (text, line)), encoding="utf-8")
        print("%s: %d lines" % (path, text.count("\n")))
        done += 1
    if done < 9:
        sys.exit("the page has %d steps only" % done)


if __name__ == "__main__":
    main()
