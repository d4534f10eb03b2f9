import os


def test_mocked(mocker):
    mocker.patch("os.getcwd", return_value="/x")
    assert os.getcwd() == "/x"


def test_web(requests_mock):
    requests_mock.get("http://a/", text="x")
