import pathlib


def test_it():
    assert pathlib.Path('tests/data/rows.csv').read_text()
