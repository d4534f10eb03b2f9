from app import link


def test_link():
    assert link("a b") == "/a%20b"
