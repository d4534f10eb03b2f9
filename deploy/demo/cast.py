#!/usr/bin/env python3
"""Runs a program on a terminal of its own and writes what it draws as an asciicast, version 2.

    cast.py FILE COLUMNS ROWS PROGRAM [ARGUMENT ...]

What is typed goes to the program, what it draws goes to this terminal and into the file: one header, then
a line of JSON for each piece, with the seconds since the start.
"""

import codecs
import json
import os
import pty
import sys
import time


def main(path, columns, rows, command):
    start = time.monotonic()
    # A character may come in two pieces.
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    header = {
        "version": 2,
        "width": int(columns),
        "height": int(rows),
        "timestamp": int(time.time()),
        # Players wait no longer than that where nothing happens.
        "idle_time_limit": 2.0,
        "title": "codegod console",
        "env": {"TERM": os.environ.get("TERM", "xterm-256color")},
    }
    with open(path, "w", encoding="utf-8") as cast:
        print(json.dumps(header), file=cast)

        def drawn(terminal):
            data = os.read(terminal, 65536)
            text = decode(data)
            if text:
                piece = [round(time.monotonic() - start, 3), "o", text]
                print(json.dumps(piece, ensure_ascii=False), file=cast, flush=True)
            return data

        # The size is set before the program looks at it.
        size = f'stty rows {int(rows)} cols {int(columns)}; exec "$@"'
        status = pty.spawn(["sh", "-c", size, "sh", *command], drawn)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]))
