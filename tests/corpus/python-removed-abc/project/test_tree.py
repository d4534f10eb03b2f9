from tree import is_map


def test_map():
    assert is_map({})
