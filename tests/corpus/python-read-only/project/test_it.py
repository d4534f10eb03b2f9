import os


def test_it():
    raise PermissionError(13, os.strerror(13), '/var/lib/ledger/rows.db')
