#!/usr/bin/python3
"""Works out which distributions a Python project's tests need, and writes them down as pins.

What the project says (requirements files, a project with extras and groups, lines, lock files) is
resolved together by uv. A lock file is a set of constraints: it decides versions, not what is
installed. What is asked for but absent from the lock, or at odds with it, is an error that says so.
With CODEGOD_LOCK=prefer a lock file that is older than the manifests decides as far as it goes.
Folders of the workspace can't be part of an environment; they are noted as `#local FOLDER`.
With CODEGOD_PINS=at-least, exact pins of files and lines are lower bounds, and lock files hold nothing. With
CODEGOD_URLS=leave-out, lines that are a bare address are left out.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

WORKSPACE = Path(os.environ.get("CODEGOD_WORKSPACE", "/workspace"))


def normalised(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(path):
    """The versions that a lock file holds, by distribution."""
    text = path.read_text(encoding="utf-8")
    versions = {}
    if path.name == "Pipfile.lock":
        lock = json.loads(text)
        for section in ("default", "develop"):
            for name, entry in lock.get(section, {}).items():
                version = entry.get("version", "") if isinstance(entry, dict) else ""
                if version.startswith("=="):
                    versions.setdefault(normalised(name), set()).add(version[2:])
        return versions
    for package in tomllib.loads(text).get("package", []):
        source = package.get("source", {})
        local = isinstance(source, dict) and (
            source.get("type") in ("git", "directory", "file", "url")
            or any(key in source for key in ("git", "virtual", "editable", "directory", "path", "url"))
        )
        if "version" in package and not local and not any(key in package for key in ("git", "path", "url")):
            versions.setdefault(normalised(package["name"]), set()).add(package["version"])
    return versions


def names_in(lines):
    """The distributions that requirement lines name, but for those that only some interpreters or systems get:
    whether a lock has these depends on more than the line."""
    lines = lines if isinstance(lines, list) else []
    found = (re.match(r"\s*([A-Za-z0-9][\w.-]*)", line) for line in lines if isinstance(line, str) and ";" not in line)
    return {normalised(name[1]) for name in found if name}


def names_of(table):
    """The same of a table as Poetry and Pipenv have it; what comes from elsewhere has other names in a lock."""
    table = table if isinstance(table, dict) else {}
    plain = (name for name, value in table.items() if isinstance(value, str) or (isinstance(value, dict) and set(value) <= {"version", "extras"}))
    return {normalised(name) for name in plain if name != "python"}


def asked(folder, lock):
    """The distributions that the manifest of a folder asks for and that its lock file therefore holds."""
    manifest = folder / ("Pipfile" if lock.name == "Pipfile.lock" else "pyproject.toml")
    try:
        table = tomllib.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return set()
    if manifest.name == "Pipfile":
        return names_of(table.get("packages")) | names_of(table.get("dev-packages"))
    project, tool = table.get("project", {}), table.get("tool", {})
    poetry = tool.get("poetry", {}) if lock.name == "poetry.lock" else {}
    found = names_in(project.get("dependencies")) | names_of(poetry.get("dependencies")) | names_of(poetry.get("dev-dependencies"))
    groups = [*project.get("optional-dependencies", {}).values(), *table.get("dependency-groups", {}).values()]
    # Of pdm's groups, a lock holds those that were asked for when it was made.
    for group in [] if lock.name == "pdm.lock" else groups:
        found |= names_in(group)
    for group in poetry.get("group", {}).values():
        found |= names_of(group.get("dependencies"))
    if lock.name == "uv.lock":
        found |= names_in(tool.get("uv", {}).get("dev-dependencies"))
    return found - {normalised(str(project.get("name") or poetry.get("name") or ""))}


def known(lock, projects):
    """Every distribution that a lock file names, wherever it comes from; of uv's, what it says that the projects
    asked for when it was made."""
    if lock.name == "Pipfile.lock":
        table = json.loads(lock.read_text(encoding="utf-8"))
        return {normalised(name) for section in table.values() if isinstance(section, dict) for name in section}
    packages = tomllib.loads(lock.read_text(encoding="utf-8")).get("package", [])
    names = {normalised(package["name"]) for package in packages}
    if lock.name != "uv.lock":
        return names
    places = {"."} | {os.path.relpath(WORKSPACE / folder, lock.parent) for folder in projects}
    own = [package for package in packages if {"editable", "virtual"} & set(package["source"]) and set(package["source"].values()) & places]
    # The first versions of the format did not say it.
    if not own or any("metadata" not in package and {"dependencies", "dev-dependencies"} & set(package) for package in own):
        return names
    told = [package.get("metadata", {}) for package in own]
    lists = [one.get("requires-dist", []) for one in told] + [group for one in told for group in one.get("requires-dev", {}).values()]
    return {normalised(entry["name"]) for entries in lists for entry in entries}


def sum_of(content, **options):
    return hashlib.sha256(json.dumps(content, sort_keys=True, **options).encode()).hexdigest()


def poetry_sums(table):
    """The hashes that releases of Poetry would put into a lock file."""
    project, poetry = table.get("project", {}), table.get("tool", {}).get("poetry", {})
    stated = {key: project[key] for key in ("requires-python", "dependencies", "optional-dependencies") if key in project}
    legacy = {key: poetry.get(key) for key in ("dependencies", "source", "extras", "dev-dependencies")}
    group = {"group": poetry["group"]} if "group" in poetry else {}
    kept = {key: value for key, value in legacy.items() if value is not None or not stated}
    newer = {"project": stated, "tool": {"poetry": {**kept, **group}}}
    groups = {"dependency-groups": table.get("dependency-groups", {})}
    return [sum_of(content) for content in (legacy, {**legacy, **group}, newer, {**newer, **groups})]


def pipenv_sums(table):
    said = {"sources": table.get("source", []), "requires": table.get("requires", {})}
    content = {"_meta": said, "default": table.get("packages", {}), "develop": table.get("dev-packages", {})}
    others = set(table) - {"source", "requires", "packages", "dev-packages", "scripts", "pipfile", "pipenv"}
    return [sum_of({**content, **{key: table[key] for key in others}}, separators=(",", ":"))]


def is_another_s(lock):
    """Whether a lock file says by its hash that it was made of other requirements."""
    try:
        if lock.name == "poetry.lock":
            said = tomllib.loads(lock.read_text(encoding="utf-8"))["metadata"]["content-hash"]
            return said not in poetry_sums(tomllib.loads((lock.parent / "pyproject.toml").read_text(encoding="utf-8")))
        if lock.name == "Pipfile.lock":
            said = json.loads(lock.read_text(encoding="utf-8"))["_meta"]["hash"]["sha256"]
            return said not in pipenv_sums(tomllib.loads((lock.parent / "Pipfile").read_text(encoding="utf-8")))
    except (AttributeError, KeyError, OSError, TypeError, ValueError):
        pass
    return False


def lacking(lock, projects):
    """What the manifests ask for and their lock file does not know: it is older than they are."""
    folders = {lock.parent} | ({WORKSPACE / folder for folder in projects} if lock.name == "uv.lock" else set())
    try:
        return sorted(set().union(*(asked(folder, lock) for folder in folders)) - known(lock, projects))
    except (AttributeError, KeyError, TypeError, ValueError):
        return []  # Of another shape than any tool writes: nothing can be said.


def told_by_hash(locks):
    """Whether lock files were seen by their hash to be of what the manifests ask for."""
    return all(Path(path).name in ("poetry.lock", "Pipfile.lock") for path in locks)


def is_too_old(name, version):
    """Runners that old do not start on any interpreter at hand, whatever a lock says."""
    return name == "pytest" and tuple(int(part) for part in re.findall(r"\d+", version)[:3]) < (6, 2, 5)


def constraints(versions):
    """A lock that holds several versions of one distribution leaves the choice among them open."""
    lines = []
    for name, found in sorted(versions.items()):
        version = next(iter(found))
        if is_too_old(name, version):
            print(f"note: the locked {name} {version} does not run here", file=sys.stderr)
        elif len(found) == 1:
            lines.append(f"{name}=={version}")
    return lines


def compile_pins(arguments, folder):
    command = ["uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--color", "never", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def written(temporary, name, lines):
    path = Path(temporary) / name
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


def loosened(temporary, path, seen=None):
    """A copy of a requirements file and of those that it includes, without what the environment says is not to
    be obeyed to the letter: exact pins, addresses that can't be reached."""
    seen = {} if seen is None else seen
    path = Path(os.path.normpath(path))
    if path in seen:
        return seen[path]
    copy = Path(temporary) / f"loose-{len(seen)}-{path.name}"
    seen[path] = str(copy)
    lines = []
    for line in path.read_text(encoding="utf-8", errors="replace").replace("\\\n", " ").splitlines():
        line = re.sub(r"\s--hash[=\s]\S+", "", line)
        included = re.match(r"\s*(-r|--requirement|-c|--constraint)[\s=]*(\S+)", line)
        if included and (path.parent / included[2]).is_file():
            is_file = included[1] in ("-r", "--requirement")
            option = "-r" if is_file else "-c"
            # What constrains pins as well: where pins are lower bounds, it holds nobody back.
            kept = is_file or os.environ.get("CODEGOD_PINS") != "at-least"
            line = f"{option} {loosened(temporary, path.parent / included[2], seen)}" if kept else ""
        elif re.match(r"\s*(-e|--editable)[\s=]", line) or line.strip().startswith("."):
            line = re.sub(r"(\s*(?:-e|--editable)[\s=]*|\s*)(\.\S*)", lambda found: f"{found[1]}{path.parent}/{found[2]}", line)
        if os.environ.get("CODEGOD_URLS") == "leave-out" and re.match(r"\s*(?:git\+)?https?://[^\s#]+\s*$", line):
            print(f"note: {line.strip()} is left out", file=sys.stderr)
            continue
        lines.append(loose(line))
    copy.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(copy)


