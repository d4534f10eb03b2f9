import requests
import requests_mock


def test_get():
    with requests_mock.Mocker() as mocker:
        mocker.get("http://a/", text="x")
        assert requests.get("http://a/").text == "x"
