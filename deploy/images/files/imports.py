"""Names every module that files of a project would miss, once one was missed: Python itself stops at the first.

Only what is certain to be imported counts: statements of a module's own level, outside of `try` and `if`, in
files that are reached from those given by such imports alone. Nothing is run. What Django is told by name
(`INSTALLED_APPS`, `MIDDLEWARE`) is an import as well.
"""

import ast
import importlib.util
import os
import re
import sys

MAX_FILES = 1000
NAMESPACES = {"azure", "google", "zope"}
NAMED_BY_SETTINGS = {"INSTALLED_APPS", "MIDDLEWARE"}


class Walk:
    """A walk over the project's own files."""

    def __init__(self, top):
        self.top = os.path.realpath(top)
        folders = [self.top, os.path.join(self.top, "src"), *(os.path.realpath(path or ".") for path in sys.path)]
        inside = [path for path in folders if (path + os.sep).startswith(self.top + os.sep) and "site-packages" not in path]
        self.roots = list(dict.fromkeys(inside))
        self.seen = set()
        self.todo = []
        self.missed = {}

    def of(self, starts):
        """What is missing: each module with the file, the line and its text."""
        self.todo = [os.path.join(self.top, start) for start in starts]
        while self.todo and len(self.seen) < MAX_FILES:
            path = os.path.realpath(self.todo.pop())
            if path not in self.seen and (path + os.sep).startswith(self.top + os.sep):
                self.seen.add(path)
                self.visit(path)
        return self.missed.values()

    def visit(self, path):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                text = file.read()
            body = ast.parse(text).body
        except (OSError, SyntaxError, ValueError, RecursionError):
            return
        lines = text.splitlines()
        for statement in body:
            place = (path, statement.lineno, lines[statement.lineno - 1].strip())
            if isinstance(statement, ast.Import):
                for alias in statement.names:
                    self.follow(alias.name, place)
            elif isinstance(statement, ast.ImportFrom) and statement.level == 0:
                self.follow(statement.module or "", place)
                for alias in statement.names:
                    self.own(f"{statement.module}.{alias.name}")
            elif isinstance(statement, ast.ImportFrom):
                folder = path
                for _ in range(statement.level):
                    folder = os.path.dirname(folder)
                names = (statement.module or "").split(".") if statement.module else []
                self.enter(os.path.join(folder, *names))
                for alias in statement.names:
                    self.enter(os.path.join(folder, *names, alias.name))
            elif isinstance(statement, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
                self.told(statement, place)

    def told(self, statement, place):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        if not any(isinstance(target, ast.Name) and target.id in NAMED_BY_SETTINGS for target in targets):
            return
        for element in getattr(statement.value, "elts", []):
            name = element.value if isinstance(element, ast.Constant) else None
            if isinstance(name, str) and re.fullmatch(r"[A-Za-z_][\w.]*", name):
                self.follow(name, place)
                for part in ("apps", "models"):
                    self.own(f"{name}.{part}")

    def follow(self, name, place):
        top = name.split(".")[0]
        if not top or self.own(name) or top in sys.builtin_module_names or top in getattr(sys, "stdlib_module_names", ()):
            return
        try:
            there = top in sys.modules or importlib.util.find_spec(top) is not None
        except (ImportError, ValueError, AttributeError):
            there = True
        # Once for each distribution; of a namespace, every part is one.
        if not there:
            self.missed.setdefault(top if top not in NAMESPACES else name, (name, *place))

    def own(self, name):
        """Whether a module is the project's own, which is then looked into, with the packages around it."""
        parts = name.split(".")
        for root in self.roots:
            first = os.path.join(root, parts[0])
            if os.path.isfile(first + ".py") or os.path.isdir(first):
                for end in range(1, len(parts) + 1):
                    self.enter(os.path.join(root, *parts[:end]))
                return True
        return False

    def enter(self, place):
        for path in (place + ".py", os.path.join(place, "__init__.py")):
            if os.path.isfile(path):
                self.todo.append(path)


def settings_module():
    """The file of Django's settings, where the project's `manage.py` or its environment names them."""
    name = os.environ.get("DJANGO_SETTINGS_MODULE")
    try:
        with open("manage.py", encoding="utf-8", errors="replace") as file:
            found = re.search(r"DJANGO_SETTINGS_MODULE['\"],\s*['\"]([\w.]+)['\"]", file.read())
        name = name or (found and found[1])
    except OSError:
        pass
    return [os.path.join(*name.split(".")) + ".py"] if name else []


def report(starts):
    """Says, as a traceback does, what the files that could not be imported miss."""
    try:
        missed = Walk(os.getcwd()).of([*starts, *settings_module()])
    except Exception as error:  # Whatever it is: this only adds to what was said already.
        sys.__stderr__.write(f"{error!r}\n")
        return
    for module, path, line, text in missed:
        path = os.path.relpath(path)
        sys.__stderr__.write(f'  File "{path}", line {line}, in <module>\n    {text}\nModuleNotFoundError: No module named {module!r}\n')
    sys.__stderr__.flush()


def own_files(text):
    """The project's files that tracebacks name."""
    found = re.findall(r'File "([^"\n]+\.py)"|^([^\s:"\']+\.py):\d+: in ', text, re.MULTILINE)
    paths = dict.fromkeys(os.path.relpath(one or other) for one, other in found)
    return [path for path in paths if not path.startswith("..")]
