import config


def test_it():
    assert config.PAGE_SIZE == 20
