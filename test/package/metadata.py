#!/usr/bin/env python3
"""Checks META.json against the PGXN Meta Spec 1.0, and that the version is the
same wherever it stands.

    test/package/metadata.py [--version] FOLDER

--version prints the version of META.json instead.
"""

import json
import pathlib
import re
import sys

VERSION = r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-?[A-Za-z][0-9A-Za-z-]*)?"
RANGE = r"(?:(?:<=|<|>=|>|==|!=)?\s*%s)(?:\s*,\s*(?:<=|<|>=|>|==|!=)?\s*%s)*" % (VERSION, VERSION)
LICENSES = set(
    """agpl_3 apache_1_1 apache_2_0 artistic_1 artistic_2 bsd freebsd gfdl_1_2 gfdl_1_3 gpl_1
    gpl_2 gpl_3 lgpl_2_1 lgpl_3_0 mit mozilla_1_0 mozilla_1_1 openssl perl_5 postgresql qpl_1_0
    ssleay sun zlib open_source restricted unrestricted unknown""".split()
)
PHASES = {"configure", "build", "test", "runtime", "develop"}
RELATIONS = {"requires", "recommends", "suggests", "conflicts"}


class Fault(Exception):
    """What is wrong, with the place in the file."""


def need(condition, place, what):
    if not condition:
        raise Fault("%s: %s" % (place, what))


def text(value, place):
    need(isinstance(value, str) and value != "", place, "not a text, or empty")


def texts(value, place):
    """A text, or a list of some."""
    values = value if isinstance(value, list) else [value]
    need(values, place, "an empty list")
    for number, one in enumerate(values):
        text(one, "%s[%d]" % (place, number))


def term(value, place):
    """A name: at least two characters, no space, slash or control character."""
    text(value, place)
    need(re.fullmatch(r"[^\s/\\\x00-\x1f\x7f]{2,}", value), place, "not a name")


def version(value, place):
    text(value, place)
    need(re.fullmatch(VERSION, value), place, "not a semantic version")


def version_range(value, place):
    need(value == 0 or (isinstance(value, str) and re.fullmatch(RANGE + "|0", value)),
         place, "not a range of versions")


def url(value, place):
    text(value, place)
    need(re.match(r"[a-z][a-z0-9+.-]*://\S+$", value), place, "not a URL")


def licenses(value, place):
    if isinstance(value, dict):
        need(value, place, "empty")
        for name, address in value.items():
            text(name, place)
            url(address, "%s.%s" % (place, name))
        return
    texts(value, place)
    for one in value if isinstance(value, list) else [value]:
        need(one in LICENSES, place, "%r is no license of the specification" % one)


def mapping(value, place, required=(), optional=()):
    """An object whose keys are known; others begin with x_."""
    need(isinstance(value, dict), place, "not an object")
    for key in required:
        need(key in value, place, "%s is missing" % key)
    for key in value:
        need(key in required or key in optional or re.match("[xX]_", key), place,
             "unknown key %s" % key)


def provides(value, place, folder):
    need(isinstance(value, dict) and value, place, "not an object, or empty")
    for name, extension in value.items():
        here = "%s.%s" % (place, name)
        term(name, here)
        mapping(extension, here, ("file", "version"), ("abstract", "docfile"))
        version(extension["version"], here + ".version")
        for key in {"file", "docfile", "abstract"} & set(extension):
            text(extension[key], "%s.%s" % (here, key))
        for key in {"file", "docfile"} & set(extension):
            need((folder / extension[key]).is_file(), "%s.%s" % (here, key), "no such file")


def prereqs(value, place):
    mapping(value, place, (), PHASES)
    for phase, relations in value.items():
        mapping(relations, "%s.%s" % (place, phase), (), RELATIONS)
        for relation, wanted in relations.items():
            here = "%s.%s.%s" % (place, phase, relation)
            need(isinstance(wanted, dict), here, "not an object")
            for name, which in wanted.items():
                term(name, here)
                version_range(which, "%s.%s" % (here, name))


