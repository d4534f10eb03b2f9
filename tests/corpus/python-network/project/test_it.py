import urllib.request


def test_it():
    urllib.request.urlopen('http://ledger.example.invalid/')
