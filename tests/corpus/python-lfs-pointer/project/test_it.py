import json
import pathlib


def test_it():
    text = pathlib.Path('data.json').read_text()
    assert text.startswith('{'), text
    json.loads(text)
