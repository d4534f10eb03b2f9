import locale


def test_it():
    locale.setlocale(locale.LC_ALL, 'de_DE.UTF-8')
