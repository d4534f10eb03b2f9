import config


def test_it():
    assert config.settings.api_key
