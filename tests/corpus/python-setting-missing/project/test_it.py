import config


def test_it():
    assert config.API_TOKEN
