import django


def test_it():
    django.setup()
    from django.core.signing import Signer

    Signer().sign('a')
