"""Parses every Python, JSON, TOML and plain JavaScript file below a path and names what does not parse."""

import ast
import json
import os
import subprocess
import sys
import tomllib

SKIPPED = {"node_modules", ".git", ".venv", "venv", "__pycache__", "dist", "build"}


def python(path, data):
    ast.parse(data, filename=path)


def parse_json(path, data):
    # Editors' settings may hold comments; those files are theirs.
    if os.path.basename(path).startswith("tsconfig") or "/.vscode/" in path:
        return
    json.loads(data)


def toml(path, data):
    tomllib.loads(data.decode())


def javascript(path, data):
    done = subprocess.run(["node", "--check", path], capture_output=True, text=True, timeout=30)
    if done.returncode:
        raise SyntaxError(done.stderr.strip().splitlines()[0] if done.stderr else "node --check failed")


PARSERS = {".py": python, ".json": parse_json, ".toml": toml, ".mjs": javascript, ".cjs": javascript, ".js": javascript}


def files(top):
    if os.path.isfile(top):
        yield top
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        for name in sorted(names):
            yield os.path.join(folder, name)


def main(top):
    checked, broken = 0, 0
    for path in files(top):
        parser = PARSERS.get(os.path.splitext(path)[1])
        if parser is None or os.path.islink(path):
            continue
        checked += 1
        try:
            with open(path, "rb") as file:
                parser(path, file.read())
        except Exception as error:
            broken += 1
            line = getattr(error, "lineno", None)
            print(f"{path}{f':{line}' if line else ''}: {error}")
    print(f"{checked} files parsed, {broken} broken")
    return 1 if broken or not checked else 0


sys.exit(main(sys.argv[1]))
