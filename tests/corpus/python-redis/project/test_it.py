import redis


def test_it():
    assert redis.Redis().ping()
