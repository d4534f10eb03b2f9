import fast


def test_fast():
    assert fast
