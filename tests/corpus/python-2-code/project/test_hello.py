from hello import hello


def test_hello():
    hello("you")
