from app import version


def test_version():
    assert version("pytest")
