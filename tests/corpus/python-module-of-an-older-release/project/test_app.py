from app import is_slow


def test_slow():
    assert not is_slow(ValueError())