def loose(line):
    if os.environ.get("CODEGOD_PINS") != "at-least":
        return line
    return re.sub(r"(?<=[\w\]\s])===?\s*(?=\d)(?![^,;\s]*\*)", ">=", line.split(" #")[0])


def local_folder(line):
    """The folder of the workspace that a pin stands for; none when it stands for a distribution."""
    target = re.sub(r"^(-e|--editable)\s+", "", line).split(" ;")[0].strip()
    target = target.split(" @ ", 1)[-1]
    if target.startswith("file://"):
        path = Path(target.removeprefix("file://").split("#")[0])
    elif target.startswith((".", "/")):
        path = WORKSPACE / target
    else:
        return None
    path = Path(os.path.normpath(path))
    return os.path.relpath(path, WORKSPACE) if path.is_relative_to(WORKSPACE) else None


def options():
    parser = argparse.ArgumentParser(prog="codegod-resolve", description=__doc__)
    parser.add_argument("--python", default="3.11")
    parser.add_argument("--out", required=True, help="the file to write, below the workspace")
    parser.add_argument("--project", action="append", default=[], metavar="FOLDER")
    parser.add_argument("--extra", action="append", default=[])
    parser.add_argument("--group", action="append", default=[])
    parser.add_argument("--file", action="append", default=[], help="a requirements file")
    parser.add_argument("--line", action="append", default=[], help="a requirement line")
    parser.add_argument("--override", action="append", default=[], help="a line that replaces the project's own")
    parser.add_argument("--lock", action="append", default=[], help="a lock file")
    return parser.parse_args()


