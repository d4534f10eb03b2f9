import magic


def test_it():
    assert magic.from_buffer(b'x')
