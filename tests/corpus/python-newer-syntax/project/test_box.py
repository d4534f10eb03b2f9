from box import Box


def test_box():
    assert Box(1).thing == 1
