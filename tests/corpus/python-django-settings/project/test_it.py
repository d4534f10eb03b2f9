from django.conf import settings


def test_it():
    assert settings.SECRET_KEY
