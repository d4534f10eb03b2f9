from shop import config


def test_it_reads():
    assert config.read("a: 1") == {"a": 1}
