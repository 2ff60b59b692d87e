"""Writes doc/reference.md: "make docs".

It starts a PostgreSQL of its own, as the tests do, creates the extension and
runs generate_reference.sql.
"""

import pathlib
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "test"))

from driver.servers import PostgresServer  # noqa: E402
from driver.workspace import StepFailed, Workspace  # noqa: E402


def generate(workspace):
    """The text of the page."""
    workspace.copy_source()
    workspace.build_and_install()
    server = PostgresServer(workspace, "docs")
    server.psql("postgres", "-q", "-c", "CREATE EXTENSION wfm_fdw")
    return server.psql("postgres", "-q", "-f", workspace.source / "doc/generate_reference.sql")


def main():
    workspace = Workspace("docs")
    try:
        text = generate(workspace)
    except StepFailed as failure:
        sys.exit(str(failure))
    finally:
        workspace.end_processes()
        workspace.remove()
    (HERE / "reference.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
