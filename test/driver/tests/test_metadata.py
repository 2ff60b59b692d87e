"""META.json is what PGXN takes, and the versions agree."""

import copy
import importlib.util
import json
import pathlib
import unittest

TOP = pathlib.Path(__file__).resolve().parents[3]


def load_metadata():
    spec = importlib.util.spec_from_file_location("metadata", TOP / "test/package/metadata.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


metadata = load_metadata()


class Meta(unittest.TestCase):
    def setUp(self):
        self.meta = json.loads((TOP / "META.json").read_text(encoding="utf-8"))

    def test_ours_is_valid_and_versions_agree(self):
        metadata.check(TOP)

    def test_what_the_specification_forbids_is_found(self):
        cases = {
            "a required key is missing": lambda m: m.pop("abstract"),
            "unknown key": lambda m: m.update(keywords=["x"]),
            "a license of no list": lambda m: m.update(license="PostgreSQL"),
            "two numbers are no version": lambda m: m.update(version="1.0"),
            "a leading zero": lambda m: m.update(version="1.02.0"),
            "a name with a slash": lambda m: m.update(name="wfm/fdw"),
            "no maintainer": lambda m: m.update(maintainer=[]),
            "an extension without a file": lambda m: m["provides"]["wfm_fdw"].pop("file"),
            "a file that is not there": lambda m: m["provides"]["wfm_fdw"].update(file="no.sql"),
            "an unknown phase": lambda m: m["prereqs"].update(install={}),
            "a range that is none": lambda m: m["prereqs"]["runtime"]["requires"].update(PostgreSQL="15"),
            "another specification": lambda m: m["meta-spec"].update(version="2.0.0"),
            "an unknown status": lambda m: m.update(release_status="alpha"),
            "an empty tag": lambda m: m["tags"].append(""),
        }
        for what, spoil in cases.items():
            with self.subTest(what):
                meta = copy.deepcopy(self.meta)
                spoil(meta)
                with self.assertRaises(metadata.Fault):
                    metadata.check_meta(meta, TOP)

    def test_what_it_allows_passes(self):
        cases = {
            "licenses with addresses": lambda m: m.update(license={"PostgreSQL": "https://www.postgresql.org/about/licence/"}),
            "one maintainer": lambda m: m.update(maintainer="somebody"),
            "a prerelease": lambda m: m.update(version="1.0.0-rc1"),
            "a range": lambda m: m["prereqs"]["runtime"]["requires"].update(PostgreSQL=">= 15.0.0, < 20.0.0"),
            "keys of our own": lambda m: m.update(x_ours=1),
        }
        for what, change in cases.items():
            with self.subTest(what):
                meta = copy.deepcopy(self.meta)
                change(meta)
                metadata.check_meta(meta, TOP)

    def test_a_version_that_differs_is_found(self):
        self.meta["version"] = "9.9.9"
        with self.assertRaises(metadata.Fault):
            metadata.check_versions(self.meta, TOP)


if __name__ == "__main__":
    unittest.main()
