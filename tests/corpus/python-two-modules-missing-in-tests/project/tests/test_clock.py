import freezegun
import clock


def test_today():
    with freezegun.freeze_time("2020-02-02"):
        assert clock.today().year == 2020