def manifest_of(folder):
    for name in ("pyproject.toml", "setup.py", "setup.cfg"):
        path = WORKSPACE / folder / name
        if name == "pyproject.toml" and path.exists():
            text = path.read_text(encoding="utf-8", errors="replace")
            if "[project]" not in text and "[tool.poetry" not in text and "[tool.flit" not in text:
                continue
        if path.exists():
            return str(path)
    return None


def main():
    given = options()
    out = WORKSPACE / given.out
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = WORKSPACE / (given.project[0] if given.project else "")
    with tempfile.TemporaryDirectory() as temporary:
        arguments = ["--python-version", given.python]
        arguments += [path for path in map(manifest_of, given.project) if path]
        if os.environ.get("CODEGOD_PINS") or os.environ.get("CODEGOD_URLS"):
            given.file = [loosened(temporary, WORKSPACE / path) for path in given.file]
        if os.environ.get("CODEGOD_PINS") == "at-least":
            given.line, given.lock = [loose(line) for line in given.line], []
        arguments += [str(WORKSPACE / path) for path in given.file]
        if given.line or len(arguments) == 2:
            arguments.append(written(temporary, "lines.txt", given.line))
        arguments += [word for extra in given.extra for word in ("--extra", extra)]
        arguments += [word for group in given.group for word in ("--group", group)]
        if given.override:
            arguments += ["--override", written(temporary, "overrides.txt", given.override)]
        preferred = os.environ.get("CODEGOD_LOCK") == "prefer"
        for path in [] if preferred else given.lock:
            absent = lacking(WORKSPACE / path, given.project)
            if absent or is_another_s(WORKSPACE / path):
                what = f"it has no {', '.join(absent[:8])}" if absent else "its hash is another's"
                print(f"error: {path} does not fit what the project asks for: {what}", file=sys.stderr)
                return 1
        replaced = {normalised(re.match(r"[\w.-]*", line.strip())[0]) for line in given.override}
        fixed = [line for path in given.lock for line in constraints(locked(WORKSPACE / path)) if line.split("==")[0] not in replaced]
        pins = written(temporary, "lock.txt", fixed)
        if preferred:
            # What an output file holds already is kept where it can be.
            done = compile_pins([*arguments, "--output-file", pins], folder)
            done.stdout = Path(pins).read_text(encoding="utf-8")
            locks = []
        else:
            locks = ["--constraint", pins] if fixed else []
            done = compile_pins(arguments + locks, folder)
        if done.returncode != 0 and locks:
            # Without the lock it can be done: then it is the lock that does not fit.
            freely = compile_pins(arguments, folder)
            if freely.returncode == 0:
                sys.stderr.write(done.stderr)
                said = "holds other releases than what is asked for beside it" if told_by_hash(given.lock) else "does not fit what the project asks for"
                print(f"error: {', '.join(given.lock)} {said}", file=sys.stderr)
                return 1
    sys.stderr.write(done.stderr)
    if done.returncode != 0:
        return done.returncode
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    folders = sorted({local_folder(line) for line in lines} - {None})
    pins = [line for line in lines if local_folder(line) is None]
    out.write_text("".join(f"{line}\n" for line in [*(f"#local {folder}" for folder in folders), *pins]), encoding="utf-8")
    print(f"{len(pins)} distributions, {len(folders)} folders of the workspace")
    return 0


if __name__ == "__main__":
    sys.exit(main())