def resources(value, place):
    mapping(value, place, (), ("homepage", "bugtracker", "repository"))
    if "homepage" in value:
        url(value["homepage"], place + ".homepage")
    if "bugtracker" in value:
        mapping(value["bugtracker"], place + ".bugtracker", (), ("web", "mailto"))
    if "repository" in value:
        mapping(value["repository"], place + ".repository", (), ("url", "web", "type"))


def tags(value, place):
    need(isinstance(value, list) and value, place, "not a list, or empty")
    for number, one in enumerate(value):
        here = "%s[%d]" % (place, number)
        text(one, here)
        need(re.fullmatch(r"[^/\\\x00-\x1f\x7f]{1,255}", one), here, "not a tag")


REQUIRED = ("abstract", "license", "maintainer", "meta-spec", "name", "provides", "version")
OPTIONAL = ("description", "generated_by", "no_index", "prereqs", "release_status", "resources", "tags")


def check_meta(meta, folder):
    """Raises Fault at the first thing the specification does not allow."""
    mapping(meta, "META.json", REQUIRED, OPTIONAL)
    for key in ("abstract", "description", "generated_by"):
        if key in meta:
            text(meta[key], key)
    term(meta["name"], "name")
    version(meta["version"], "version")
    texts(meta["maintainer"], "maintainer")
    licenses(meta["license"], "license")
    mapping(meta["meta-spec"], "meta-spec", ("version",), ("url",))
    need(meta["meta-spec"]["version"] == "1.0.0", "meta-spec.version", "not 1.0.0")
    provides(meta["provides"], "provides", folder)
    if "prereqs" in meta:
        prereqs(meta["prereqs"], "prereqs")
    if "resources" in meta:
        resources(meta["resources"], "resources")
    if "tags" in meta:
        tags(meta["tags"], "tags")
    if "no_index" in meta:
        mapping(meta["no_index"], "no_index", (), ("file", "directory"))
    if "release_status" in meta:
        need(meta["release_status"] in ("stable", "testing", "unstable"), "release_status", "unknown")


def first_match(pattern, path):
    found = re.search(pattern, path.read_text(encoding="utf-8"), re.M)
    need(found, path.name, "no version found")
    return found[1]


def check_versions(meta, folder):
    """One version in all places: the extension's is its first two numbers.
    A release archive has no debian/."""
    whole = meta["version"]
    short = ".".join(whole.split(".")[:2])
    places = [
        ("provides.wfm_fdw.version", whole, meta["provides"]["wfm_fdw"]["version"]),
        ("provides.wfm_fdw.file", "wfm_fdw--%s.sql" % short, meta["provides"]["wfm_fdw"]["file"]),
        ("wfm_fdw.control", short, first_match(r"^default_version = '(.*)'", folder / "wfm_fdw.control")),
        ("CHANGELOG.md", whole, first_match(r"^## (\S+)", folder / "CHANGELOG.md")),
    ]
    debian = folder / "debian" / "changelog"
    if debian.exists():
        places.append(("debian/changelog", whole, first_match(r"\A\S+ \((.*)-[^-]*\)", debian)))
    for place, wanted, found in places:
        need(found == wanted, place, "is %s, should be %s" % (found, wanted))


def check(folder):
    """Raises Fault, or returns the content of META.json."""
    with open(folder / "META.json", encoding="utf-8") as file:
        meta = json.load(file)
    check_meta(meta, folder)
    check_versions(meta, folder)
    return meta


def main():
    words = sys.argv[1:]
    try:
        meta = check(pathlib.Path(words[-1]))
    except (Fault, ValueError) as fault:
        sys.exit("META.json: %s" % fault)
    if words[0] == "--version":
        print(meta["version"])


if __name__ == "__main__":
    main()
